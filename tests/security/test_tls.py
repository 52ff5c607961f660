"""TLS between the processes of a cluster (RB_TLS_PEERS=1): it does all its work over it, nobody without a certificate of its CA is heard or believed, and what cannot be right does not
start."""
import http.server
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from support.api import Api
from support.cluster import free_port, wait_for
from support.files import noise, pdf
from support.inside import Inside
from support.peers import Peer, wait_hashed
from support.ringbinder import Ringbinder
from support.signed import Session

BIG = 5 << 20  # larger than what travels with its record


def ca(cluster, *words, ago=None, check=True):
    """`ringbinder ca …`, as if it were so many days ago."""
    before = ["faketime", "-f", f"-{ago}d"] if ago else []
    return subprocess.run([*before, cluster.program("ringbinder"), "ca", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30, check=check)


class Certificates:
    """A folder with certificates of this CA, and of another one."""

    def __init__(self, cluster, folder):
        self.cluster, self.own, self.folder = cluster, cluster.home / "keys" / "ca", folder
        ca(cluster, "init", folder / "stranger", ago=20)
        self.ca = self.own / "ca.crt"

    def issue(self, name, address="127.0.0.1", days=30, ago=None, by=None):
        """(CA, certificate, key) of a new process."""
        place = by or self.own
        if not (place / f"{name}.crt").exists():
            ca(self.cluster, "issue", place, name, "--address", address, "--days", days, ago=ago)
        return self.ca, place / f"{name}.crt", place / f"{name}.key"

    def stranger(self, name="stranger", **how):
        return self.issue(name, by=self.folder / "stranger", **how)

    def expired(self):
        return self.issue("expired", days=2, ago=10)

    def server_only(self):
        """Of our CA, and not for clients."""
        cert, key, request = (self.folder / f"server.{end}" for end in ("crt", "key", "csr"))
        if not cert.exists():
            rules = self.folder / "server.ext"
            rules.write_text("basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1,DNS:127.0.0.1\n")
            for words in (["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-subj", "/CN=server", "-keyout", key, "-out", request],
                          ["x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.own / "ca.key", "-days", "2", "-extfile", rules, "-out", cert]):
                subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, stdin=subprocess.DEVNULL)
        return self.ca, cert, key


@pytest.fixture(scope="module")
def safe(homes):
    """The CA is older than the cluster, so that it can have signed what has expired."""
    cluster = homes("tls", RB_TLS_PEERS=1, RB_ADOPT_AFTER=2)
    (cluster.home / "keys").mkdir(parents=True, mode=0o700)
    ca(cluster, "init", cluster.home / "keys" / "ca", ago=20)
    return cluster.up()


@pytest.fixture(scope="module")
def certificates(safe, tmp_path_factory):
    return Certificates(safe, tmp_path_factory.mktemp("certificates"))


def inside_urls(cluster):
    return {name: row["url"] for name, row in cluster.processes().items() if row["role"] in ("node", "coordinator")}


def coordinators(cluster):
    return ",".join(cluster.processes()[name]["url"] for name in cluster.names("coordinator"))


# ---- what it is for

def test_a_cluster_does_all_its_work_over_tls(safe):
    api = Api(safe.url)
    assert all(url.startswith("https://127.0.0.1:") for url in inside_urls(safe).values())
    files = {"TLS 1": pdf("small"), "TLS 2": noise(BIG, 7)}
    assert [api.upload(course, data, "a.pdf" if n == 0 else "a.bin").status_code for n, (course, data) in enumerate(files.items())] == [201, 201]
    for course, data in files.items():
        got = api.bytes(course)
        assert got.status_code == 200 and got.content == data
    part = api.bytes("TLS 2", headers={"Range": "bytes=1000000-1000099"})
    assert part.status_code == 206 and part.content == files["TLS 2"][1000000:1000100]
    now = api.get("/api/v1/cluster").json()
    assert {n["state"] for n in now["nodes"]} == {"up"} and now["leader"]
    # As far as signatures go nothing changed: the signed inside still wants them.
    assert Inside(safe).send("GET", "node-1", "/ring", b"", None).status_code == 401
    assert Inside(safe).get("node-1", "/ring").status_code == 200


def test_a_node_that_was_away_catches_up_over_tls(safe):
    api = Api(safe.url)
    safe.kill("node-2")
    data = noise(BIG, 8)
    assert api.upload("TLS 3", data, "a.bin").status_code == 201
    safe.start("node-2")

    def blobs(name):
        return [row["blob"] for row in Inside(safe).get(name, "/lookup/tls3").json()["records"]]
    assert blobs("node-1") not in ([], ["missing"])
    wait_for(lambda: blobs("node-2") == blobs("node-1"), 60, "node-2 has what it missed")
    assert safe.log("node-2").count('"level":"error"') == 0


# ---- who is not heard

def hear(cluster, name, pair, version=ssl.TLSVersion.TLSv1_3):
    """The first bytes that a client with this (certificate, key) gets for a request; b"" when it is shut out."""
    host, port = re.fullmatch(r"https://(.+):(\d+)", cluster.processes()[name]["url"]).groups()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode, context.maximum_version = False, ssl.CERT_NONE, version
    if pair:
        context.load_cert_chain(*pair)
    try:
        with socket.create_connection((host, int(port)), timeout=10) as plain, context.wrap_socket(plain) as line:
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            return line.recv(4096)
    except OSError:
        return b""


@pytest.mark.parametrize("name", ["node-1", "coordinator-1"])
def test_nobody_without_a_certificate_of_this_ca_is_heard(safe, certificates, name):
    good = certificates.issue("guest", address="192.0.2.1")[1:]
    assert hear(safe, name, good).startswith(b"HTTP/1.1 200 ")  # of whatever address a client is: who it is says its signature
    assert hear(safe, name, None) == b""
    assert hear(safe, name, certificates.stranger()[1:]) == b""
    assert hear(safe, name, certificates.expired()[1:]) == b""
    assert hear(safe, name, certificates.server_only()[1:]) == b""
    assert hear(safe, name, good, ssl.TLSVersion.TLSv1_2) == b""


@pytest.mark.parametrize("name", ["node-1", "coordinator-1"])
def test_plain_words_at_a_tls_port_get_no_answer(safe, name):
    host, port = re.fullmatch(r"https://(.+):(\d+)", safe.processes()[name]["url"]).groups()
    with socket.create_connection((host, int(port)), timeout=10) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        line.settimeout(10)
        try:
            heard = line.recv(4096)
        except ConnectionError:
            heard = b""
    assert not heard.startswith(b"HTTP/")


def test_a_member_that_says_http_is_refused(safe, certificates):
    """The keys of a node are not enough to lead others to a plain address."""
    inside = Inside(safe)
    node = inside.node_id("node-3")
    member = {"id": node, "name": "node-3", "url": f"http://127.0.0.1:{free_port()}", "zone": "", "weight": 1, "stores": True, "files": 0, "bytes": 0, "capacity_bytes": 1,
              "free_bytes": 1, "ring": 1, "load": 0, "quarantined": 0, "machine": "", "volume": ""}
    for path in ("/join", "/heartbeat"):
        answer = Inside(safe, f"node:{node}").post("coordinator-1", path, member)
        assert answer.status_code == 422 and "https://" in answer.json()["detail"]


# ---- who is not believed

class Impostor:
    """Answers everything with 200 at somebody else's port, if a handshake gets that far."""

    def __init__(self, port, files):
        self.heard = []
        impostor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                impostor.heard.append(self.path)
                self.send_response(200)
                self.send_header("Content-Length", "3")
                self.end_headers()
                self.wfile.write(b"lie")

            do_POST = do_PUT = do_GET

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files[1], files[2])
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("who", ["another CA", "another address", "expired"])
def test_whoever_answers_in_a_nodes_place_is_not_believed(safe, certificates, who):
    """Neither by the api and the coordinators (libcurl) nor for downloads (nginx)."""
    api, data = Api(safe.url), noise(BIG, 9)
    assert api.upload("TLS 4", data, "a.bin").status_code in (200, 201)
    files = {"another CA": certificates.stranger, "another address": lambda: certificates.issue("elsewhere", address="127.0.0.9"), "expired": certificates.expired}[who]()
    port = int(safe.processes()["node-1"]["url"].rsplit(":", 1)[1])
    safe.command("stop", "node-1")
    try:
        with Impostor(port, files) as impostor:
            for _ in range(6):
                got = api.bytes("TLS 4")
                assert got.status_code == 200 and got.content == data
            assert api.upload(f"TLS 5 {who}", pdf("by two")).status_code == 201
            time.sleep(1)
            assert impostor.heard == []
    finally:
        safe.start("node-1")
    wait_for(lambda: {n["name"]: n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]}["node-1"] == "up", 30, "node-1 is back")


