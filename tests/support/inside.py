"""Requests as the cluster's own processes send them: signed with the cluster's key (lib/sign), for tests of what nodes refuse and of what they have."""
import hashlib
import hmac
import json
import os
import struct
import time

import requests


def mac(key, *fields):
    """HMAC-SHA256 over length-prefixed fields; numbers are 64 bits, big-endian."""
    text = b""
    for field in ("ringbinder 1", *fields):
        data = struct.pack(">Q", field) if isinstance(field, int) else field.encode()
        text += struct.pack(">I", len(data)) + data
    return hmac.new(key, text, hashlib.sha256).hexdigest()


class Inside:
    """One sender inside a cluster."""

    def __init__(self, cluster, sender="test"):
        self.key = bytes.fromhex((cluster.home / "keys" / "cluster.key").read_text().strip())
        self.cluster, self.sender = cluster, sender
        self.session = requests.Session()
        self.session.trust_env = False

    def request(self, method, name, path, body=None, epoch=1, timeout=30, stream=False):
        """Asks the process of this name; body is JSON-able or None."""
        data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        digest, now, nonce = hashlib.sha256(data).hexdigest(), int(time.time() * 1000), os.urandom(16).hex()
        proof = mac(self.key, "request", method, path, digest, now, nonce, self.sender, epoch)
        header = f"RB1 sender={self.sender}, time={now}, nonce={nonce}, epoch={epoch}, body={digest}, mac={proof}"
        return self.session.request(method, self.cluster.processes()[name]["url"] + path, data=data, timeout=timeout, stream=stream,
                                    headers={"Authorization": header, "Content-Type": "application/json"})

    def get(self, name, path, **options):
        return self.request("GET", name, path, **options)

    def post(self, name, path, body, **options):
        return self.request("POST", name, path, body, **options)

    def inventory(self, name):
        answer = self.get(name, "/inventory")
        assert answer.status_code == 200, (name, answer.status_code, answer.text)
        return answer.json()
