"""Redis (S16): nobody gets in without a password, each program may do what it needs and nothing else, and no text from outside is ever more than a text there."""
import hashlib
import re
import socket
import subprocess

import pytest
import redis

from support.api import Api, course_path
from support.cluster import ROOT, free_ports, wait_for
from support.files import pdf
from support.lone_redis import LoneRedis
from support.peers import Peer, search
from support.people import PASSWORD, Browser, make, raw
from support.plain import Greeted

STORE = ROOT / "lib/store"
PROGRAMS = ("api", "coordinator")
# Before anybody has said who he is, and without effect on anybody else.
OPEN_TO_ALL = {"auth", "hello", "reset", "quit"}
# What a program of ours never does. Each is tried for real as well, not only by ACL DRYRUN.
NEVER = [
    "EVAL x 0", "EVAL_RO x 0", "FUNCTION LOAD x", "FCALL x 0", "SCRIPT FLUSH", "SCRIPT KILL", "CONFIG GET *", "CONFIG SET dir /tmp", "CONFIG REWRITE",
    "FLUSHALL", "FLUSHDB", "SWAPDB 0 1", "KEYS *", "RANDOMKEY", "DEBUG SLEEP 0", "ACL LIST", "ACL SETUSER x", "ACL LOG RESET", "ACL WHOAMI",
    "MODULE LOAD /x.so", "SHUTDOWN NOSAVE", "REPLICAOF NO ONE", "SLAVEOF 127.0.0.1 1", "FAILOVER", "PSYNC ? -1", "SYNC", "REPLCONF ack 0", "SAVE", "BGSAVE", "BGREWRITEAOF", "MONITOR",
    "CLIENT LIST", "CLIENT KILL TYPE normal", "CLIENT PAUSE 1", "CLUSTER RESET", "MIGRATE 127.0.0.1 1 k 0 1", "DUMP rb:x:1", "RESTORE rb:x:1 0 x", "SORT rb:x:1",
    "RENAME rb:x:1 rb:x:2",
    "COPY rb:x:1 rb:x:2", "MOVE rb:x:1 1", "OBJECT ENCODING rb:x:1", "SUBSCRIBE x", "PUBLISH x y", "MEMORY DOCTOR", "LATENCY DOCTOR", "SLOWLOG GET", "COMMAND", "DBSIZE",
    "APPEND rb:x:1 y", "SETRANGE rb:x:1 1 y", "GETDEL rb:x:1", "SELECT 1", "MULTI", "WAIT 0 1"]


@pytest.fixture(scope="module")
def lone(tmp_path_factory):
    server = LoneRedis(tmp_path_factory.mktemp("redis")).up()
    yield server
    server.down()


# ---- the rules are what the sources need

def granted(user):
    """({command}, {key pattern}) of a user in lib/store/acl/redis.acl."""
    text = (STORE / "acl/redis.acl").read_text().replace("\\\n", "")
    words = re.search(rf"^user {user} .*$", text, re.M)[0].split()
    return {word[1:] for word in words if word[0] == "+"}, {word for word in words if word[0] in "~%"}


def named_commands(known):
    """Each of the known commands that a source of lib/store names."""
    words = set()
    for path in STORE.glob("*.c"):
        words |= set(re.findall(r'"([A-Z_]{3,})"', path.read_text()))
    for path in STORE.glob("lua/*.lua"):
        for first in re.findall(r"\bcall\(([^,)]*)", path.read_text()):
            words |= set(re.findall(r"'([A-Z]+)'", first))
    return {word.lower() for word in words} & known


def test_the_rules_grant_each_command_that_the_sources_name_and_no_other(lone):
    known = {name.decode() for name in lone.client("operator").execute_command("COMMAND", "LIST") if b"|" not in name}
    all_granted = {command.split("|")[0] for user in PROGRAMS for command in granted(user)[0]}
    named = named_commands(known)
    assert len(named) > 30 and named - OPEN_TO_ALL == all_granted


