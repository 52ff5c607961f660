"""A further front, nginx and api, beside the one of a cluster: with names, sockets and folders of its own, and a clock of its own if wanted."""
import os
import pathlib
import shutil
import signal
import subprocess

import requests

from support.signed import sign, token_of
from support.cluster import alive, free_port, wait_for

FAKETIME = pathlib.Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


def words_of(pid):
    return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")


def with_clock(seconds):
    """The environment that moves a process's wall clock by so many seconds; its other clocks run on untouched."""
    lib = FAKETIME if FAKETIME.exists() else next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    return {"LD_PRELOAD": str(lib), "FAKETIME": f"{seconds:+d}s", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}


class Front:
    """`with Front(cluster, 2) as front:` runs api-2 and an nginx of its own until the end; front.url is where it answers."""

    def __init__(self, cluster, number, ahead_s=0, **env):
        self.cluster, self.name = cluster, f"api-{number}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {**cluster.env, **{k: str(v) for k, v in env.items()}, **(with_clock(ahead_s) if ahead_s else {})}
        self.folder = cluster.home / f"nginx-{number}"
        self.running = []

    def __enter__(self):
        try:
            self.start_api()
            self.start_nginx()
            sign(self.url, token_of(self.cluster.url))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running = []

    def run(self, words, log, env):
        with open(self.cluster.home / "logs" / f"{log}.log", "ab") as out:
            process = subprocess.Popen([str(w) for w in words], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=self.cluster.home)
        self.running.append(process)
        return process

    def start_api(self):
        """The command line of the cluster's own api, but for what has to differ."""
        words = words_of(self.cluster.pid("api-1"))
        socket = self.cluster.home / "sock" / f"{self.name}.sock"
        data = self.cluster.home / "data" / self.name
        data.mkdir(mode=0o700, exist_ok=True)
        for option, value in (("--name", self.name), ("--data", data), ("--listen", f"unix:{socket}")):
            words[words.index(option) + 1] = str(value)
        self.api = self.run(words, self.name, self.env)
        wait_for(lambda: socket.exists() or not alive(self.api.pid), 10, f"{self.name} listens")
        assert alive(self.api.pid), (self.cluster.home / "logs" / f"{self.name}.log").read_text()[-2000:]

    def start_nginx(self):
        """The rendered configuration of the cluster's own nginx with another port, socket and folder."""
        theirs = self.cluster.home / "nginx"
        shutil.copytree(theirs, self.folder, ignore=shutil.ignore_patterns("*.pid", "body", "proxy", "fastcgi", "uwsgi", "scgi"), dirs_exist_ok=True)
        for path in self.folder.glob("*.conf"):
            text = path.read_text().replace(str(theirs) + "/", str(self.folder) + "/").replace("/sock/api-1.sock", f"/sock/{self.name}.sock")
            text = text.replace(f"127.0.0.1:{self.cluster.port}", f"127.0.0.1:{self.port}").replace("/logs/access.log", f"/logs/access-{self.name}.log")
            path.write_text(text)
        words = ["/usr/sbin/nginx", "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.cluster.home / "logs" / f"nginx-{self.name}.log"]
        self.run(words, f"nginx-{self.name}", {k: v for k, v in os.environ.items() if not k.startswith("RB_")})
        wait_for(self.ready, 15, f"{self.name} is ready")

    def ready(self):
        session = requests.Session()
        session.trust_env = False
        try:
            return session.get(self.url + "/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False
