"""Secrets (S19, S17, show 5 and 7): none is in the repository or its history; none of a running cluster's is in a log, an argument, an environment, what Redis keeps, or a file that others
could read; and no program starts with a key that is none."""
import base64
import hashlib
import json
import os
import pathlib
import re
import secrets
import subprocess

import pytest

from support import leaks, signed
from support.api import Api, course_path
from support.cluster import ROOT, children, wait_for
from support.files import pdf
from support.people import Browser, make, raw

BIN = pathlib.Path(os.environ.get("RB_BIN", ROOT / "build/release/bin"))

# ---- the repository

# Where, what, and why it is none: of keys that stand in the same tests and open nothing.
ALLOWED = [
    (r"tests/fuzz/corpus/", "share link", "what the target tries is signed with the two keys that stand in tests/fuzz/auth_link.c"),
    (r"tests/fuzz/corpus/", "API or join token", "made up: nobody keeps a digest of them"),
    (r"tests/fuzz/corpus/auth_password/", "password hash", "of words that stand beside it, for the target to try"),
]


def allowance(name, kind):
    return next((row for row in ALLOWED if re.match(row[0], name) and row[1] == kind), None)


@pytest.fixture(scope="module")
def repository():
    if subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--verify", "-q", "HEAD"], capture_output=True, check=False).returncode != 0:
        pytest.skip("these are sources without a repository")
    return set(leaks.in_repository(ROOT))


def test_nothing_in_the_repository_or_its_history_is_a_secret(repository):
    found = sorted((name, kind, secret[:12] + "…") for name, kind, secret in repository if not allowance(name, kind))
    assert not found, found[:20]


def test_what_is_allowed_is_there(repository):
    """A row that allows what is gone would allow the next one."""
    used = {allowance(name, kind) for name, kind, _ in repository}
    assert [row for row in ALLOWED if row not in used] == []


# Put together here, so that this file has none of them.
PLANTED = {
    "private key": "-----BEGIN " + "EC PRIVATE KEY-----", "API or join token": "rbj_" + "00112233445566ff_" + "x7" * 21 + "Q",
    "share link": "l1." + "01234567." + "00112233445566ff.1800003600." + "x7" * 21 + "Q", "AWS key": "AKIA" + "IOSFODNN7EXAMPLE",
    "GitHub token": "ghp" + "_" + "a1B2" * 9, "GitLab token": "glpat" + "-" + "a1B2c3D4e5F6g7H8i9J0", "Slack token": "xoxb" + "-123456789012-a1b2c3d4e5",
    "Google key": "AIza" + "SyD4a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P", "npm or PyPI token": "npm" + "_" + "a1B2" * 9, "other service's key": "sk_live" + "_" + "a1B2c3D4e5F6g7H8i9J0k1",
    "JSON web token": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N", "password hash": "$argon2id" + "$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$" + "RdescudvJCsgt3ub",
    "password in a URL": "https" + "://somebody:hunter2@example.org/", "assignment": "db_pass" + "word = \"f3a9c04e71b85d26\""}


@pytest.mark.parametrize("kind", leaks.PATTERNS)
def test_a_planted_secret_is_found(kind):
    assert kind in {found for found, _ in leaks.suspects(f"x = {PLANTED[kind]}\n")}


@pytest.mark.parametrize("text", ['password = "correct battery staple"', 'token = "aaaaaaaaaaaaaaaaaaaaaaaa"', 'secret_word = "of_many_words_and_no_digits"', 'sha256 = "' + "ab" * 32 + '"',
                                  "rb_0123456789abcdef_" + "A" * 43, "https://example.org/a:b@c", "http://{user}:{password}@host/"])
def test_what_only_looks_like_one_is_not(text):
    assert list(leaks.suspects(text)) == []


