"""Simulated peers: they send heartbeats and tell lists of files as real ones do, signed with the cluster's key, and share nothing that could be fetched."""
import hashlib
import http.client
import json
import os
import queue
import threading
import time
import urllib.parse

from support.inside import coordinators_key, header, pair_key

DELTA_FILES = 100       # lib/wire/shared.h
HEARTBEAT_SECONDS = 0.5
RETRY_SECONDS = 0.3


def digest_of(files):
    """lib/wire/shared.h: (name, size, mtime in ms, hash or "") of each file → 32 hex digits."""
    total = 0
    for name, size, mtime, sha256 in files:
        total ^= int.from_bytes(hashlib.sha256(f"{name}\0{size}\0{mtime}\0{sha256}".encode()).digest()[:16], "big")
    return f"{total:032x}"


class Wire:
    """Signed requests of nodes to coordinators over kept connections; for one thread."""

    def __init__(self, master):
        self.key, self.lines = coordinators_key(master), {}

    def post(self, url, path, node, body):
        """(status, answer); status 0 when nobody answers."""
        data, sender = json.dumps(body, separators=(",", ":")).encode(), f"node:{node}"
        headers = {"Authorization": header(pair_key(self.key, sender), sender, "POST", path, data), "Content-Type": "application/json"}
        line = self.lines.get(url) or http.client.HTTPConnection(urllib.parse.urlsplit(url).netloc, timeout=10)
        self.lines[url] = line
        try:
            line.request("POST", path, data, headers)
            answer = line.getresponse()
            text = answer.read()
            return answer.status, json.loads(text)
        except (OSError, http.client.HTTPException, ValueError):
            line.close()
            return 0, {}


class Simulated:
    """One peer and the list of its files."""

    def __init__(self, number, count):
        self.name, self.number = f"crowd-{number}", number
        self.id = f"{self.name}.{os.urandom(8).hex()}"
        words = ("lecture", "notes", "exam", "syllabus", "summary")
        self.files = [(f"{words[i % 5]} {i // 5} of {self.name}.pdf", 1000 + i, 1_600_000_000_000 + i, hashlib.sha256(f"{number} {i}".encode()).hexdigest())
                      for i in range(count)]
        self.digest = digest_of(self.files)
        self.told, self.base, self.listed_at = 0, "", None

    def member(self):
        return {"id": self.id, "name": self.name, "url": f"http://127.0.0.1:{1024 + self.number}", "zone": "", "weight": 1, "stores": False, "files": 0, "bytes": 0,
                "capacity_bytes": 0, "free_bytes": 0, "ring": 1, "load": 0, "quarantined": 0, "machine": "", "volume": "",
                "share": {"digest": self.digest, "files": len(self.files), "obtain_port": 0}}

    def delta(self):
        some = self.files[self.told:self.told + DELTA_FILES]
        after = f"{int(self.base or '0', 16) ^ int(digest_of(some), 16):032x}"
        return {"base": self.base, "digest": after, "remove": [], "add": [dict(zip(("name", "size", "mtime", "sha256"), f)) for f in some]}


class Crowd:
    """`count` peers with `files` files each. With it all begin to send heartbeats at once and tell their lists; `statuses` counts the answers to POST /files."""

    def __init__(self, cluster, count, files, tellers=16):
        self.key = bytes.fromhex((cluster.home / "keys" / "cluster.key").read_text().strip())
        self.coordinators = [cluster.processes()[name]["url"] for name in cluster.names("coordinator")]
        self.peers = [Simulated(number, files) for number in range(count)]
        self.leader, self.over, self.statuses, self.lock = None, threading.Event(), {}, threading.Lock()
        self.slowest_heartbeat, self.lost_heartbeats = 0.0, 0
        self.due = queue.Queue()
        self.threads = [threading.Thread(target=self.beat, args=(self.peers[part::4],), daemon=True) for part in range(4)]
        self.threads += [threading.Thread(target=self.tell, daemon=True) for _ in range(tellers)]

    def __enter__(self):
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()
        time.sleep(1)  # a list is taken from whom a heartbeat was heard of
        for peer in self.peers:
            self.due.put(peer)
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(30)

    def beat(self, peers):
        wire = Wire(self.key)
        while not self.over.is_set():
            began = time.monotonic()
            for peer in peers:
                for url in self.coordinators:
                    asked = time.monotonic()
                    status, answer = wire.post(url, "/heartbeat", peer.id, peer.member())
                    with self.lock:
                        self.slowest_heartbeat = max(self.slowest_heartbeat, time.monotonic() - asked)
                        self.lost_heartbeats += status != 200
                    if status == 200 and answer["leads"]:
                        self.leader = url
            self.over.wait(max(0.0, began + HEARTBEAT_SECONDS - time.monotonic()))

    def tell(self):
        """One delta of whoever waits longest, and back into the queue: as if each told its own, but for as many as there are tellers."""
        wire = Wire(self.key)
        while not self.over.is_set():
            try:
                peer = self.due.get(timeout=0.2)
            except queue.Empty:
                continue
            if not self.tell_one(wire, peer):
                self.over.wait(RETRY_SECONDS / 10)
            if peer.listed_at is None:
                self.due.put(peer)

    def tell_one(self, wire, peer):
        if self.leader is None:
            return False
        delta = peer.delta()
        status, answer = wire.post(self.leader, "/files", peer.id, delta)
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1
        listed = answer.get("listed")
        if status in (200, 409) and listed == delta["digest"]:
            peer.base, peer.told = listed, peer.told + DELTA_FILES
        elif status == 409 and listed is not None and listed != peer.base:
            peer.base, peer.told = "", 0
        if peer.told >= len(peer.files):
            peer.listed_at = time.monotonic() - self.began
        return status == 200

    def wait(self, seconds):
        """Until all lists are told; how long that took."""
        end = time.monotonic() + seconds
        while any(peer.listed_at is None for peer in self.peers):
            left = sum(peer.listed_at is None for peer in self.peers)
            assert time.monotonic() < end, f"{left} of {len(self.peers)} lists are not told after {seconds} s: {self.statuses}"
            time.sleep(0.1)
        return max(peer.listed_at for peer in self.peers)