# ---- what does not start

def start_node(cluster, folder, *words, env=None):
    """A node of no cluster, until it ends: the exit status and what it said."""
    done = subprocess.run([cluster.program("ringbinder-node"), "--data", folder, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                          check=False, env={"PATH": "/usr/bin:/bin", "RB_JAIL": "kill,traceable", **(env or {})})
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def folder(safe, tmp_path_factory):
    made = tmp_path_factory.mktemp("nodes") / "node"
    subprocess.run([safe.program("ringbinder-node"), "--init", made, "--name", "node-9", "--key", safe.home / "keys/cluster.key"], check=True, capture_output=True)
    return made


def tls_words(files):
    return [word for pair in zip(("--tls-ca", "--tls-cert", "--tls-key"), files) for word in pair]


def test_what_cannot_be_right_does_not_start(safe, certificates, folder, tmp_path):
    good, listen = certificates.issue("node-9"), f"127.0.0.1:{free_port()}"
    rows = [
        ("all three", [*tls_words(good)[:4]]), ("all three", tls_words(good)[2:]),
        ("is not good here", tls_words(certificates.expired())), ("is not good here", tls_words(certificates.stranger())),
        ("is not good here", tls_words(certificates.server_only())), ("cannot be read", tls_words((good[0], good[1], tmp_path / "nowhere"))),
        ("not that of the certificate", tls_words((good[0], good[1], certificates.expired()[2]))),
        ("no certificate in PEM", tls_words((good[2], good[1], good[2]))),
        ("is not for the address", tls_words(certificates.issue("elsewhere", address="127.0.0.9"))),
        ("must begin with https://", [*tls_words(good), "--url", f"http://{listen}"]),
        ("must begin with https://", [*tls_words(good), "--coordinators", "https://127.0.0.1:1,http://127.0.0.1:2"]),
        ("must begin with http://", ["--url", f"https://{listen}"]), ("must begin with http://", ["--coordinators", "https://127.0.0.1:1"]),
    ]
    for why, words in rows:
        status, said = start_node(safe, folder, "--listen", listen, *([] if "--coordinators" in words else ["--coordinators", "https://127.0.0.1:1" if "--tls-ca" in words else
                                                                                                             "http://127.0.0.1:1"]), *words)
        assert status == 2 and why in said, (words, status, said)
    loose = tmp_path / "loose.key"
    loose.write_bytes(good[2].read_bytes())
    loose.chmod(0o644)
    status, said = start_node(safe, folder, "--listen", listen, "--coordinators", "https://127.0.0.1:1", *tls_words((good[0], good[1], loose)))
    assert status == 2 and "chmod 600" in said


def program_words(cluster, name):
    """How a running process was started, without TLS."""
    words = cluster.words(name)
    for option in ("--tls-ca", "--tls-cert", "--tls-key"):
        at = words.index(option)
        del words[at:at + 2]
    return words


@pytest.mark.parametrize("name", ["node-1", "coordinator-1", "api-1"])
def test_beyond_loopback_only_with_tls_or_on_a_private_network(safe, tmp_path, folder, name):
    words = program_words(safe, name)
    words[words.index("--data") + 1] = str(folder if name == "node-1" else tmp_path / name)
    plain = {"--url": "http://127.0.0.1:1", "--coordinators": "http://127.0.0.1:1"}
    for option, value in plain.items():
        if option in words:
            words[words.index(option) + 1] = value
    for address in ("0.0.0.0", "192.0.2.7", "[::]"):
        words[words.index("--listen") + 1] = f"{address}:{free_port()}"
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False,
                              env={"PATH": "/usr/bin:/bin", "RB_JAIL": "kill,traceable"})
        assert done.returncode == 2 and "takes TLS" in done.stderr and "--private-network" in done.stderr, (done.returncode, done.stderr)


