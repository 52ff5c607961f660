"""Where the cluster's own requests go (S21): only to addresses that are one machine's own, however somebody asks for another; never to where an answer points; never to a name that
came to mean something else."""
import http.server
import re
import subprocess
import threading
import time

import pytest

from support import canned
from support.api import Api
from support.cluster import ROOT, free_port, wait_for
from support.files import pdf
from support.holder import row, source, sources
from support.inside import Inside
from support.lying_peer import LyingPeer
from support.peers import file_path, sha256
from support.ringbinder import Ringbinder
from support.signed import Session

# What a node may not say to be its own address.
BAD = ["", "file:///etc/passwd", "gopher://127.0.0.1:70/_x", "ftp://127.0.0.1:21", "dict://127.0.0.1:11211/", "unix:/run/redis.sock", "//127.0.0.1:80", "127.0.0.1:80",
       "HTTP://127.0.0.1:80", "http://127.0.0.1", "http://127.0.0.1:0", "http://127.0.0.1:65536", "http://127.0.0.1:080", "http://127.0.0.1:80/", "http://127.0.0.1:80/x",
       "http://127.0.0.1:80?x", "http://127.0.0.1:80#x", "http://a@127.0.0.1:80", "http://a:b@127.0.0.1:80", "http://127.0.0.1:80@169.254.169.254:80",
       "http://169.254.169.254:80", "http://169.254.0.1:80", "http://0.0.0.0:80", "http://224.0.0.1:80", "http://255.255.255.255:80", "http://240.0.0.1:80",
       "http://[::]:80", "http://[fe80::1]:80", "http://[fe80::1%25eth0]:80", "http://[ff02::1]:80", "http://[::ffff:169.254.169.254]:80",
       "http://[::ffff:127.0.0.1]:80", "http://[::127.0.0.1]:80", "http://[::ffff:a9fe:a9fe]:80", "http://2852039166:80", "http://0xa9fea9fe:80",
       "http://0251.0376.0251.0376:80", "http://127.1:80", "http://localhost:80", "http://metadata.google.internal:80", "http://127.0.0.1.nip.io:80",
       "http://127.0.0.1:80\r\nX: y", "http://127.0.0.1 :80", "http://①②⑦.⓪.⓪.①:80", "https://127.0.0.1:80"]


class Trap:
    """Listens, and counts who comes."""

    def __init__(self):
        self.heard = []
        trap = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                trap.heard.append((self.path, dict(self.headers)))
                self.send_response(200)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"trap")

            do_POST = do_PUT = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def outbound(homes):
    cluster = homes("outbound", RB_ADOPT_AFTER=1).up()
    assert Api(cluster.url).upload("OUT 101", pdf("outbound")).status_code == 201
    return cluster


def member(cluster, name, url):
    return {"id": Inside(cluster).node_id(name), "name": name, "url": url, "zone": "", "weight": 1, "stores": True, "files": 0, "bytes": 0, "capacity_bytes": 1, "free_bytes": 1,
            "ring": 1, "load": 0, "quarantined": 0, "machine": "", "volume": ""}


@pytest.mark.parametrize("path", ["/join", "/heartbeat"])
def test_a_member_gives_one_machines_own_address_or_none(outbound, path):
    """The row of S21: with a node's own keys, and still."""
    known = {n["name"]: n["url"] for n in Inside(outbound, "tool:look").get("coordinator-1", "/ring").json()["nodes"]}
    sender = Inside(outbound, f"node:{Inside(outbound).node_id('node-3')}")
    for url in BAD:
        for name in outbound.names("coordinator"):
            answer = sender.post(name, path, member(outbound, "node-3", url))
            assert answer.status_code in (400, 422), (url, answer.status_code, answer.text)
    assert {n["name"]: n["url"] for n in Inside(outbound, "tool:look").get("coordinator-1", "/ring").json()["nodes"]} == known


