"""What runs in a cluster: for each role its command line, what its cluster.json entry says, and how to ask whether it is ready."""
import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from clusterlib import access, frontend, peers_tls, tls
from clusterlib.home import Home, Refusal, setting, write_atomic

# Started in this order, each group when the one before it is ready; ended in the order of ENDING.
STARTING = ("redis", "coordinator", "node", "api", "nginx")
ENDING = ("nginx", "api", "node", "coordinator", "redis")
PORT = 8080
ANSWER_BYTES = 4 << 20
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def role_of(name):
    role = name.split("-")[0]
    if role not in STARTING:
        raise Refusal(f"There is no process {name!r}; `bin/cluster status` lists them.")
    return role


def folder(home, name):
    """A process's own folder, made when it is missing."""
    path = home.data / name
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def program(home, name):
    path = home.bin / name
    if not os.access(path, os.X_OK):
        raise Refusal(f"{path} is not there; run `make build` first.")
    return path


def tool(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
    if not path:
        raise Refusal(f"{name} is not installed; run `make deps` first.")
    return path


def url_of(home, name, env):
    return f"{peers_tls.scheme(env)}://127.0.0.1:{home.port(name)}"


# ---- what must be there before the first start

def make_key(home):
    """The cluster's key, drawn once; nobody but the caller can read it."""
    if not home.key.exists():
        write_atomic(home.key, secrets.token_hex(32) + "\n")


def init_node(home, name, zone=""):
    """Gives a node its folder, its id and its keys; those of one that has them already stay."""
    words = [program(home, "ringbinder-node"), "--init", home.data / name, "--name", name, "--key", home.key, *(["--zone", zone] if zone else [])]
    checked(words)


def found(home, nodes, k):
    """Writes the founding document, ring 1, once in a cluster's life."""
    if not home.founding.exists():
        members = ",".join(str(home.data / name / "node.json") for name in nodes)
        checked([program(home, "ringbinder-coordinator"), "--found", home.founding, "--k", k, "--members", members])


def checked(words):
    done = subprocess.run([str(w) for w in words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(f"{os.path.basename(words[0])} {words[1]} failed: {(done.stderr or done.stdout).strip()}")


# ---- command lines

def redis(home, _name, _env):
    """Redis with a file of its own: no TCP port, nobody without a password; each write is on disk before it is answered. But while that file is rewritten its fsyncs would wait for the rewrite's, which takes
    seconds when the index of peers is large: longer than the lease lives. So then they are left to the kernel; what a power cut may take is found by the next comparison with the nodes."""
    conf = folder(home, "redis") / "redis.conf"
    write_atomic(conf, f"""port 0
unixsocket "{home.sockets / 'redis.sock'}"
unixsocketperm 700
aclfile "{access.prepare(home.keys)}"
dir "{home.data / 'redis'}"
daemonize no
logfile ""
save ""
appendonly yes
appendfsync always
no-appendfsync-on-rewrite yes
maxmemory-policy noeviction
""")
    return [tool("redis-server"), conf]


def redis_words(home, user, env):
    """What a program is told of Redis: the private one, as this user, or the one of RB_REDIS, which is not ours to start."""
    if not env.get("RB_REDIS"):
        return ["--redis", f"unix:{home.sockets / 'redis.sock'}", "--redis-user", user, "--redis-password-file", access.password_file(home.keys, user)]
    words = ["--redis", env["RB_REDIS"]]
    if env.get("RB_REDIS_USER"):
        words += ["--redis-user", env["RB_REDIS_USER"]]
    if secret := env.get("RB_REDIS_PASSWORD_FILE"):
        if not os.path.isabs(secret) or not os.access(secret, os.R_OK):
            raise Refusal(f"RB_REDIS_PASSWORD_FILE is {secret!r}; it must be the whole path of a file that can be read.")
        words += ["--redis-password-file", secret]
    return words


def coordinator(home, name, env):
    return [program(home, "ringbinder-coordinator"), "--name", name, "--data", folder(home, name), "--listen", f"127.0.0.1:{home.port(name)}",
            "--url", url_of(home, name, env), *redis_words(home, "coordinator", env), "--key", home.key, "--founding", home.founding, *peers_tls.words(home, name, env),
            "--index-port", line_port(home, name, env)]


def line_port(home, name, env):
    """The port of the line protocol: coordinator-1 has RB_INDEX_PORT, node-1 RB_NODE_OBTAIN_PORT if it shares, the next ones the next numbers; 0: none."""
    role, number = name.split("-")
    key = {"coordinator": "RB_INDEX_PORT", "node": "RB_NODE_OBTAIN_PORT"}[role]
    first = setting(env, key, 0, 0, 65535)
    if first == 0 or (role == "node" and not home.sharing(name)["share"]):
        return 0
    if first + int(number) - 1 > 65535:
        raise Refusal(f"{key} is {first}; there is no port for {name} that many numbers above it.")
    return first + int(number) - 1


def node(home, name, env):
    words = [program(home, "ringbinder-node"), "--data", folder(home, name), "--listen", f"127.0.0.1:{home.port(name)}", "--url", url_of(home, name, env),
             "--coordinators", coordinator_urls(home), "--obtain-port", line_port(home, name, env), *peers_tls.words(home, name, env)]
    sharing = home.sharing(name)
    if sharing["share"]:
        words += ["--share", sharing["share"]]
    if not sharing["store"]:
        words += ["--store", "0"]
    return words


def api(home, name, env):
    return [program(home, "ringbinder-api"), "--name", name, "--data", folder(home, name), "--listen", f"unix:{home.sockets / (name + '.sock')}",
            *redis_words(home, "api", env), "--key", home.key, "--coordinators", coordinator_urls(home), *peers_tls.words(home, name, env),
            *(["--admin-file", home.admin_file] if name == "api-1" else [])]


def nginx(home, name, env):
    conf = frontend.render(home, setting(env, "RB_PORT", PORT, 1024, 65535), env)
    return [tool("nginx"), "-p", home.nginx, "-c", conf, "-e", home.log(name)]


def coordinator_urls(home):
    state = home.state()
    return ",".join(state[name]["url"] for name in home.names("coordinator") if name in state)


COMMANDS = {"redis": redis, "coordinator": coordinator, "node": node, "api": api, "nginx": nginx}


def entry(home, name, env):
    """A process's cluster.json entry before it runs."""
    role = role_of(name)
    row = {"name": name, "role": role, "pid": None, "started": None, "command": None, "url": None, "data": str(home.data / name)}
    if role in ("coordinator", "node"):
        row["url"] = url_of(home, name, env)
        if peers_tls.wanted(env):
            row["tls"] = [str(path) for path in peers_tls.pair(home, name)]
        if number := line_port(home, name, env):
            row["index_port" if role == "coordinator" else "obtain_port"] = number
    elif role == "nginx":
        row["url"] = frontend.url(setting(env, "RB_PORT", PORT, 1024, 65535), env)
        row["data"] = str(home.nginx)
        if pair := tls.pair(home, env):
            row["certificate"] = str(pair[0])
    else:
        row["socket"] = str(home.sockets / f"{name}.sock")
    return row


# ---- readiness

def opener(url):
    """Asks without a proxy; by https only who has the certificate of our own nginx, or one of the cluster's own CA."""
    home = Home()
    row = next((row for row in home.state().values() if row.get("url") and url.startswith(row["url"] + "/")), {})
    if url.startswith("https:") and row.get("tls"):
        context = peers_tls.trust(home)
    elif url.startswith("https:") and row.get("certificate"):
        context = tls.trust(row["certificate"])
    else:
        return DIRECT
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))


def ask(url, token=None):
    """(status, body) of a GET; status 0 when nobody answers."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with opener(url).open(request, timeout=5) as answer:
            return answer.status, answer.read(ANSWER_BYTES).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(ANSWER_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return 0, ""


def cluster(home, url):
    """What GET /cluster of this front says; {} when nobody answers."""
    status, text = ask(url + "/api/v1/cluster", home.secret())
    try:
        return json.loads(text) if status == 200 else {}
    except ValueError:
        return {}


def peers(home, url):
    """What GET /peers of this front says; [] when nobody answers."""
    found, cursor = [], ""
    while True:
        status, text = ask(url + "/api/v1/peers?limit=100" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else ""), home.secret())
        try:
            page = json.loads(text) if status == 200 else {}
        except ValueError:
            page = {}
        found += page.get("items", [])
        cursor = page.get("next")
        if not cursor:
            return found


def socket_answers(path, question=b"", answer=b""):
    """True when a unix socket takes a connection and, if asked something, answers that."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as line:
        line.settimeout(5)
        try:
            line.connect(path)
            line.sendall(question)
            told = b""
            while len(told) < len(answer) and (more := line.recv(64)):
                told += more
            return told == answer
        except OSError:
            return False


def redis_answers(path):
    """True when our own Redis knows us and has loaded its data."""
    if not access.password_file(Home().keys, "operator").exists():
        return False  # a Redis of an older release: it wants to be restarted
    question = f"AUTH operator {access.password(Home().keys, 'operator')}\r\nPING\r\n"
    return socket_answers(path, question.encode(), b"+OK\r\n+PONG\r\n")


def ready(row):
    """True when the process of a cluster.json entry does its work."""
    if row["role"] == "redis":
        return redis_answers(row["socket"])
    if row["role"] == "api":
        return socket_answers(row["socket"])
    if row["role"] == "nginx":
        return ask(row["url"] + "/healthz")[0] != 0
    return ask(row["url"] + "/healthz")[0] == 200