def test_the_rules_name_each_key_that_the_sources_name_and_no_other():
    named = set()
    for path in [*STORE.glob("*.[ch]"), *STORE.glob("lua/*.lua")]:
        named |= {key.rstrip(":") for key in re.findall(r"""["'](rb:[a-z0-9]+:?)""", path.read_text())}
    patterns = {re.match(r"(?:~|%R~)(rb:[a-z0-9]+)(?::\*)?$", pattern)[1] for user in PROGRAMS for pattern in granted(user)[1]}
    assert len(named) > 20 and named == patterns


# ---- who may do what

def refused(client, words):
    """What Redis says to a command; None when it is carried out."""
    try:
        client.execute_command(*words.split())
    except redis.ResponseError as error:
        return str(error)
    return None


@pytest.mark.parametrize("user", PROGRAMS)
def test_a_program_may_do_just_what_it_is_granted(lone, user):
    """All commands that this Redis knows, subcommands too; ACL DRYRUN tells without doing it."""
    operator = lone.client("operator")
    rows = operator.execute_command("COMMAND", "INFO", *operator.execute_command("COMMAND", "LIST"))
    rows += [sub for row in rows for sub in row[9]]
    allowed, tried = set(), 0
    for name, arity, *_, subcommands in rows:
        words = name.decode().split("|")
        if subcommands:
            continue  # no command without one of them
        answer = operator.execute_command("ACL", "DRYRUN", user, *words, *["0"] * (abs(arity) - len(words)))
        tried += 1
        if b"no permissions to run" not in answer:
            allowed.add(name.decode())
    assert tried > 300
    assert allowed - OPEN_TO_ALL == granted(user)[0]


@pytest.mark.parametrize("user", PROGRAMS)
@pytest.mark.parametrize("words", NEVER)
def test_a_program_never_administers(lone, user, words):
    answer = refused(lone.client(user), words)
    assert answer and ("no permissions to run" in answer or "command not allowed" in answer), answer  # the latter to everybody


OTHERS_KEYS = {
    "api": ["rb:mark", "rb:leader", "rb:nodes", "rb:alive:x", "rb:coordinators", "rb:ring", "rb:wishes", "rb:news", "rb:plain", "other", "rb", "rc:v:x"],
    "coordinator": ["rb:ses:x", "rb:ses:u:x", "rb:rate:login:x", "rb:lock:x", "rb:flight", "rb:use:x", "rb:pd:x", "other", "rb", "rb:"]}


@pytest.mark.parametrize("user, keys", OTHERS_KEYS.items())
def test_a_program_writes_no_keys_of_others(lone, user, keys):
    client, operator = lone.client(user), lone.client("operator")
    for key in keys:
        for words in (f"SET {key} 1", f"HSET {key} f 1", f"DEL {key}", f"ZADD {key} 0 m"):
            answer = refused(client, words)
            assert answer and "can't access" in answer or "no permissions to access" in str(answer), (words, answer)
        assert operator.exists(key) == 0


def test_an_api_reads_what_the_leader_writes(lone):
    lone.client("operator").hset("rb:mark", "run_id", "x")
    api = lone.client("api")
    assert api.hget("rb:mark", "run_id") == b"x" and api.get("rb:leader") is None
    sha = api.execute_command("SCRIPT", "LOAD", "return redis.call('HGET', KEYS[1], 'run_id')")
    assert api.execute_command("EVALSHA_RO", sha, 1, "rb:mark") == b"x"
    assert "access" in refused(api, f"EVALSHA {sha.decode()} 1 rb:mark"), "declared by a script that may write, it counts as written"


@pytest.mark.parametrize("script", ["return redis.call('CONFIG', 'GET', 'dir')", "return redis.call('FLUSHALL')", "return redis.call('SET', 'rb:mine', '1')",
                                    "return redis.call('EVAL', 'return 1', 0)", "return redis.call('KEYS', '*')", "return redis.call('SET', 'other', '1')",
                                    "return redis.call('ACL', 'SETUSER', 'x')", "return io.open('/etc/passwd')", "return os.execute('true')", "return loadfile('/etc/passwd')",
                                    "return require('os')", "return package.loadlib('x', 'y')", "return redis.setresp(3) or redis.call('DEBUG', 'JMAP')"])
