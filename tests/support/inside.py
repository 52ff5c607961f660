"""Requests as the cluster's own processes send them (lib/sign), for tests of what nodes refuse and of what they have. Knows the master key, so it can be anybody; or
is given what somebody stole, and can be only that."""
import hashlib
import hmac
import json
import os
import struct
import time

import requests

PREFIX = "ringbinder 1"


def fields(*values):
    """Each behind its length; numbers are 64 bits, big-endian."""
    text = b""
    for value in (PREFIX, *values):
        data = struct.pack(">Q", value) if isinstance(value, int) else value.encode()
        text += struct.pack(">I", len(data)) + data
    return text


def mac(key, *values):
    """HMAC-SHA256 over length-prefixed fields."""
    return hmac.new(key, fields(*values), hashlib.sha256).hexdigest()


def derive(secret, *values):
    """HKDF-SHA-256 with an empty salt and one block."""
    prk = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(prk, fields(*values) + b"\1", hashlib.sha256).digest()


def node_key(master, node_id):
    return derive(master, "ringbinder node key", node_id)


def coordinators_key(master):
    return derive(master, "ringbinder coordinators' key")


def pair_key(receiver_key, sender):
    """Of messages from a sender to the one who has receiver_key."""
    return bytes.fromhex(mac(receiver_key, "pair", sender))


def header(key, sender, method, path, data=b"", epoch=1, at_ms=None, nonce=None, body=None):
    """The value of Authorization. body: what is signed as the body's hash, if not the body's."""
    digest = body or hashlib.sha256(data).hexdigest()
    at_ms, nonce = int(time.time() * 1000) if at_ms is None else at_ms, nonce or os.urandom(16).hex()
    proof = mac(key, "request", method, path, digest, at_ms, nonce, sender, epoch)
    return f"RB1 sender={sender}, time={at_ms}, nonce={nonce}, epoch={epoch}, body={digest}, mac={proof}"


class Inside:
    """One sender inside a cluster: "role:name"."""

    def __init__(self, cluster, sender="api:test"):
        self.master = bytes.fromhex((cluster.home / "keys" / "cluster.key").read_text().strip())
        self.cluster, self.sender = cluster, sender
        self.session = requests.Session()
        self.session.trust_env = False

    def node_id(self, name):
        return json.loads((self.cluster.home / "data" / name / "node.json").read_text())["id"]

    def receiver_key(self, name):
        """What the process of this name checks signatures with."""
        return node_key(self.master, self.node_id(name)) if self.cluster.processes()[name]["role"] == "node" else coordinators_key(self.master)

    def key_to(self, name):
        return pair_key(self.receiver_key(name), self.sender)

    def request(self, method, name, path, body=None, epoch=1, timeout=30, stream=False):
        """Asks the process of this name; body is JSON-able or None."""
        data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        return self.send(method, name, path, data, header(self.key_to(name), self.sender, method, path, data, epoch), timeout=timeout, stream=stream)

    def send(self, method, name, path, data, authorization, timeout=30, stream=False, **headers):
        """Sends just that, whatever the Authorization is good for; None: without one."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()} | {"Content-Type": "application/json"}
        if authorization is not None:
            headers["Authorization"] = authorization
        row = self.cluster.processes()[name]
        ca, *pair = row.get("tls") or [True, None]  # where processes speak TLS anybody's certificate will do: who asks says the signature
        return self.session.request(method, row["url"] + path, data=data, timeout=timeout, stream=stream, headers=headers, verify=ca,
                                    cert=tuple(pair) if pair[0] else None)

    def get(self, name, path, **options):
        return self.request("GET", name, path, **options)

    def post(self, name, path, body, **options):
        return self.request("POST", name, path, body, **options)

    def inventory(self, name):
        answer = self.get(name, "/inventory")
        assert answer.status_code == 200, (name, answer.status_code, answer.text)
        return answer.json()
