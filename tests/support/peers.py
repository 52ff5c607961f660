"""Peers for tests: nodes that only share a folder, and what the API says of them."""
import hashlib
import json
import pathlib
import signal
import subprocess
import time
import urllib.parse

from support.cluster import free_port, wait_for

SHARED_BY_TWO = b"the same bytes on two peers\n" * 1000
UNFINISHED = (".part", ".part.map", ".tmp", ".crdownload", "~")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def file_path(peer, name):
    return f"/api/v1/peers/{urllib.parse.quote(peer, safe='')}/files/{urllib.parse.quote(name, safe='')}"


def content(peer, name):
    """Bytes that no other file has."""
    return f"{peer} has {name}\n".encode() * 40


def model_files(peer):
    """The folders of the model's report: 16, 13 and 13 files, one name on one peer alone, one on two."""
    names = [f"file{number}_{peer}.txt" for number in range(1, 17 if peer == 0 else 12)]
    files = {name: content(f"peer {peer}", name) for name in names}
    if peer == 1:
        files["file9_2.txt"] = content("peer 1", "file9_2.txt")
    if peer > 0:
        files["file10_2.txt"] = SHARED_BY_TWO
    if peer == 2:
        files.pop("file9_2.txt")
        files["file12_2.txt"] = content("peer 2", "file12_2.txt")
        files["file13_2.txt"] = content("peer 2", "file13_2.txt")
        files["file14_2.txt"] = content("peer 2", "file14_2.txt")
    return files


class Peer:
    """One sharing node of a cluster; `name` as bin/cluster gave it."""

    def __init__(self, cluster, folder, files=None):
        self.cluster = cluster
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        for name, data in (files or {}).items():
            self.write(name, data)
        self.name = cluster.command("add", "node", "--share", str(self.folder), "--store", "0").strip()

    def write(self, name, data):
        """Puts a file into the folder as a careful program does: whole, by a rename."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name("." + path.name[:100] + ".new")
        temporary.write_bytes(data)
        temporary.rename(path)

    def remove(self, name):
        (self.folder / name).unlink()

    def names(self):
        """What is in the folder, as it should be listed: nothing hidden, unfinished or linked to."""
        paths = [p.relative_to(self.folder) for p in self.folder.rglob("*") if p.is_file() and not p.is_symlink()]
        return sorted(str(p) for p in paths if not str(p).endswith(UNFINISHED) and not any(part.startswith(".") for part in p.parts))


def pages(api, path, limit=200, **params):
    """All items of a list, page by page."""
    items, cursor = [], None
    while True:
        wish = {**params, "limit": limit, **({"cursor": cursor} if cursor else {})}
        answer = api.get(path, params=wish)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next"]
        if cursor is None:
            return items


def search(api, q="", **params):
    """The rows of a search."""
    return pages(api, "/api/v1/peers/files", **({"q": q} if q else {}), **params)


def peer_of(api, name):
    """The newest row of GET /peers with this name, or None."""
    rows = [p for p in pages(api, "/api/v1/peers") if p["name"] == name]
    return max(rows, key=lambda p: p["heard_at"] or "") if rows else None


def listed(api, peer, q=""):
    """The names that the index has for a peer that is here."""
    return sorted(h["file"] for row in search(api, q) for h in row["holders"] if h["name"] == peer)


def wait_listed(api, peer, seconds=5):
    """Waits until the index has just what is in the folder."""
    wait_for(lambda: listed(api, peer.name) == peer.names(), seconds, f"{peer.name} is listed as its folder is")


def wait_hashed(api, q, seconds=10):
    """Waits until the hash of each file found is known; the rows."""
    def look():
        rows = search(api, q)
        return rows if rows and all(row["sha256"] for row in rows) else None
    return wait_for(look, seconds, f"the hashes of {q} are known")


def redis_of(cluster):
    """A client of the cluster's private Redis."""
    return cluster.redis(decode_responses=True)


def lists_in_redis(cluster):
    """What the index has: peer's id → (files, digest); lib/store/peers.h."""
    client = redis_of(cluster)
    numbers = client.hgetall("rb:p2:numbers")
    rows = {peer: client.hmget(f"rb:p2:{number}", "files", "digest") for peer, number in numbers.items() if peer not in ("next", "ring")}
    return {peer: (int(files or 0), digest or "") for peer, (files, digest) in rows.items() if digest is not None}


class Started:
    """A sharing node that the test itself starts, so that the time of its start is known. `folder` is there with its files; end() ends it."""

    def __init__(self, cluster, name, folder, *words):
        self.cluster, self.name, self.folder, self.words = cluster, name, pathlib.Path(folder), words
        self.data, self.listen = cluster.home / "data-of-tests" / name, f"127.0.0.1:{free_port()}"
        self.process = None
        self.data.parent.mkdir(exist_ok=True)
        said = subprocess.run([cluster.program("ringbinder-node"), "--init", self.data, "--name", name, "--key", cluster.home / "keys" / "cluster.key"], check=True,
                              capture_output=True, text=True).stdout
        self.id = json.loads(said)["id"]

    def start(self):
        """Returns the moment of the start, by the monotonic clock."""
        urls = ",".join(self.cluster.processes()[name]["url"] for name in self.cluster.names("coordinator"))
        with open(self.cluster.home / "logs" / f"{self.name}.log", "ab") as log:
            began = time.monotonic()
            self.process = subprocess.Popen([self.cluster.program("ringbinder-node"), "--data", self.data, "--listen", self.listen, "--coordinators", urls,
                                             "--store", "0", "--share", self.folder, *map(str, self.words)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return began

    def log(self):
        return self.cluster.log(self.name)

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(20)


def files_of(folder, hashed=True):
    """What a folder holds as the digest of a list counts it: (name, size, mtime in ms, hash or "")."""
    rows = []
    for path in sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file()):
        stat = path.stat()
        rows.append((str(path.relative_to(folder)), stat.st_size, stat.st_mtime_ns // 1_000_000, sha256(path.read_bytes()) if hashed else ""))
    return rows