def test_on_a_private_network_plain_http_may_be_reached_from_elsewhere(safe, folder, tmp_path):
    port = free_port()
    words = [safe.program("ringbinder-node"), "--data", folder, "--listen", f"0.0.0.0:{port}", "--url", f"http://127.0.0.1:{port}", "--coordinators", "http://127.0.0.1:1"]
    for more, env in ((["--private-network"], {}), ([], {"RB_PRIVATE_NETWORK": "1"})):
        with open(tmp_path / "log", "wb") as log:
            node = subprocess.Popen([*words, *more], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": "/usr/bin:/bin", "RB_JAIL": "kill,traceable", **env})
        try:
            wait_for(lambda: "serves at" in (tmp_path / "log").read_text(), 10, "the node serves")
        finally:
            node.send_signal(signal.SIGTERM)
            assert node.wait(timeout=30) == 0, (tmp_path / "log").read_text()


def test_a_certificate_that_soon_ends_is_said_and_issued_anew(safe, certificates, folder):
    short = certificates.issue("short", days=10)
    status, said = start_node(safe, folder, "--listen", "127.0.0.1:0", "--url", "https://127.0.0.1:1", "--coordinators", "https://127.0.0.1:1", "--store", "0", *tls_words(short))
    assert status == 2 and re.search("ends in (9|10) days", said)  # it has nothing to do; that much it said
    place, before = safe.home / "keys" / "ca", (safe.home / "keys/ca/node-3.crt").read_bytes()
    for end in ("crt", "key"):
        (place / f"node-3.{end}").unlink()
    ca(safe, "issue", place, "node-3", "--days", 10)
    safe.command("stop", "node-3")
    safe.start("node-3")
    done = subprocess.run(["openssl", "x509", "-in", place / "node-3.crt", "-noout", "-checkend", str(300 * 86400)], capture_output=True, check=False)
    assert done.returncode == 0 and (place / "node-3.crt").read_bytes() != before
    api = Api(safe.url)
    wait_for(lambda: {n["name"]: n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]}["node-3"] == "up", 30, "node-3 is back")