def test_a_secret_that_was_removed_is_still_found(tmp_path):
    """In the history, where everybody finds it who has a copy."""
    def git(*words):
        subprocess.run(["git", "-C", str(tmp_path), "-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false", *words], check=True, capture_output=True)
    git("init", "-q")
    (tmp_path / "settings.ini").write_text(f"# {PLANTED['AWS key']}\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (tmp_path / "settings.ini").write_text("# nothing\n")
    (tmp_path / "now.txt").write_text(PLANTED["private key"] + "\n")
    git("add", ".")
    git("commit", "-q", "-m", "two")
    assert {(name, kind) for name, kind, _ in leaks.in_repository(tmp_path)} == {("settings.ini", "AWS key"), ("now.txt", "private key")}


# ---- keys that are none

DRAWN = secrets.token_hex(32) + "\n"
NO_KEYS = ["", "\n", "changeme\n", "0" * 64 + "\n", "f" * 64 + "\n", "ab" * 32 + "\n", "00" * 16 + "11" * 8 + "22" * 8 + "x", secrets.token_hex(31) + "\n", secrets.token_hex(33) + "\n",
           "0123456789abcdef" * 4 + "\n", bytes(range(32)).hex() + "\n", bytes(range(32, 0, -1)).hex() + "\n", secrets.token_hex(32).upper().replace("0", "A") + "\n", "correct battery staple\n"]
NO_PASSWORDS = ["", "\n", "short\n", "changeme\n", "changemechangeme\n", "0123456789abcdef\n", "password12345678\n", "a" * 64 + "\n", "two words of a password\n", "x" * 600 + "\n"]


def words_of(program, folder, key, password):
    """The command line of a program that has all it needs but, maybe, a good key and password."""
    redis = ["--redis", "unix:/nonexistent/redis.sock", "--redis-user", "test", "--redis-password-file", password]
    return {
        "node": ["ringbinder-node", "--init", folder / "node", "--name", "node-1", "--key", key],
        "coordinator": ["ringbinder-coordinator", "--name", "c-1", "--data", folder / "c", "--listen", "127.0.0.1:1", "--url", "http://127.0.0.1:1", "--founding", folder / "none", "--key", key, *redis],
        "api": ["ringbinder-api", "--name", "a-1", "--data", folder / "a", "--listen", f"unix:{folder}/sock", "--coordinators", "http://127.0.0.1:1", "--key", key, *redis],
        "tool": ["ringbinder", "audit", "verify", "--key", key, folder],
    }[program]


def start(program, folder, key, password):
    name, *words = words_of(program, folder, key, password)
    return subprocess.run([BIN / name, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False, env={"PATH": "/usr/bin:/bin", "RB_JAIL": "off"})


def file_of(folder, name, text, mode=0o600):
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def said_no(done, what, path, secret):
    """It ended at once, with a sentence about that file that does not tell what is in it."""
    told = done.stdout + done.stderr
    assert done.returncode != 0 and what in told and str(path) in told, told
    assert len(secret.strip()) < 6 or secret.strip() not in told, told


@pytest.mark.parametrize("program", ["node", "coordinator", "api", "tool"])
@pytest.mark.parametrize("text", NO_KEYS)
def test_no_program_takes_a_key_that_is_none(tmp_path, program, text):
    key, password = file_of(tmp_path, "key", text), file_of(tmp_path, "password", secrets.token_hex(16))
    said_no(start(program, tmp_path, key, password), "cannot be used", key, text)


@pytest.mark.parametrize("program", ["coordinator", "api"])
@pytest.mark.parametrize("text", NO_PASSWORDS)
def test_no_program_takes_a_password_that_is_none(tmp_path, program, text):
    key, password = file_of(tmp_path, "key", DRAWN), file_of(tmp_path, "password", text)
    said_no(start(program, tmp_path, key, password), "cannot be used", password, text)


@pytest.mark.parametrize("program", ["node", "coordinator", "api", "tool"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_no_program_takes_what_others_can_touch(tmp_path, program, mode):
    key, password = file_of(tmp_path, "key", DRAWN, mode), file_of(tmp_path, "password", secrets.token_hex(16))
    said_no(start(program, tmp_path, key, password), "nobody else can read", key, DRAWN)
    if program in ("coordinator", "api"):
        key.chmod(0o600)
        password.chmod(mode)
        said_no(start(program, tmp_path, key, password), "nobody else can read", password, password.read_text())


@pytest.mark.parametrize("program", ["node", "coordinator", "api", "tool"])
def test_no_program_takes_what_belongs_to_somebody_else(tmp_path, program):
    if os.getuid() != 0:
        pytest.skip("only root can give files away")
    key, password = file_of(tmp_path, "key", DRAWN), file_of(tmp_path, "password", secrets.token_hex(16))
    link = tmp_path / "link"
    link.symlink_to(key)
    os.chown(link, 12345, 12345, follow_symlinks=False)
    said_no(start(program, tmp_path, link, password), "nobody else can read", link, DRAWN)
    os.chown(key, 12345, 12345)
    said_no(start(program, tmp_path, key, password), "nobody else can read", key, DRAWN)


# ---- a cluster at work

class Kept:
    """A cluster that has done something with each kind of secret, and all of those: {what: secret}."""

    def __init__(self, cluster, folder):
        self.cluster, self.secrets = cluster, {}
        password = re.search(r"Sign in as admin with the password (\S+) ", cluster.command("up"))[1]
        signed.sign(cluster.url, cluster.token())
        self.admin = Api(cluster.url)
        self.keep("the first admin's password", password)
        self.keep("the admin's token", cluster.token().split("_", 2)[2])
        self.people(password)
        self.links()
        self.joins(folder)
        self.keys()

    def keep(self, what, secret):
        assert what not in self.secrets and len(secret) >= 10, (what, secret)
        self.secrets[what] = secret
        return secret

    def people(self, password):
        url, contract = self.cluster.url, self.admin.contract
        one, two = (self.keep(what, secrets.token_urlsafe(15)) for what in ("a password", "a changed password"))
        make(self.admin, "somebody", "contributor", password=one)
        me = Browser(url, contract)
        assert me.sign_in("somebody", self.keep("a wrong password", secrets.token_urlsafe(15))).status_code == 401
        answer = me.sign_in("somebody", one)
        assert answer.status_code == 201
        self.keep("a session", me.secret)
        self.keep("its CSRF token", answer.json()["csrf"])
        assert raw(url, "POST", "/api/v1/courses/X/restore", {"Cookie": f"sid={me.secret}", "RB-CSRF": "wrong", "Origin": url}).status_code == 403
        assert me.upload("SECRET 1", pdf("mine")).status_code == 201
        assert me.put("/api/v1/users/somebody/password", json={"old": one, "new": two}).status_code == 204
        root = Browser(url, contract)
        assert root.sign_in("admin", password).status_code == 201
        self.keep("the admin's session", root.secret)
        token = me.post("/api/v1/tokens", json={"label": "work", "acts": ["read", "upload"]}).json()["token"]
        self.keep("a token", token.split("_", 2)[2])
        assert Api(url, contract, token).upload("SECRET 2", pdf("by token")).status_code == 201
        for path in (f"/api/v1/courses?access_token={token}", f"/api/v1/courses/X?token={token}"):  # as people do it elsewhere
            raw(url, "GET", path)
        wrong = self.keep("a wrong token", secrets.token_urlsafe(32))
        assert raw(url, "GET", "/api/v1/courses", {"Authorization": f"Bearer rb_0011223344556677_{wrong}"}).status_code == 401
        assert raw(url, "GET", "/api/v1/courses", {"Authorization": "Basic " + base64.b64encode(f"somebody:{two}".encode()).decode()}).status_code == 401

    def links(self):
        word = self.keep("a link's password", secrets.token_urlsafe(15))
        made = self.admin.post(course_path("SECRET 1", "/links"), json={"expires_s": 600, "password": word})
        assert made.status_code == 201, made.text
        text = made.json()["text"]
        self.keep("a link's MAC", text.rsplit(".", 1)[1])
        path = "/api/v1/links/" + text
        assert raw(self.cluster.url, "GET", path).status_code == 403
        assert raw(self.cluster.url, "GET", path, {"RB-Link-Password": self.keep("a link's wrong password", secrets.token_urlsafe(15))}).status_code == 403
        assert raw(self.cluster.url, "GET", path, {"RB-Link-Password": word}).status_code == 200
        assert raw(self.cluster.url, "POST", path, data={"password": word}).status_code in (200, 303)

    def joins(self, folder):
        answer = self.admin.post("/api/v1/join-tokens", json={"name": "lab-1", "zone": "lab", "expires_s": 600})
        assert answer.status_code == 201, answer.text
        self.keep("a join token", answer.json()["token"].split("_", 2)[2])
        file = file_of(folder, "token", answer.json()["token"] + "\n")
        done = subprocess.run([self.cluster.program("ringbinder-node"), "--init", folder / "lab-1", "--join-token", file, "--join-url", self.cluster.url], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        self.joined = done.stdout + done.stderr
        self.keep("the key of a node that joined", json.loads((folder / "lab-1/node.key").read_text())["key"])

    def keys(self):
        home = self.cluster.home
        self.keep("the cluster's key", (home / "keys/cluster.key").read_text().strip())
        for user in ("operator", "api", "coordinator"):
            self.keep(f"Redis's password of {user}", (home / f"keys/redis-{user}.password").read_text().strip())
        for name in self.cluster.names("node"):
            own = json.loads((self.cluster.data(name) / "node.key").read_text())
            self.keep(f"the key of {name}", own["key"])
            self.keep(f"the key of {name} to coordinators", own["coordinators"])
        linked = re.compile(rb'"keys":\[\{"id":"[0-9a-f]+","key":"([0-9a-f]{64})"')
        found = {key for name in self.cluster.names("node") for _, data in leaks.files_below(self.cluster.data(name)) for key in linked.findall(data)}
        assert len(found) == 1, "the document sys/keys is on the nodes"
        self.keep("the key of links", found.pop().decode())

    def pids(self):
        """Of all processes of the cluster, nginx's workers included."""
        leaders = [row["pid"] for row in self.cluster.processes().values()]
        return leaders + [child for pid in leaders for child in children(pid)]


@pytest.fixture(scope="module")
def kept(homes, tmp_path_factory):
    """Not traceable, unlike other clusters of tests: as it is everywhere else."""
    return Kept(homes("secrets", RB_JAIL="kill"), tmp_path_factory.mktemp("joins"))


def test_no_secret_is_in_a_log(kept):
    folder = kept.cluster.home / "logs"
    texts = dict(leaks.files_below(folder))
    assert len(texts) >= 8 and sum(map(len, texts.values())) > 2000
    assert {path.name: names for path, data in texts.items() if (names := leaks.told(data, kept.secrets))} == {}
    assert leaks.told(kept.joined.encode(), kept.secrets) == []


def test_no_secret_is_in_an_audit_log(kept):
    texts = {path: data for path, data in leaks.files_below(kept.cluster.home / "data") if path.name.startswith("AUDIT-")}
    assert len(texts) >= 5
    assert {str(path): names for path, data in texts.items() if (names := leaks.told(data, kept.secrets))} == {}


def test_each_secret_is_only_where_it_belongs(kept):
    """All files of the cluster: data, Redis's file, settings, nginx's."""
    home = kept.cluster.home
    belongs = {"the admin's token": r"admin\.token", "the cluster's key": r"keys/cluster\.key", "the key of links": r"data/node-\d/.*",
               **{f"Redis's password of {user}": rf"keys/redis-{user}\.password" for user in ("operator", "api", "coordinator")},
               **{f"the key of {name}{more}": rf"data/{name}/node\.key" for name in kept.cluster.names("node") for more in ("", " to coordinators")}}
    found, strangers = set(), []
    for path, data in leaks.files_below(home):
        for name in leaks.told(data, kept.secrets):
            if re.fullmatch(belongs.get(name, "nowhere"), str(path.relative_to(home))):
                found.add(name)
            else:
                strangers.append((str(path.relative_to(home)), name))
    assert strangers == []
    assert found == set(belongs), "the search finds what is there"


def test_redis_has_digests_and_no_secret(kept):
    """What it answers, key by key: in its files long texts may be packed."""
    client = kept.cluster.redis()
    read = {b"string": client.get, b"hash": client.hgetall, b"zset": lambda key: client.zrange(key, 0, -1), b"list": lambda key: client.lrange(key, 0, -1),
            b"stream": client.xrange}
    everything = b"".join(key + b" " + repr(read[client.type(key)](key)).encode() + b"\n" for key in client.scan_iter("*"))
    assert leaks.told(everything, kept.secrets) == []
    digest = hashlib.sha256(kept.secrets["the admin's session"].encode()).hexdigest()
    assert f"rb:ses:{digest}".encode() in everything


def test_no_secret_is_in_an_argument_or_environment(kept):
    """Of any process on the machine: what one was told, ps tells everybody."""
    pids = kept.pids()
    assert len(pids) >= 9 and leaks.told_by_processes(leaks.all_pids(), kept.secrets) == {}
    # The search finds what is there.
    word = kept.secrets["a password"]
    with subprocess.Popen(["sleep", "60"], env={"X": word}) as one:
        wait_for(lambda: leaks.told_by_processes([one.pid], kept.secrets) == {one.pid: ["a password"]}, 5, "it is noticed")
        one.kill()


def test_nothing_is_readable_by_others(kept):
    assert leaks.readable_by_others(kept.cluster.home) == []
    path = file_of(kept.cluster.home, "open", "x", 0o640)
    assert leaks.readable_by_others(kept.cluster.home) == [path]
    path.unlink()


def test_no_process_leaves_a_core(kept):
    for pid in kept.pids():
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits), pid
    if os.getuid() != 0:  # the files of a process that may not be dumped are root's
        for name in ("api-1", "coordinator-1", "node-1"):
            assert pathlib.Path(f"/proc/{kept.cluster.pid(name)}/environ").stat().st_uid == 0
