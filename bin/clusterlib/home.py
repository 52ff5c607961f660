"""A cluster's folder ($RB_HOME): its paths, its lock, and the files that say what runs where.

cluster.json   what tests and scripts read: every process with pid, url and data
ports.json     the port of each node and coordinator, chosen once, so that the others' settings stay right
settings.json  the RB_* variables of the last `up`, so that a later `start NAME` runs the same cluster
peers.json     which folder a node shares and whether it stores copies, as `add node` was told, for the same reason
"""
import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import random
import re
import shutil
import socket

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOCKET_PATH_MAX = 107  # bytes of sockaddr_un.sun_path without its NUL
UNUSABLE = re.compile(r'["\\$,\x00-\x1f\x7f]')  # cannot be written in nginx's or Redis's files, or separates names in a list
OURS = ("RB_HOME", "RB_BIN", "RB_URL", "RB_TOKEN")  # said to us or to the command line, not to the processes


class Refusal(Exception):
    """A reason, in one sentence for a person, why a command was not carried out."""


def write_atomic(path, text):
    """Replaces a file whole: readers see the old text or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(draft, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def read_json(path, otherwise):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return otherwise


def port_is_free(port):
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(taken):
    """A free port below the range that outgoing connections use, so that none of those sits on it when we come back."""
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    first, last = (low - 8192, low - 1) if low > 10240 else (10240, 65535)
    for _ in range(1000):
        port = random.randint(first, last)
        if port not in taken and port_is_free(port):
            return port
    raise Refusal(f"No free port between {first} and {last} on 127.0.0.1.")


def setting(env, name, default, least, most):
    """A whole number from the environment, within bounds."""
    text = env.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise Refusal(f"{name} is {text!r}; it must be a number from {least} to {most}.")
    return int(text)


class Home:
    """Paths and files of one cluster. Nothing is made until make()."""

    def __init__(self):
        self.path = pathlib.Path(os.path.abspath(os.environ.get("RB_HOME") or ROOT / "run"))
        for path in (self.path, ROOT):
            if UNUSABLE.search(str(path)):
                raise Refusal(f"The folder {str(path)!r} cannot be used: its name has a quote, backslash, dollar, comma or control character.")
        self.bin = pathlib.Path(os.path.abspath(os.environ.get("RB_BIN") or ROOT / "build/release/bin"))
        self.data, self.logs, self.nginx = self.path / "data", self.path / "logs", self.path / "nginx"
        self.keys = self.path / "keys"
        self.key = self.keys / "cluster.key"
        self.founding = self.path / "founding.json"
        self.token = self.path / "admin.token"
        self.admin_file = self.data / "api-1" / "admin"  # until the api has made the account from it
        self.sockets = self.socket_folder()

    def socket_folder(self):
        """$RB_HOME/sock, or a private folder with a short name when that is too long for a socket's address."""
        inside = self.path / "sock"
        if len(os.fsencode(inside / "redis.sock")) <= SOCKET_PATH_MAX:
            return inside
        return pathlib.Path("/tmp") / f"ringbinder-{os.getuid()}-{hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]}"

    def make(self):
        """Makes the folders that are missing; only the caller may read them."""
        for path in (self.path, self.data, self.logs, self.nginx, self.keys, self.sockets):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.stat().st_uid != os.getuid() or path.is_symlink() and path != self.path:
                raise Refusal(f"The folder {path} belongs to somebody else; choose another with RB_HOME=…")
        self.sockets.chmod(0o700)

    @contextlib.contextmanager
    def locked(self):
        """One command at a time changes what runs."""
        with open(self.path / "lock", "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def secret(self):
        """The token for scripts, or None."""
        try:
            return self.token.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None

    def log(self, name):
        return self.logs / f"{name}.log"

    def state(self):
        """cluster.json, as {name: process}."""
        return {p["name"]: p for p in read_json(self.path / "cluster.json", {"processes": []})["processes"]}

    def save(self, processes):
        url = next((p["url"] for p in processes.values() if p["role"] == "nginx"), None)
        rows = sorted(processes.values(), key=lambda p: (p["role"], natural(p["name"])))
        write_atomic(self.path / "cluster.json", json.dumps({"url": url, "processes": rows}, indent=1) + "\n")

    def names(self, role, least=0):
        """node-1, node-2, …: all that have a folder here, and at least `least` of them."""
        count = max([least, *(int(m[1]) for m in (re.fullmatch(role + "-([0-9]+)", p.name) for p in self.data.glob(role + "-*")) if m)])
        return [f"{role}-{n}" for n in range(1, count + 1)]

    def port(self, name, anew=False):
        """The port of a node or coordinator, chosen when it is asked for the first time, or anew because somebody else took it."""
        ports = read_json(self.path / "ports.json", {})
        if anew or name not in ports:
            ports[name] = choose_port(set(ports.values()))
            write_atomic(self.path / "ports.json", json.dumps(ports, indent=1) + "\n")
        return ports[name]

    def sharing(self, name):
        """What `add node` was told of a node: {"share": folder or null, "store": bool}."""
        return read_json(self.path / "peers.json", {}).get(name, {"share": None, "store": True})

    def remember_sharing(self, name, share, store):
        peers = read_json(self.path / "peers.json", {})
        peers[name] = {"share": share, "store": store}
        write_atomic(self.path / "peers.json", json.dumps(peers, indent=1) + "\n")

    def forget(self, name):
        """Strikes out a process that does not run, with its data; its log stays."""
        self.save({key: row for key, row in self.state().items() if key != name})
        for file in ("ports.json", "peers.json"):
            rows = read_json(self.path / file, {})
            if rows.pop(name, None) is not None:
                write_atomic(self.path / file, json.dumps(rows, indent=1) + "\n")
        shutil.rmtree(self.data / name, ignore_errors=True)

    def remember_settings(self):
        settings = {key: value for key, value in os.environ.items() if key.startswith("RB_") and key not in OURS}
        write_atomic(self.path / "settings.json", json.dumps(settings, indent=1) + "\n")

    def settings(self):
        """What the processes are told: the last `up`'s RB_* variables, and over them today's."""
        return {**read_json(self.path / "settings.json", {}), **{k: v for k, v in os.environ.items() if k.startswith("RB_") and k not in OURS}}


def natural(name):
    """Sorts node-10 behind node-9."""
    return [int(part) if part.isdigit() else part for part in re.split("([0-9]+)", name)]