# ---- who comes in properly

def test_a_machine_joins_by_a_token_and_a_certificate(safe, certificates, tmp_path):
    answer = Session().post(f"{safe.url}/api/v1/join-tokens", json={"name": "lab-1", "zone": "lab", "expires_s": 600}, timeout=30)
    assert answer.status_code == 201
    token, port, api = tmp_path / "token", free_port(), Api(safe.url)
    token.write_text(answer.json()["token"] + "\n")
    token.chmod(0o600)
    words = [safe.program("ringbinder-node"), "--data", tmp_path / "lab-1", "--listen", f"127.0.0.1:{port}", "--coordinators", coordinators(safe), "--join-token", token,
             "--join-url", safe.url, *tls_words(certificates.issue("lab-1"))]

    def state():
        return {n["name"]: n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]}.get("lab-1")
    with open(tmp_path / "log", "wb") as log:
        node = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": "/usr/bin:/bin", "RB_JAIL": "kill,traceable"})
    try:
        wait_for(lambda: state() == "up", 60, "lab-1 is in the ring")
        assert Session().post(f"{safe.url}/api/v1/cluster/nodes/lab-1/remove", timeout=30).status_code in (200, 202)
        wait_for(lambda: state() in (None, "out", "gone"), 60, "lab-1 is out again")
    finally:
        node.send_signal(signal.SIGTERM)
        assert node.wait(timeout=30) == 0, (tmp_path / "log").read_text()


def test_peers_share_over_tls_and_adoption_reaches_them(safe, certificates, tmp_path):
    data = noise(3 << 20, 3)
    peer = Peer(safe, tmp_path / "shared", {"paper.bin": data})
    api = Api(safe.url)
    wait_for(lambda: len(wait_hashed(api, "paper")) == 1, 20, "it is hashed")
    got = Session().get(f"{safe.url}/api/v1/peers/{peer.name}/files/paper.bin", timeout=30)
    assert got.status_code == 200 and got.content == data
    # Who has a certificate fetches from the peer itself; who has none has it through the front.
    files = certificates.issue("laptop")
    near = Ringbinder(safe.url, tmp_path, RB_TLS_PEER_CA=str(files[0]), RB_TLS_PEER_CERT=str(files[1]), RB_TLS_PEER_KEY=str(files[2]))
    done = near.run("obtain", "paper.bin", "-o", "near.bin")
    assert (tmp_path / "near.bin").read_bytes() == data and "comes through" not in done.stderr
    far = Ringbinder(safe.url, tmp_path).run("obtain", "paper.bin", "-o", "far.bin")
    assert (tmp_path / "far.bin").read_bytes() == data and "comes through" in far.stderr
    wrong = Ringbinder(safe.url, tmp_path, RB_TLS_PEER_CA=str(files[0]), RB_TLS_PEER_CERT=str(files[1]))
    assert "all three" in wrong.run("obtain", "paper.bin", "-o", "wrong.bin", expect=1).stderr
    wait_for(lambda: "the ring" in near.run("peers", "find", "paper").stdout, 30, "it is adopted")


def test_heads_of_audit_logs_are_fetched_over_tls(safe, certificates, tmp_path):
    files = certificates.issue("laptop")
    me = Ringbinder(safe.url, tmp_path, RB_TLS_PEER_CA=str(files[0]), RB_TLS_PEER_CERT=str(files[1]), RB_TLS_PEER_KEY=str(files[2]))
    words = ("audit", "heads", "--key", safe.home / "keys" / "cluster.key", "--coordinators", coordinators(safe))
    heads = [json.loads(line) for line in me.run(*words).stdout.splitlines()]
    assert {head["process"].split(":")[0] for head in heads} >= {"api"}
    assert Ringbinder(safe.url, tmp_path).run(*words, expect=4)


def test_the_keys_of_tls_are_private_and_in_no_log(safe):
    keys = list((safe.home / "keys" / "ca").glob("*.key"))
    assert {"ca", "front", "node-1", "coordinator-1", "api-1"} <= {key.stem for key in keys}
    for key in keys:
        assert key.stat().st_mode & 0o777 == 0o600
        inside = key.read_text().splitlines()[1]
        for log in (safe.home / "logs").iterdir():
            assert inside not in log.read_text(errors="replace")
