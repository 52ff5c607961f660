"""A whole cluster for tests: brought up by bin/cluster in a folder of its own, its processes killed by the pids of cluster.json."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

import redis

from support.signed import sign

ROOT = pathlib.Path(__file__).resolve().parents[2]


def free_port():
    """A port nobody listens on now, below the ephemeral range so that no outgoing connection takes it."""
    import random
    for _ in range(200):
        port = random.randint(10240, 28000)
        with contextlib.closing(socket.socket()) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port found")


def free_ports(count):
    """The first of as many free ports in a row."""
    for _ in range(200):
        first = free_port()
        if all(is_free(first + i) for i in range(1, count)):
            return first
    raise RuntimeError("no free ports in a row")


def is_free(port):
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def wait_for(check, seconds, what, pause=0.05):
    """Calls check() until it is true; its value. Fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(pause)


class Cluster:
    """One cluster. env holds RB_* settings; RB_HOME and RB_PORT are chosen here."""

    def __init__(self, home, **env):
        self.home = pathlib.Path(home)
        self.port = free_port()
        self.url = f"{'https' if 'RB_TLS' in env or 'RB_TLS_CERT' in env else 'http'}://127.0.0.1:{self.port}"
        # A system call that lib/jail does not know ends the process here, and is not just refused; strace may look in.
        self.env = {"RB_JAIL": "kill,traceable", **os.environ, "RB_HOME": str(self.home), "RB_PORT": str(self.port),
                    **{key: str(value) for key, value in env.items()}}

    def command(self, *words, check=True, timeout=120):
        """Runs bin/cluster; its output."""
        done = subprocess.run([str(ROOT / "bin/cluster"), *words], env=self.env, cwd=ROOT, timeout=timeout,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"bin/cluster {' '.join(words)} → {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def up(self):
        self.command("up")
        sign(self.url, self.token())
        return self

    def token(self):
        """The admin's, for scripts."""
        return (self.home / "admin.token").read_text(encoding="ascii").strip()

    def down(self):
        self.command("down")

    def processes(self):
        return {p["name"]: p for p in json.loads((self.home / "cluster.json").read_text())["processes"]}

    def names(self, role):
        return sorted(p["name"] for p in self.processes().values() if p["role"] == role)

    def pid(self, name):
        return self.processes()[name]["pid"]

    def data(self, name):
        return pathlib.Path(self.processes()[name]["data"])

    def words(self, name):
        """How a running program of ours was started: its path, and its options."""
        words = pathlib.Path(f"/proc/{self.pid(name)}/cmdline").read_text().split("\0")[:-1]
        return words[next(i for i, word in enumerate(words) if os.path.basename(word).startswith("ringbinder-")):]

    def kill(self, name, sig=signal.SIGKILL):
        pid = self.pid(name)
        os.kill(pid, sig)
        if sig == signal.SIGKILL:
            wait_for(lambda: not alive(pid), 5, f"{name} is gone")
        return pid

    def start(self, name):
        self.command("start", name)

    def log(self, name):
        return (self.home / "logs" / f"{name}.log").read_text(errors="replace")

    def redis(self, user="operator", **options):
        """A client of its own Redis; the operator may everything."""
        conf = (self.home / "data/redis/redis.conf").read_text()
        return redis.Redis(unix_socket_path=re.search(r'^unixsocket "(.+)"', conf, re.M).group(1), socket_timeout=10, username=user,
                           password=(self.home / f"keys/redis-{user}.password").read_text().strip(), **options)

    def program(self, name):
        return str(pathlib.Path(self.env.get("RB_BIN", ROOT / "build/release/bin")) / name)


def alive(pid):
    """True while pid runs; a zombie does not, once all its threads have ended: before that its sockets are still open."""
    process = pathlib.Path(f"/proc/{pid}")
    try:
        return (process / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z" or len(list((process / "task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def resident_bytes(pid, peak=False):
    """Resident memory of a process, now or at its highest."""
    word = "VmHWM:" if peak else "VmRSS:"
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(word):
            return int(line.split()[1]) * 1024
    return 0


def children(pid):
    """The pids of a process's children; of one that is gone, none."""
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
