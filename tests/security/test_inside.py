"""Inside the cluster (G11, S14): who may ask what, with which key; what a thief of one node's keys can and cannot do; and how a machine gets in by a join token.

What must be refused is sent to a real cluster; afterwards its ring, its promises and its courses are what they were."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from support.api import Api
from support.cluster import ROOT, free_port, wait_for
from support.files import pdf
from support.inside import Inside, derive, fields, header, mac, node_key, pair_key
from support.signed import Session

NODE, COORDINATOR, API, TOOL = "node", "coordinator", "api", "tool"
ALL = {NODE, COORDINATOR, API, TOOL}
KEY, STAGE, SHA = "cs101", "5a" * 16, "ab" * 32

# Every signed route of a node and of a coordinator, and who may ask it. {} stands for what the sources have there.
AT_NODE = {
    ("POST", "/records/{}/store"): {API}, ("POST", "/records/{}/prepare"): {API}, ("POST", "/records/{}/accept"): {API},
    ("POST", "/records/{}/learn"): {API}, ("POST", "/records/{}/pull"): {API, NODE}, ("POST", "/records/{}/hint"): {API},
    ("POST", "/records/{}/fetch"): {NODE}, ("PUT", "/staging/{}"): {API}, ("POST", "/staging/{}/commit"): {API},
    ("GET", "/blobs/{}"): {API, NODE, TOOL}, ("GET", "/files/{}"): {API, NODE, TOOL}, ("GET", "/files"): {API, NODE, TOOL},
    ("POST", "/leader/promise"): {COORDINATOR}, ("POST", "/leader/install"): {COORDINATOR}, ("POST", "/leader/command"): {COORDINATOR},
    ("POST", "/entropy/look"): {NODE}, ("POST", "/entropy/keys"): {NODE}, ("POST", "/scrub"): {API, TOOL}, ("GET", "/ring"): ALL,
    ("POST", "/settle/list"): {NODE}, ("POST", "/settle/blobs"): {NODE}, ("POST", "/settle/prepare"): {NODE}, ("POST", "/settle/accept"): {NODE},
    ("POST", "/settle/holds"): {NODE, COORDINATOR}, ("GET", "/courses"): ALL - {NODE}, ("GET", "/holdings"): ALL - {NODE},
    ("GET", "/deleted"): ALL - {NODE}, ("GET", "/lookup/{}"): ALL, ("GET", "/inventory"): ALL - {NODE},
    ("POST", "/audit/head"): ALL - {TOOL}, ("GET", "/audit/heads"): ALL - {NODE},
}
AT_COORDINATOR = {
    ("POST", "/join"): {NODE}, ("POST", "/heartbeat"): {NODE}, ("POST", "/leave"): {NODE}, ("POST", "/files"): {NODE}, ("GET", "/pairs"): {NODE},
    ("POST", "/admin/{}"): {API, TOOL}, ("GET", "/ring"): ALL,
}
TABLES = {"node-1": AT_NODE, "coordinator-1": AT_COORDINATOR}
ROWS = [(name, method, pattern, role) for name, table in TABLES.items() for method, pattern in table for role in sorted(ALL)]


@pytest.fixture(scope="module")
def inside(homes):
    cluster = homes("inside").up()
    api = Api(cluster.url)
    assert api.upload("CS 101", pdf("inside")).status_code == 201
    assert api.upload("CS 102", pdf("inside too")).status_code == 201
    return cluster


def as_role(cluster, role):
    """Somebody of this role, and of no other process that there is; as a node, one of the cluster."""
    return Inside(cluster, f"node:{Inside(cluster).node_id('node-2')}" if role == NODE else f"{role}:test")


def path_of(pattern):
    return pattern.replace("/records/{}", f"/records/{KEY}").replace("/staging/{}", f"/staging/{STAGE}").replace("/blobs/{}", f"/blobs/{SHA}") \
        .replace("/lookup/{}", f"/lookup/{KEY}").replace("{}", "nothing")


def state(cluster):
    """What none of the refused requests may change: promises and ring of each node, its courses, how many blobs it has; and the ring that coordinators show."""
    tool, api = Inside(cluster, "tool:look"), Inside(cluster)
    found = {}
    for name in cluster.names("node"):
        inventory = api.inventory(name)
        promise = Inside(cluster, "coordinator:look").post(name, "/leader/promise", {"ballot": {"counter": 0, "coordinator": "look", "start": 1}})
        assert promise.status_code == 409
        found[name] = (promise.json()["promised"], tool.get(name, "/ring").json(), tool.get(name, "/courses").json(), inventory["files"], inventory["bytes"])
    ring = tool.get("coordinator-1", "/ring").json()
    return found, ring["ring"], ring["wishes"], sorted(node["id"] for node in ring["nodes"])


def calm(cluster):
    """The state, once what tests before did is over: a node that left is still forgotten, a ring still published anew."""
    def look():
        now = state(cluster)
        time.sleep(1.5)
        return now if state(cluster) == now else None
    return wait_for(look, 60, "nothing changes any more")


@pytest.fixture(scope="module")
def unchanged(inside):
    """The state before all refusals; compared by the last of them, and whenever a test asks."""
    before = state(inside)

    def check():
        assert state(inside) == before
    return check


def noted(cluster, name, **wanted):
    """An audit line of this process with these members, soon."""
    def look():
        lines = [json.loads(line) for file in sorted((cluster.data(name) / "audit").glob("AUDIT-*.jsonl")) for line in file.read_text().splitlines()]
        return [line for line in lines if all(line.get(member) == value for member, value in wanted.items())]
    return wait_for(look, 5, f"{wanted} in the audit log of {name}")


# ---- who may ask what

@pytest.mark.parametrize("source, table", [("node/server.c", AT_NODE), ("coordinator/serve.c", AT_COORDINATOR)])
def test_every_route_has_its_row(source, table):
    routes = re.findall(r'^    \{"(\w+)", "([^"]+)", (HTTP_AUTH_\w+)', (ROOT / source).read_text(), re.M)
    assert {(method, pattern) for method, pattern, auth in routes if auth != "HTTP_AUTH_NONE"} == set(table)
    assert [(method, pattern) for method, pattern, auth in routes if auth == "HTTP_AUTH_NONE"] == [("GET", "/healthz")]


@pytest.mark.parametrize("name, method, pattern, role", ROWS)
def test_a_role_gets_in_where_its_row_says_so_and_nowhere_else(inside, unchanged, name, method, pattern, role):
    allowed = TABLES[name][method, pattern]
    answer = as_role(inside, role).request(method, name, path_of(pattern), None if method == "GET" or pattern == "/staging/{}" else {"x": 1})
    if role in allowed:
        assert answer.status_code not in (401, 403), answer.text
    else:
        assert answer.status_code == 403 and answer.json()["type"] == "urn:ringbinder:error:denied", answer.text


@pytest.mark.parametrize("name, method, pattern", sorted({row[:3] for row in ROWS}))
def test_nobody_gets_in_unsigned(inside, name, method, pattern):
    for authorization in (None, "", "Bearer x", "RB1", "RBC1 expiry=9999999999, mac=" + "0" * 64):
        answer = Inside(inside).send(method, name, path_of(pattern), b"" if method == "GET" else b"{}", authorization)
        assert answer.status_code == 401, (authorization, answer.status_code, answer.text)


# ---- a signature is good for one request, once, for half a minute

def signed(sender, name, path="/admin/drain", data=b'{"node":"node-1"}', **how):
    """The same request with a signature that `how` spoils."""
    return sender.send("POST", name, path, data, header(how.pop("key", None) or sender.key_to(name), how.pop("sender", sender.sender), "POST", path, how.pop("signs", data), **how))


def test_a_signature_by_another_key_is_refused_and_noted(inside, unchanged):
    api = Inside(inside, "api:forger")
    for key in (bytes(32), os.urandom(32), api.master, api.receiver_key("coordinator-1"), api.key_to("node-1")):
        assert signed(api, "coordinator-1", key=key).status_code == 401
    line = noted(inside, "coordinator-1", who="api:forger", result="401")[0]
    assert line["detail"] == "the sender is not proven"
    unchanged()


@pytest.mark.parametrize("off_ms", [-31_000, 31_000, -3_600_000, 10**15])
def test_a_signature_that_is_too_old_or_from_the_future_is_refused_with_our_time(inside, unchanged, off_ms):
    api, now = Inside(inside, "api:test"), int(time.time() * 1000)
    nonce = os.urandom(16).hex()
    for name, path in (("coordinator-1", "/admin/drain"), ("node-1", "/scrub")):
        answer = signed(api, name, path, at_ms=now + off_ms, nonce=nonce)
        assert answer.status_code == 401 and answer.json()["type"] == "urn:ringbinder:error:clock"
        told, proof = re.fullmatch(r"time=(\d+), mac=([0-9a-f]{64})", answer.headers["RB-Clock"]).groups()
        assert abs(int(told) - time.time() * 1000) < 5000 and proof == mac(api.key_to(name), "clock", nonce, int(told))
    unchanged()


def test_our_time_is_told_to_nobody_without_a_key(inside):
    answer = signed(Inside(inside, "api:test"), "node-1", "/scrub", key=os.urandom(32), at_ms=1)
    assert answer.status_code == 401 and "RB-Clock" not in answer.headers


def test_a_request_is_taken_once(inside):
    tool = Inside(inside, "tool:test")
    again = header(tool.key_to("node-1"), tool.sender, "GET", "/inventory")
    assert [tool.send("GET", "node-1", "/inventory", b"", again).status_code for _ in range(3)] == [200, 401, 401]
    # Nor is it good for another process, or for the same question in other words.
    assert tool.send("GET", "node-2", "/inventory", b"", again).status_code == 401
    fresh = header(tool.key_to("node-1"), tool.sender, "GET", "/inventory")
    for method, path in (("GET", "/inventory?a"), ("GET", "/inventory?a=b"), ("GET", "/courses"), ("HEAD", "/inventory")):
        assert tool.send(method, "node-1", path, b"", fresh).status_code == 401


def test_a_body_that_was_swapped_after_signing_is_refused(inside, unchanged):
    api = Inside(inside, "api:test")
    for data in (b'{"node":"node-2"}', b'{"node":"node-1","force":true}', b"", b'{"node":"node-1"} '):
        assert signed(api, "coordinator-1", data=data, signs=b'{"node":"node-1"}').status_code == 401
    # "stream" is for routes that take streams; a body that is a stream is not told by its signature.
    assert signed(api, "coordinator-1", body="stream").status_code == 401
    assert signed(api, "node-1", f"/records/{KEY}/store", body="stream").status_code == 401
    unchanged()


def test_the_header_has_one_spelling(inside, unchanged):
    api = Inside(inside, "api:test")
    data, path = b'{"now":1}', "/scrub"

    def status(change, name="Authorization"):
        value = change(header(api.key_to("node-1"), api.sender, "POST", path, data))
        values = value if isinstance(value, list) else [value]
        return raw(inside, "node-1", "POST", path, data, [(name, text) for text in values])
    assert status(lambda text: text) == 400  # the signature is good; the order is not one
    assert status(lambda text: text, "aUTHORIZATION") == 400
    for change in (lambda t: t.replace("RB1 ", "rb1 "), lambda t: t.replace("RB1 ", "RB1  "), lambda t: t.replace(", ", ","), lambda t: t.upper(),
                   lambda t: t.replace("mac=", "MAC="), lambda t: t + ", mac=" + "0" * 64, lambda t: t + ",", lambda t: "x" + t,
                   lambda t: t.replace("sender=api:", "sender=API:"), lambda t: t.replace("epoch=1", "epoch=01"), lambda t: t.replace("epoch=1", "epoch=+1"),
                   lambda t: t.replace("epoch=1", "epoch=2"), lambda t: t[:-1], lambda t: re.sub("mac=.*", lambda m: m[0].upper(), t), lambda t: ["Bearer x", t]):
        assert status(change) == 401, change(header(api.key_to("node-1"), api.sender, "POST", path, data))
    assert status(lambda text: text, "X-Authorization") == 401
    unchanged()


def raw(cluster, name, method, path, data, headers):
    """The status of a request whose header lines are just these."""
    import http.client
    host, port = re.fullmatch(r"http://(.+):(\d+)", cluster.processes()[name]["url"]).groups()
    line = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        line.putrequest(method, path)
        for header_name, value in [*headers, ("Content-Length", str(len(data)))]:
            line.putheader(header_name, value)
        line.endheaders(data)
        return line.getresponse().status
    finally:
        line.close()


def test_an_older_ballot_and_an_older_ring_command_nobody(inside, unchanged):
    leader = Inside(inside, "coordinator:coordinator-1")
    for number in (0, 1):
        ballot = {"counter": number, "coordinator": "coordinator-1", "start": 1}
        for path, body in (("/leader/promise", {}), ("/leader/command", {"epoch": 0, "order": "settle", "seq": 1, "movers": []}),
                           ("/leader/install", {"ring": leader.get("node-1", "/ring").json()["ring"]})):
            if number == 0 or path != "/leader/promise":
                assert leader.post("node-1", path, {"ballot": ballot, **body}, epoch=0).status_code == 409, path
    unchanged()


# ---- what a thief can do with all that lies on one node

class Thief:
    """Has the files of one node, and no more."""

    def __init__(self, cluster, name):
        self.cluster, self.data = cluster, cluster.data(name)
        own = json.loads((self.data / "node.key").read_text())
        self.id, self.own, self.to_coordinators = own["id"], bytes.fromhex(own["key"]), bytes.fromhex(own["coordinators"])
        self.pairs = {pair["id"]: bytes.fromhex(pair["key"]) for pair in json.loads((self.data / "pairs.json").read_text())["pairs"]}
        self.line = Inside(cluster)

    def keys(self):
        return [self.own, self.to_coordinators, *self.pairs.values()]

    def send(self, method, name, path, body=None, sender=None, key=None):
        data = b"" if body is None else json.dumps(body).encode()
        to = self.to_coordinators if name.startswith("coordinator") else self.pairs[self.line.node_id(name)]
        return self.line.send(method, name, path, data, header(key or to, sender or f"node:{self.id}", method, path, data))


@pytest.fixture(scope="module")
def thief(inside):
    return Thief(inside, "node-1")


def test_what_lies_on_a_node_is_private_and_holds_no_key_of_others(inside, thief):
    master = Inside(inside).master
    derived = {node_key(master, Inside(inside).node_id(name)).hex() for name in inside.names("node") if name != "node-1"} | {master.hex()}
    for name in ("node.key", "pairs.json", "audit/seed"):
        assert (thief.data / name).stat().st_mode & 0o77 == 0
    for file in thief.data.rglob("*"):
        if file.is_file() and file.stat().st_size < 10 << 20:
            text = file.read_bytes()
            assert not any(secret.encode() in text or bytes.fromhex(secret) in text for secret in derived), file
    words = (f"/proc/{inside.pid('node-1')}/cmdline", f"/proc/{inside.pid('node-1')}/environ")
    for place in words:
        try:
            text = open(place, "rb").read()
        except PermissionError:
            continue
        assert b"cluster.key" not in text and not any(key.hex().encode() in text for key in [master, *thief.keys()]), place


def test_a_nodes_keys_speak_for_that_node_alone(inside, unchanged, thief):
    other = Inside(inside).node_id("node-3")
    for sender in (f"node:{other}", "coordinator:coordinator-1", "coordinator:coordinator-2", "api:api-1", "tool:x", f"api:{thief.id}"):
        for key in thief.keys():
            assert thief.send("GET", "node-2", "/ring", sender=sender, key=key).status_code == 401
            assert thief.send("GET", "coordinator-1", "/ring", sender=sender, key=key).status_code == 401
    noted(inside, "node-2", who="coordinator:coordinator-1", result="401")
    unchanged()


def test_a_node_commands_nobody_and_writes_no_records(inside, unchanged, thief):
    ballot = {"counter": 10**6, "coordinator": "coordinator-1", "start": 1}
    for path, body in (("/leader/promise", {"ballot": ballot}), ("/leader/command", {"ballot": ballot, "epoch": 1, "order": "drop", "key": "cs101", "tombstone": "0" * 32}),
                       ("/leader/install", {"ballot": ballot, "ring": {}}), ("/scrub", {"now": True}), (f"/records/{KEY}/store", {}), (f"/records/{KEY}/accept", {}),
                       (f"/records/{KEY}/learn", {}), (f"/records/{KEY}/hint", {}), (f"/staging/{STAGE}/commit", {"sha256": SHA})):
        assert thief.send("POST", "node-2", path, body).status_code == 403, path
    assert thief.send("POST", "coordinator-1", "/admin/remove", {"node": "node-3", "force": True}).status_code == 403
    assert noted(inside, "node-2", who=f"node:{thief.id}", what="POST /leader/promise", result="403")[0]["detail"] == "-"
    unchanged()


def test_a_node_tells_nothing_of_others(inside, unchanged, thief):
    other = Inside(inside).node_id("node-3")
    member = {"id": other, "name": "node-3", "url": "http://127.0.0.1:9", "zone": "", "weight": 1, "stores": True, "files": 0, "bytes": 0, "capacity_bytes": 1,
              "free_bytes": 1, "ring": 1, "load": 0, "quarantined": 0, "machine": "", "volume": ""}
    for name in inside.names("coordinator"):
        assert thief.send("POST", name, "/heartbeat", member).status_code == 403
        assert thief.send("POST", name, "/join", member).status_code == 403
        assert thief.send("POST", name, "/leave", {"id": other}).status_code == 403
    head = {"process": f"node:{other}", "chain": "ab" * 16, "start": 0, "k": 0, "n": 7, "h": "11" * 32, "at": 1795338732848, "mac": "22" * 32}
    assert thief.send("POST", "node-2", "/audit/head", head).status_code == 403
    unchanged()


def test_a_node_makes_capabilities_for_nobody_but_itself(inside, thief):
    blob = Inside(inside).get("node-2", "/courses").json()["courses"][0]["records"][0]["sha256"]
    expiry = int(time.time()) + 40

    def open_with(key, node_id, name):
        proof = mac(key, "capability", "read", node_id, f"blob:{blob}", expiry)
        return thief.line.send("GET", name, f"/blobs/{blob}", b"", f"RBC1 expiry={expiry}, mac={proof}").status_code
    other = thief.line.node_id("node-2")
    assert open_with(thief.line.receiver_key("node-2"), other, "node-2") == 200  # as an api makes it
    for key in thief.keys():
        assert open_with(key, other, "node-2") == 401
        assert open_with(key, thief.id, "node-2") == 401


def test_keys_to_others_are_told_to_each_node_alone(inside, thief):
    aead = pytest.importorskip("cryptography.hazmat.primitives.ciphers.aead")
    line = Inside(inside)
    sealed = {}
    for name in ("node-1", "node-2"):
        answer = Inside(inside, f"node:{line.node_id(name)}").get("coordinator-1", "/pairs")
        assert answer.status_code == 200
        sealed[name] = answer.content

    def opened(key, text):
        return json.loads(aead.AESGCM(derive(key, "ringbinder pairs")).decrypt(text[:12], text[12:], b"pairs"))
    told = {pair["id"]: bytes.fromhex(pair["key"]) for pair in opened(thief.own, sealed["node-1"])["pairs"]}
    assert told == thief.pairs and set(told) == {line.node_id(name) for name in inside.names("node")}
    assert all(key == pair_key(node_key(line.master, node), f"node:{thief.id}") for node, key in told.items())
    for key in thief.keys():
        with pytest.raises(Exception):
            opened(key, sealed["node-2"])
    assert Inside(inside, "node:stranger.01").get("coordinator-1", "/pairs").status_code == 200  # sealed for a node that there is not: of no use to anybody


# ---- keys that are none

@pytest.mark.parametrize("text, mode, why", [
    ("0" * 64, 0o600, "all zero"), ("ab" * 32, 0o600, "anybody would try"), ("0123456789abcdef" * 4, 0o600, "anybody would try"),
    (bytes(range(32)).hex(), 0o600, "anybody would try"), ("5f" * 31, 0o600, "64 hex digits"), ("", 0o600, "64 hex digits"),
    ("good", 0o640, "nobody else can read"), ("good", 0o604, "nobody else can read"), (None, 0o600, "")])
def test_no_program_starts_with_a_key_that_is_none(inside, tmp_path, text, mode, why):
    key, folder = tmp_path / "key", tmp_path / "data"
    if text is not None:
        key.write_text((os.urandom(32).hex() if text == "good" else text) + "\n")
        key.chmod(mode)
    common = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 20, "check": False, "env": {**os.environ, "RB_JAIL": "off"}}
    node = subprocess.run([inside.program("ringbinder-node"), "--init", folder, "--name", "node-9", "--key", key], **common)
    assert node.returncode == 2 and why in node.stderr and str(key) in node.stderr and not (folder / "node.key").exists(), node.stderr
    for name, program in (("coordinator-1", "ringbinder-coordinator"), ("api-1", "ringbinder-api")):
        words = inside.words(name)
        words[words.index("--key") + 1], words[words.index("--data") + 1] = str(key), str(tmp_path / name)
        (tmp_path / name).mkdir()
        done = subprocess.run(words, **common)
        assert done.returncode == 2 and why in done.stderr and str(key) in done.stderr, (program, done.stderr)
    audit = subprocess.run([inside.program("ringbinder"), "audit", "verify", "--key", key, inside.data("node-1")], **common)
    assert audit.returncode != 0 and why in audit.stderr, audit.stderr


def test_a_node_starts_with_its_own_keys_and_nothing_else(inside, tmp_path):
    folder, key = tmp_path / "node", inside.home / "keys" / "cluster.key"
    program = inside.program("ringbinder-node")

    def start(*more):
        return subprocess.run([program, "--data", folder, "--listen", f"127.0.0.1:{free_port()}", "--coordinators", "http://127.0.0.1:1", *more],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    subprocess.run([program, "--init", folder, "--name", "node-9"], check=True, capture_output=True)
    assert start().returncode == 2 and "holds no node.key" in start().stderr
    assert start("--key", key).returncode == 2 and "never with the cluster's" in start("--key", key).stderr
    subprocess.run([program, "--init", folder, "--name", "node-9", "--key", key], check=True, capture_output=True)
    good = (folder / "node.key").read_text()
    (folder / "node.key").chmod(0o640)
    assert start().returncode == 2 and "for its owner only" in start().stderr
    (folder / "node.key").chmod(0o600)
    (folder / "node.key").write_text((inside.data("node-1") / "node.key").read_text())
    assert start().returncode == 2 and "does not hold the keys of" in start().stderr
    (folder / "node.key").write_text(re.sub('"key":"[0-9a-f]+"', '"key":"' + "ab" * 32 + '"', good))
    assert start().returncode == 2 and "anybody would try" in start().stderr


# ---- join tokens

def make_token(cluster, name, expires_s=600):
    answer = Session().post(f"{cluster.url}/api/v1/join-tokens", json={"name": name, "zone": "lab", "expires_s": expires_s}, timeout=30)
    assert answer.status_code == 201, answer.text
    return answer.json()


def token_file(folder, text, mode=0o600):
    folder.mkdir(exist_ok=True)
    file = folder / f"token-{os.urandom(4).hex()}"
    file.write_text(text + "\n")
    file.chmod(mode)
    return file


def join(cluster, folder, file, expect=0):
    done = subprocess.run([cluster.program("ringbinder-node"), "--init", folder, "--join-token", file, "--join-url", cluster.url], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout) if expect == 0 else done.stderr


def claim_of(text, claim=None):
    """What a joiner with this token sends."""
    _, token_id, secret = text.split("_", 2)
    import base64
    claim = claim or os.urandom(32).hex()
    proof = derive(base64.urlsafe_b64decode(secret + "="), "ringbinder join proof", token_id, claim).hex()
    return {"id": token_id, "claim": claim, "proof": proof}


def post_join(cluster, body):
    return Session().post(f"{cluster.url}/api/v1/join", json=body, timeout=30)


def test_a_machine_joins_by_a_token_and_stores(inside, tmp_path):
    """The first start of a machine with nothing but a token: it gets its keys, is counted, and keeps copies."""
    token = make_token(inside, "lab-1")
    folder, port = tmp_path / "lab-1", free_port()
    urls = ",".join(inside.processes()[name]["url"] for name in inside.names("coordinator"))
    words = [inside.program("ringbinder-node"), "--data", folder, "--listen", f"127.0.0.1:{port}", "--coordinators", urls, "--join-token",
             token_file(tmp_path, token["token"]), "--join-url", inside.url]
    with open(tmp_path / "log", "wb") as log:
        node = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": "/usr/bin:/bin", "RB_JAIL": "kill,traceable"})
    try:
        api = Api(inside.url)
        wait_for(lambda: {n["name"]: n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]}.get("lab-1") == "up", 60, "lab-1 is in the ring")
        assert not (folder / "join.json").exists()
        assert [n["zone"] for n in api.get("/api/v1/cluster").json()["nodes"] if n["name"] == "lab-1"] == ["lab"]
        Session().post(f"{inside.url}/api/v1/cluster/nodes/lab-1/remove", timeout=30)
        wait_for(lambda: {n["name"]: n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]}.get("lab-1") in (None, "out", "gone"), 60, "lab-1 is out again")
    finally:
        node.send_signal(signal.SIGTERM)
        assert node.wait(timeout=30) == 0, (tmp_path / "log").read_text()


def test_a_token_is_good_once(inside, tmp_path):
    token = make_token(inside, "lab-2")
    file = token_file(tmp_path, token["token"])
    first = join(inside, tmp_path / "first", file)
    assert first["name"] == "lab-2" and first["zone"] == "lab" and first["id"].startswith("lab-2.")
    assert join(inside, tmp_path / "first", file) == first  # done already: nobody is asked
    said = join(inside, tmp_path / "second", file, expect=2)
    assert "409" in said and "used before" in said and not (tmp_path / "second" / "node.json").exists()
    inside.redis().flushall()  # what Redis forgets lets nobody in
    join(inside, tmp_path / "third", file, expect=2)
    assert noted(inside, "api-1", what="join", result="409")
    assert noted(inside, "api-1", what="join", result="200", detail=first["id"])
    wait_for(lambda: Api(inside.url).get("/api/v1/cluster").json().get("index") == "ready", 60, "the index is back")


def test_an_answer_that_was_lost_uses_no_second_token(inside, tmp_path):
    """The claim is on disk before it is sent: after a crash it is sent again, and gets the same keys."""
    token = make_token(inside, "lab-3")
    file = token_file(tmp_path, token["token"])
    claim = os.urandom(32).hex()
    assert post_join(inside, claim_of(token["token"], claim)).status_code == 200
    assert post_join(inside, claim_of(token["token"], claim)).status_code == 200
    folder = tmp_path / "node"
    folder.mkdir()
    (folder / "join.json").write_text(json.dumps({"token": token["id"], "claim": claim}))
    (folder / "join.json").chmod(0o600)
    member = join(inside, folder, file)
    keys = json.loads((folder / "node.key").read_text())
    assert keys["id"] == member["id"] and bytes.fromhex(keys["key"]) == node_key(Inside(inside).master, member["id"])
    assert (folder / "node.key").stat().st_mode & 0o77 == 0 and not (folder / "join.json").exists()


def test_a_token_that_has_expired_or_never_was_lets_nobody_in(inside, tmp_path):
    token = make_token(inside, "lab-4", expires_s=120)
    before = calm(inside)
    text = token["token"]
    forged = [text[:-2] + ("A" if text[-2] != "A" else "B") + text[-1], "rbj_" + "0" * 16 + text[20:], "rbj_" + os.urandom(8).hex() + text[20:]]
    for wrong in forged:
        assert "401" in join(inside, tmp_path / "forged", token_file(tmp_path, wrong), expect=2)
    good = claim_of(text)
    for body, status in (({**good, "proof": os.urandom(32).hex()}, 401), ({**good, "claim": os.urandom(32).hex()}, 401), ({**good, "id": "0" * 16}, 401),
                         ({**good, "id": "x" * 16}, 400), ({**good, "claim": "00"}, 400), ({"id": good["id"]}, 400)):
        assert post_join(inside, body).status_code == status, body
    assert noted(inside, "api-1", what="join", result="401")
    for bad, why in (("rb_" + text[4:], "no join token"), (text[:-1], "no join token"), ("", "no join token")):
        assert why in join(inside, tmp_path / "bad", token_file(tmp_path, bad), expect=2)
    assert "owner only" in join(inside, tmp_path / "bad", token_file(tmp_path, text, mode=0o644), expect=2)
    assert state(inside) == before


def test_a_laptop_shares_with_a_token_and_no_key(inside, tmp_path):
    token = make_token(inside, "laptop-1")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "plan.txt").write_bytes(b"what I share\n")
    urls = ",".join(inside.processes()[name]["url"] for name in inside.names("coordinator"))
    words = [inside.program("ringbinder"), "share", shared, "--coordinators", urls, "--data", tmp_path / "peer", "--join-token", token_file(tmp_path, token["token"])]
    with open(tmp_path / "log", "wb") as log:
        laptop = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "RB_URL": inside.url})
    try:
        api = Api(inside.url)
        wait_for(lambda: any(peer["name"] == "laptop-1" and peer["files"] == 1 for peer in api.get("/api/v1/peers").json()["items"]), 30, "the laptop is listed")
        got = Session().get(f"{inside.url}/api/v1/peers/laptop-1/files/plan.txt", timeout=30)
        assert got.status_code == 200 and got.content == b"what I share\n"
    finally:
        laptop.send_signal(signal.SIGINT)
        assert laptop.wait(timeout=30) == 0, (tmp_path / "log").read_text()


# ---- last: without any coordinator nodes go on talking to each other

def test_nodes_repair_each_other_with_no_coordinator(inside):
    """The keys of messages to the others are on disk: killed and started anew while nobody coordinates, a node still fetches what it missed."""
    api = Api(inside.url)
    inside.kill("node-3")
    assert api.upload("CS 103", pdf("missed by one")).status_code == 201
    for name in inside.names("coordinator"):
        inside.kill(name)
    try:
        inside.start("node-3")
        sha = Inside(inside).get("node-1", "/lookup/cs103").json()["records"][0]["blob"]
        assert sha
        wait_for(lambda: [r["blob"] for r in Inside(inside).get("node-3", "/lookup/cs103").json()["records"]] == [sha], 60, "node-3 has what it missed")
    finally:
        for name in inside.names("coordinator"):
            inside.start(name)
