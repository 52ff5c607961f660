"""Redis as it stands in front of several machines: a master, two replicas and three Sentinels, here as plain processes on 127.0.0.1."""
import contextlib
import ctypes
import os
import pathlib
import secrets
import signal
import subprocess
import sys

import redis

from support.cluster import ROOT, alive, free_port, wait_for

sys.path.insert(0, str(ROOT / "bin"))
from clusterlib import access  # noqa: E402

MASTER = "ringbinder"
DOWN_AFTER_MS = 1000
PROGRAMS, OTHERS = ("api", "coordinator"), ("operator", "peers")
# As in docker/redis-replicated and docker/sentinel.
REDIS = """bind 127.0.0.1
port {port}
dir {folder}
dbfilename {name}.rdb
appenddirname {name}.aof
aclfile {folder}/redis.acl
masteruser replica
masterauth {password}
save ""
appendonly yes
appendfsync everysec
repl-diskless-sync-delay 0
logfile {folder}/{name}.log
"""
SENTINEL = """bind 127.0.0.1
port {port}
dir {folder}
aclfile {folder}/sentinel.acl
sentinel sentinel-user sentinel
sentinel sentinel-pass {password}
sentinel monitor {master} 127.0.0.1 {master_port} 2
sentinel auth-user {master} sentinel
sentinel auth-pass {master} {password}
sentinel down-after-milliseconds {master} {down_after}
sentinel failover-timeout {master} 3000
logfile {folder}/{name}.log
"""


def die_with_parent():
    """In the child: nothing of this is left behind when the test is killed (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class SentinelRedis:
    """The six processes. Names: redis-1 … redis-3, sentinel-1 … sentinel-3; redis-1 is the master at first."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(mode=0o700, parents=True)
        for user in PROGRAMS + OTHERS:
            self.secret(user).touch(0o600)
            self.secret(user).write_text(secrets.token_hex(16) + "\n")
        passwords = {user: self.password(user) for user in PROGRAMS + OTHERS}
        (self.folder / "redis.acl").write_text(access.rules("redis", passwords) + access.rules("replicated", passwords))
        (self.folder / "sentinel.acl").write_text(access.rules("sentinel", passwords))
        self.redis = [f"redis-{n}" for n in (1, 2, 3)]
        self.sentinels = [f"sentinel-{n}" for n in (1, 2, 3)]
        self.ports = {}
        while len(self.ports) < 6:
            port = free_port()
            if port not in self.ports.values():
                self.ports[(self.redis + self.sentinels)[len(self.ports)]] = port
        self.children = {}

    def secret(self, user):
        return self.folder / f"{user}.password"

    def password(self, user):
        return self.secret(user).read_text().strip()

    @property
    def settings(self):
        """What bin/cluster is told."""
        places = ",".join(f"127.0.0.1:{self.ports[name]}" for name in self.sentinels)
        users = {f"RB_{user.upper()}_REDIS_USER": user for user in PROGRAMS}
        return {"RB_REDIS": f"sentinel:{places}/{MASTER}", **users, **{f"RB_{user.upper()}_REDIS_PASSWORD_FILE": self.secret(user) for user in PROGRAMS}}

    def connection(self, name):
        user, secret = ("operator", "operator") if name in self.redis else ("sentinel", "peers")
        return redis.Redis(port=self.ports[name], username=user, password=self.password(secret), socket_timeout=2, socket_connect_timeout=2,
                           decode_responses=True)

    def write_settings(self, name, text, more=""):
        facts = {"name": name, "port": self.ports[name], "folder": self.folder, "password": self.password("peers"), "master": MASTER,
                 "master_port": self.ports["redis-1"], "down_after": DOWN_AFTER_MS}
        (self.folder / f"{name}.conf").write_text(text.format(**facts) + more)

    def launch(self, name, *words):
        self.children[name] = subprocess.Popen(["redis-server", str(self.folder / f"{name}.conf"), *words], stdin=subprocess.DEVNULL,
                                               stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def up(self):
        for name in self.redis:
            more = "" if name == "redis-1" else f"replicaof 127.0.0.1 {self.ports['redis-1']}\n"
            self.write_settings(name, REDIS, more)
            self.launch(name)
        # A Sentinel that looks before the replicas are there looks again only after ten seconds.
        wait_for(lambda: self.replicas_of("redis-1") == 2, 20, "both replicas follow")
        for name in self.sentinels:
            self.write_settings(name, SENTINEL)
            self.launch(name, "--sentinel")
        self.await_whole()
        return self

    def down(self):
        for name in [*self.sentinels, *self.redis]:
            self.kill(name)

    def kill(self, name, sig=signal.SIGKILL):
        """Sends the signal; returns when the process is gone, if it was one of those."""
        child = self.children.get(name)
        if child is None or not alive(child.pid):
            return
        os.kill(child.pid, sig)
        if sig == signal.SIGKILL:
            child.wait()

    def restart(self, name):
        """Starts one that was killed as a replica of today's master, which is what a Sentinel would make of it after a while."""
        self.launch(name, "--replicaof", "127.0.0.1", str(self.ports[self.master()]))

    def mend(self):
        """Whatever was done to it: all six run again, and another master can be lost."""
        for name in [*self.sentinels, *self.redis]:
            self.kill(name, signal.SIGCONT)
        for name in self.redis:
            if not alive(self.children[name].pid):
                wait_for(self.master, 20, "the Sentinels agree about the master")
                self.restart(name)
        self.await_whole()

    def replicas_of(self, name):
        """How many replicas of it are up to date; 0 when it does not answer."""
        with contextlib.suppress(redis.RedisError):
            facts = self.connection(name).info("replication")
            return sum(facts.get(f"slave{n}", {}).get("state") == "online" for n in range(2))
        return 0

    def masters_said(self):
        """What each Sentinel that answers says: (name of the master, number of replicas that it reaches, number of other Sentinels)."""
        names = {str(port): name for name, port in self.ports.items()}
        said = []
        for sentinel in self.sentinels:
            with contextlib.suppress(redis.RedisError):
                facts = self.connection(sentinel).sentinel_master(MASTER)
                rows = self.connection(sentinel).sentinel_slaves(MASTER)
                good = sum(not row["is_sdown"] and not row["is_disconnected"] for row in rows)
                said.append((names[str(facts["port"])], good if facts["flags"] == "master" else 0, facts["num-other-sentinels"]))
        return said

    def master(self):
        """The name of the master when all Sentinels that answer agree, else None."""
        names = {row[0] for row in self.masters_said()}
        return names.pop() if len(names) == 1 else None

    def is_whole(self):
        said = self.masters_said()
        agreed = len(said) == 3 and len({row[0] for row in said}) == 1 and all(row[1:] == (2, 2) for row in said)
        # How a replica is, a Sentinel hears every ten seconds only: so the master itself is asked.
        return agreed and self.replicas_of(said[0][0]) == 2

    def await_whole(self):
        """Returns when all three Sentinels see one master with two replicas that follow it: another one can be lost now."""
        wait_for(self.is_whole, 60, "a master, two replicas and three Sentinels that know each other", 0.1)