def test_what_stands_in_redis_is_looked_at_as_well(outbound):
    """Somebody who got at Redis can put addresses there; nobody calls them."""
    redis, api = outbound.redis(), Api(outbound.url)
    with Trap() as trap:
        for bad in (f"http://localhost:{trap.port}", f"http://a@127.0.0.1:{trap.port}", f"http://[::ffff:127.0.0.1]:{trap.port}", f"http://0.0.0.0:{trap.port}"):
            end, put = time.monotonic() + 1.5, 0
            while time.monotonic() < end:  # heartbeats put it right again, twice a second
                for node, text in redis.hgetall("rb:nodes").items():
                    spoilt = re.sub(rb'"url":"[^"]*"', b'"url":"' + bad.encode() + b'"', text)
                    put += spoilt != text and redis.hset("rb:nodes", node, spoilt) == 0
                api.get("/api/v1/cluster")
                api.bytes("OUT 101")
            assert put > 3
        assert trap.heard == []
    wait_for(lambda: {n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]} == {"up"}, 30, "heartbeats put it right again")


class Redirecting(LyingPeer):
    """A peer with the right signature, list and name, that sends everybody elsewhere."""

    def __init__(self, *args, to):
        self.to, self.sent = to, 0
        super().__init__(*args)

    def answer(self, request):
        self.sent += 1
        request.send_response(302)
        request.send_header("Location", self.to + request.path)
        request.send_header("X-Accel-Redirect", "/_blob/x")
        request.send_header("Content-Length", "0")
        request.end_headers()


def asked(cluster, answers):
    """Asks for the pointing peer's file once more; the status of every answer up to now."""
    got = Session().get(cluster.url + file_path("pointer", "pointed.txt"), timeout=30, allow_redirects=False)
    assert b"trap" not in got.content
    answers.append(got.status_code)
    return answers


def test_nobody_follows_where_a_peer_points(outbound, tmp_path):
    """Neither nginx, nor the api when it adopts, nor the command line."""
    data = b"the true bytes of a file\n" * 1000
    with Trap() as trap:
        peer = Redirecting(outbound, "pointer", "pointed.txt", data, data, to=trap.url)
        try:
            api = Api(outbound.url)
            wait_for(lambda: any(p["name"] == "pointer" for p in api.get("/api/v1/peers").json()["items"]), 20, "it is listed")
            answers = []
            wait_for(lambda: asked(outbound, answers).count(503) >= 3, 60, "nginx went to the peer and no further")
            assert set(answers) <= {410, 503}, answers  # 410: the peer's heartbeat came late on a busy machine, and it was not listed for a moment
            me = Ringbinder(outbound.url, tmp_path)
            me.run("obtain", "pointed.txt", "-o", "got", expect=4)
            assert not (tmp_path / "got").exists()
            me.run("obtain", sha256(data), "-o", "got", expect=4)
            time.sleep(2)  # for whoever adopts
            assert peer.sent > 3 and trap.heard == []
        finally:
            peer.stop()


def test_the_command_line_goes_where_it_was_sent_and_no_further(tmp_path):
    """A front that points elsewhere gets neither the request repeated there nor the token."""
    with Trap() as trap:
        (tmp_path / "a.pdf").write_bytes(pdf("a"))
        for status in (301, 302, 307, 308):
            def elsewhere(request, status=status):
                canned.send(request, status, b"", Location=trap.url + request.path)
            paths = ("GET /cluster", "GET /courses", "GET /courses/X", "GET /courses/X/syllabus", "PUT /courses/X/syllabus", "GET /peers/files")
            with canned.Canned({path: elsewhere for path in paths}) as front:
                me = Ringbinder(front.url, tmp_path, RB_TOKEN="rb_0123456789abcdef_" + "A" * 43)
                for words in (("status",), ("find", "x"), ("get", "X"), ("log", "X"), ("put", "a.pdf", "--course", "X"), ("obtain", "x.txt")):
                    assert me.run(*words, expect=None).returncode != 0, words
            assert len(front.asked) >= 6
        assert trap.heard == []


