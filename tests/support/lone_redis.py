"""One Redis with the rules of lib/store/acl and nobody else: what each user may do there can be tried in a moment."""
import pathlib
import secrets
import subprocess
import sys

import redis

from support.cluster import ROOT, wait_for

sys.path.insert(0, str(ROOT / "bin"))
from clusterlib import access  # noqa: E402


class LoneRedis:
    """Listens on a unix socket below `folder`. Users and passwords as bin/cluster makes them."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.socket = self.folder / "redis.sock"
        self.passwords = {user: secrets.token_hex(16) for user in access.USERS}
        (self.folder / "redis.acl").write_text(access.rules("redis", self.passwords), encoding="ascii")
        self.process = None

    def up(self):
        words = ["redis-server", "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder), "--save", "", "--appendonly", "yes",
                 "--aclfile", str(self.folder / "redis.acl")]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self.answers, 10, "Redis answers")
        return self

    def answers(self):
        try:
            return self.client("operator").ping() == b"PONG"
        except redis.RedisError:
            return False

    def down(self):
        self.process.kill()
        self.process.wait()

    def client(self, user, password=None):
        """Somebody's connection, which hands answers on as they come."""
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=10, username=user, password=password or self.passwords[user])
        client.response_callbacks.clear()
        return client