@pytest.mark.parametrize("user", PROGRAMS)
def test_a_script_of_an_attackers_own_gets_no_further(lone, user, script):
    client = lone.client(user)
    before = lone.client("operator").dbsize()
    sha = client.execute_command("SCRIPT", "LOAD", script)
    answer = refused(client, f"EVALSHA {sha.decode()} 0")
    assert answer and any(word in answer for word in ("can't run this command", "can't access", "attempt to", "nonexistent global", "not allowed")), answer
    assert lone.client("operator").dbsize() == before


def ask(path, data):
    """What Redis answers to bytes of a stranger's."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(10)
        line.connect(str(path))
        line.sendall(data)
        return line.recv(4096)


@pytest.mark.parametrize("data, answer", [
    (b"PING\r\n", b"-NOAUTH"), (b"*1\r\n$4\r\nINFO\r\n", b"-NOAUTH"), (b"GET rb:ring\r\n", b"-NOAUTH"), (b"AUTH wrong\r\n", b"-WRONGPASS"),
    (b"AUTH default x\r\n", b"-WRONGPASS"), (b"AUTH api x\r\n", b"-WRONGPASS"), (b"AUTH operator default\r\n", b"-WRONGPASS"), (b"HELLO 3\r\n", b"-NOAUTH"),
    (b"HELLO 3 AUTH default nopass\r\n", b"-WRONGPASS"), (b"EVAL \"return 1\" 0\r\n", b"-NOAUTH"), (b"*100\r\n", b"-ERR Protocol error: unauthenticated multibulk"),
    (b"*2\r\n$4\r\nAUTH\r\n$536870912\r\n", b"-ERR Protocol error: unauthenticated bulk"), (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", b"")])
def test_who_has_no_password_gets_nothing(lone, data, answer):
    try:
        told = ask(lone.socket, data)
    except ConnectionResetError:
        told = b""
    assert told.startswith(answer) and (answer or not told.startswith((b"+", b"$", b"*"))), told


def test_the_rules_hold_only_hashes(lone):
    text = (lone.folder / "redis.acl").read_text()
    assert not any(secret in text for secret in lone.passwords.values())
    assert len(re.findall(r"#[0-9a-f]{64}\b", text)) == 3 and "nopass" not in text and ">" not in text


def test_what_was_written_is_there_after_a_restart(lone):
    """Scripts stand in the file as transactions, which are carried out as the user that nobody can be."""
    api = lone.client("api")
    sha = api.execute_command("SCRIPT", "LOAD", "redis.call('HSET', KEYS[1], 'a', '1') return redis.call('HSET', KEYS[1], 'b', '2')")
    api.execute_command("EVALSHA", sha, 1, "rb:c:kept")
    lone.down()
    lone.up()
    assert lone.client("api").hmget("rb:c:kept", "a", "b") == [b"1", b"2"]


def test_a_redis_from_outside_gets_the_same_users(tmp_path):
    def make_users():
        done = subprocess.run([ROOT / "bin/cluster", "redis-users", tmp_path / "redis"], capture_output=True, text=True, check=True)
        return {path.name: path.read_text() for path in (tmp_path / "redis").iterdir()}, done.stdout
    first, said = make_users()
    assert set(first) == {"redis.acl", *(f"redis-{user}.password" for user in ("api", "coordinator", "operator"))} and said == f"{tmp_path}/redis/redis.acl\n"
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "redis").iterdir())
    for user in ("api", "coordinator", "operator"):
        assert f"user {user} on #{hashlib.sha256(first[f'redis-{user}.password'].strip().encode()).hexdigest()} " in first["redis.acl"]
    assert make_users()[0] == first


# ---- a whole cluster

NAMES = ["A*C", "A?C", "A[B]C", "$-1", "*3", "rb:c:a*c", "a  b   c", 'say "hi"', "back\\slash", "{x}", "%s%n", "ünï ☃", "-1", "'; FLUSHALL", "PING"]
REFUSED = ["A\r\nFLUSHALL\r\n", "A\nB", "A\0B", "A\x1bB", "*1\r\n$8\r\nFLUSHALL\r\n"]
FILES = ["plain.txt", "two words*.txt", "$8.txt", "{?}[x].txt", "'quoted' \"twice\".txt", "naïve ☃.txt"]


@pytest.fixture(scope="module")
def net(homes):
    return homes("redis-acl", RB_INDEX_PORT=free_ports(3), RB_NODE_OBTAIN_PORT=free_ports(8), RB_SWEEP_S=1, RB_ADOPT_AFTER=1).up()


@pytest.fixture(scope="module")
def admin(net):
    return Api(net.url)


def keys_of(cluster):
    return set(cluster.redis().scan_iter("*"))


def test_the_passwords_of_redis_are_for_their_owner_only(net):
    found = sorted(path.name for path in (net.home / "keys").iterdir() if "redis" in path.name)
    assert found == ["redis-api.password", "redis-coordinator.password", "redis-operator.password", "redis.acl"]
    assert all((net.home / "keys" / name).stat().st_mode & 0o777 == 0o600 for name in found)
    passwords = {(net.home / "keys" / name).read_text() for name in found}
    assert len(passwords) == 4 and not any(len(password) < 64 for password in passwords)
    said = net.redis().execute_command("ACL", "LIST")
    assert any(row.startswith(b"user default off ") for row in said) and len(said) == 4


@pytest.mark.parametrize("name", NAMES)
def test_a_courses_name_is_only_a_name(net, admin, name):
    assert admin.upload(name, pdf(name), title=f"* {name} [x]").status_code == 201
    assert admin.bytes(name).content == pdf(name)
    assert name in {item["course"] for item in admin.get("/api/v1/courses", params={"limit": 100}).json()["items"]}
    assert all(key.startswith(b"rb:") for key in keys_of(net))


@pytest.mark.parametrize("name", REFUSED)
def test_a_name_with_control_characters_reaches_nobody(net, admin, name):
    before = net.redis().exists("rb:mark"), len([key for key in keys_of(net) if key.startswith(b"rb:c:")])
    assert admin.upload(name, pdf("x")).status_code == 400
    for words in (name, name + "*"):
        assert admin.get("/api/v1/courses", params={"q": words}).status_code in (200, 400)
        assert admin.get("/api/v1/peers/files", params={"q": words}).status_code in (200, 400)
    assert (net.redis().exists("rb:mark"), len([key for key in keys_of(net) if key.startswith(b"rb:c:")])) == before


def test_a_value_without_end_is_refused_long_before_redis(net, admin):
    before = net.redis().info("memory")["used_memory"]
    large = "x" * (1 << 20)
    assert admin.upload("HUGE 1", pdf("x"), title=large).status_code in (400, 413, 414, 422)
    assert admin.post("/api/v1/users", json={"name": "huge", "role": "reader", "shown": large, "password": PASSWORD}).status_code in (400, 413, 422)
    assert admin.put("/api/v1/settings", data=b'{"moderate": ' + b" " * (64 << 20) + b"false}", headers={"Content-Type": "application/json"}).status_code in (400, 413)
    assert net.redis().info("memory")["used_memory"] - before < 8 << 20


def state_of(admin, name):
    return next((node["state"] for node in admin.get("/api/v1/cluster").json()["nodes"] if node["name"] == name), None)


def work(net, admin, folder):
    """Something of everything that programs ask Redis: courses, people, links, peers, both protocols, a change of the ring."""
    assert admin.upload("WORK 1", pdf("1")).status_code == 201 and admin.upload("WORK 1", pdf("2")).status_code == 201
    version = admin.course("WORK 1").json()["versions"][-1]["id"]
    assert admin.delete_course("WORK 1", version=version).status_code == 204
    assert admin.restore("WORK 1", version=version).status_code in (200, 201)
    assert admin.upload("WORK 2", pdf("gone")).status_code == 201 and admin.delete_course("WORK 2").status_code == 204
    make(admin, "worker", "contributor", quota_bytes=1 << 20)
    me = Browser(net.url, admin.contract)
    assert me.sign_in("worker", "wrong battery").status_code == 401 and me.sign_in("worker").status_code == 201
    assert me.upload("WORK 3", pdf("mine")).status_code == 201
    token = me.post("/api/v1/tokens", json={"label": "work", "acts": ["read", "upload"]}).json()
    assert Api(net.url, admin.contract, token["token"]).upload("WORK 4", pdf("by token")).status_code == 201
    assert me.delete(f"/api/v1/tokens/{token['id']}").status_code == 204
    link = admin.post(course_path("WORK 1", "/links"), json={"expires_s": 60, "downloads_max": 2}).json()
    assert Api(net.url, admin.contract, token="").get(f"/api/v1/links/{link['text']}").status_code == 200
    assert raw(net.url, "GET", "/api/v1/users/worker/export", {"Cookie": f"sid={me.secret}"}).status_code == 200
    assert me.delete("/api/v1/session").status_code == 204
    assert admin.change_settings(moderate=True).status_code == 200
    make(admin, "unknown", "contributor")
    other = Browser(net.url, admin.contract)
    assert other.sign_in("unknown").status_code == 201
    waiting = other.upload("WORK 5", pdf("waits"))
    assert waiting.status_code == 202 and admin.post(f"/api/v1/pending/{waiting.json()['id']}/accept", json={}).status_code in (200, 201, 204)
    assert admin.change_settings(moderate=False).status_code == 200
    peer = Peer(net, folder, {name: f"{name}\n".encode() * 100 for name in FILES})
    wait_for(lambda: {row["name"] for row in search(admin) if row["sha256"]} >= set(FILES), 20, "the folder is listed")
    row = search(admin, "plain")[0]
    assert admin.get(f"/api/v1/peers/{peer.name}/files/plain.txt").status_code == 200
    wait_for(lambda: search(admin, "plain")[0]["adopted"], 20, "what was fetched is taken into the ring")
    assert admin.get(f"/api/v1/peers/files/{row['sha256']}").status_code == 200
    peer.remove("$8.txt")
    wait_for(lambda: not search(admin, "$8"), 10, "what is gone is not listed")
    with Greeted(net) as line:
        assert line.search(line.id, "plain.txt")
    node = net.command("add", "node").strip()
    assert admin.post(f"/api/v1/cluster/nodes/{node}/drain").status_code == 202
    wait_for(lambda: state_of(admin, node) in ("gone", None), 60, "the ring changed")
    return peer


def test_the_programs_get_along_with_their_rights(net, admin, tmp_path):
    """The main job, people, peers, a change of the ring, and a wiped Redis: nothing that they ask is refused."""
    client = net.redis()
    client.execute_command("ACL", "LOG", "RESET")
    peer = work(net, admin, tmp_path / "share")
    before = {item["course"] for item in admin.get("/api/v1/courses", params={"limit": 100}).json()["items"]}
    client.flushall()
    listed = lambda: admin.get("/api/v1/courses", params={"limit": 100})
    wait_for(lambda: listed().status_code == 200 and {item["course"] for item in listed().json()["items"]} == before, 30, "the index is built anew")
    wait_for(lambda: search(admin, "naïve"), 20, "the peer is listed anew")
    net.kill("redis")
    net.start("redis")
    wait_for(lambda: listed().status_code == 200, 30, "lists after a restart")
    leader = admin.get("/api/v1/cluster").json()["leader"]["name"]
    net.kill(leader)
    wait_for(lambda: (admin.get("/api/v1/cluster").json()["leader"] or {}).get("name") not in (None, leader), 20, "another leads")
    net.start(leader)
    net.command("stop", peer.name)
    assert admin.upload("WORK 6", pdf("after all")).status_code == 201
    assert net.redis().execute_command("ACL", "LOG") == []
    # That log would have told.
    with pytest.raises(redis.ResponseError):
        net.redis("api").execute_command("FLUSHALL")
    row, = net.redis().execute_command("ACL", "LOG")
    assert b"flushall" in row and b"api" in row