def test_a_holder_at_an_address_that_is_nobodys_is_not_called(tmp_path):
    """What a front tells of holders is no better than the front: such an address is passed by, and the file comes through the front."""
    data = b"some bytes that many have\n" * 5000
    with Trap() as trap:
        bad = [f"http://[::ffff:127.0.0.1]:{trap.port}", f"http://0.0.0.0:{trap.port}", "http://169.254.169.254:80", f"gopher://127.0.0.1:{trap.port}"]
        for url in bad:
            answers = {"GET /peers/files": canned.value({"items": [row(data, 1, name="x.txt")], "next": None, "total": 1}),
                       f"GET /peers/files/{sha256(data)}/sources": canned.value(sources(data, source(1, url, file="x.txt")))}
            with canned.Canned(answers) as front:
                me = Ringbinder(front.url, tmp_path, RB_TOKEN="")
                assert me.run("obtain", "x.txt", "-o", "got", expect=None, seconds=60).returncode != 0
        assert trap.heard == []


def test_a_node_follows_no_redirect_when_it_joins(outbound, tmp_path):
    token = tmp_path / "token"
    token.write_text("rbj_0123456789abcdef_" + "A" * 43 + "\n")
    token.chmod(0o600)
    with Trap() as trap, canned.Canned({"POST /join": lambda r: canned.send(r, 307, b"", Location=trap.url + r.path)}) as front:
        done = subprocess.run([outbound.program("ringbinder-node"), "--init", tmp_path / "node", "--join-token", token, "--join-url", front.url], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode != 0 and "307" in done.stderr
        assert trap.heard == []


def test_a_node_calls_no_coordinator_by_a_name(outbound, tmp_path):
    """So there is nothing to rebind: what cannot be looked up cannot come to mean another machine."""
    folder, port = tmp_path / "node", free_port()
    with Trap() as trap:
        subprocess.run([outbound.program("ringbinder-node"), "--init", folder, "--name", "node-9", "--key", outbound.home / "keys/cluster.key"], check=True, capture_output=True)
        with open(tmp_path / "log", "wb") as log:
            node = subprocess.Popen([outbound.program("ringbinder-node"), "--data", folder, "--listen", f"127.0.0.1:{port}", "--coordinators", f"http://localhost:{trap.port}"],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": "/usr/bin:/bin", "RB_JAIL": "kill,traceable"})
        try:
            wait_for(lambda: "cannot call" in (tmp_path / "log").read_text(), 20, "it says that it cannot")
            assert trap.heard == []
        finally:
            node.terminate()
            node.wait(timeout=30)


def test_every_handle_of_libcurl_is_told_the_same():
    """One place says protocols, redirects and proxies, and whoever names a URL goes by it."""
    sources = {path: path.read_text() for path in (ROOT / "lib/peer").glob("*.c")}
    assert not [path for folder in ("lib", "node", "coordinator", "fcgi", "cli") for path in (ROOT / folder).rglob("*.[ch]")
                if path.parent != ROOT / "lib/peer" and "curl/curl.h" in path.read_text()]
    for path, text in sources.items():
        if "CURLOPT_URL" in text:
            assert "dial_member(" in text or "dial_anybody(" in text, path
        if path.name != "dial.c":
            assert not re.search(r"CURLOPT_(PROTOCOLS|FOLLOWLOCATION|PROXY|REDIR|SSL_VERIFY|CAINFO|CAPATH)", text), path
    dial = sources[ROOT / "lib/peer/dial.c"]
    for line in ('CURLOPT_FOLLOWLOCATION, 0L', 'CURLOPT_PROXY, ""', 'CURLOPT_SSL_VERIFYPEER, 1L', 'CURLOPT_SSL_VERIFYHOST, 2L', 'CURLOPT_CAPATH, NULL'):
        assert line in dial, line
