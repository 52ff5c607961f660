"""A large file goes in and comes out while every process stays small (issue A, shows 6)."""
import hashlib
import http.client
import os
import shutil
import threading
import time

from support.api import course_path
from support.cluster import children, resident_bytes, wait_for
from support.signed import headers

MIB = 1 << 20
CAP = 64 * MIB


def pieces(size):
    """`size` bytes that do not compress to one block, 1 MiB at a time."""
    block = hashlib.sha256(b"large").digest() * (MIB // 32)
    for number in range(size // MIB):
        yield number.to_bytes(8, "big") + block[8:]


class Watch(threading.Thread):
    """Samples resident memory of all our processes and nginx's workers until stopped."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.peak, self.stopped = cluster, {}, threading.Event()

    def run(self):
        while not self.stopped.wait(0.1):
            for name, process in self.cluster.processes().items():
                if process["role"] == "redis":
                    continue
                for pid in [process["pid"], *(children(process["pid"]) if process["role"] == "nginx" else [])]:
                    try:
                        self.peak[name] = max(self.peak.get(name, 0), resident_bytes(pid))
                    except (FileNotFoundError, ProcessLookupError):
                        pass


def test_a_large_upload_and_download_stay_below_64_mib_resident(cluster, full):
    free = shutil.disk_usage(cluster.home).free
    wanted = 2048 if full else 256
    size = (wanted if free >= 14 * 1024 * MIB else 256) * MIB
    print(f"\nlarge file: {size // MIB} MiB ({free // MIB} MiB free)")
    watch = Watch(cluster)
    watch.start()
    path = course_path("LARGE 1", "/syllabus")
    started = time.monotonic()
    up_hash = hashlib.sha256()

    def body():
        for piece in pieces(size):
            up_hash.update(piece)
            yield piece

    connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=300)
    connection.request("PUT", path + "?filename=large.bin", body=body(), headers={**headers(cluster.url), "Content-Length": str(size)})
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 201, text
    uploaded = time.monotonic()
    connection.request("GET", path)
    answer = connection.getresponse()
    down_hash, received = hashlib.sha256(), 0
    while piece := answer.read(MIB):
        down_hash.update(piece)
        received += len(piece)
    watch.stopped.set()
    watch.join()
    print(f"up {size / MIB / (uploaded - started):.0f} MiB/s, down {size / MIB / (time.monotonic() - uploaded):.0f} MiB/s, "
          + ", ".join(f"{name} {peak // MIB} MiB" for name, peak in sorted(watch.peak.items())))
    assert (received, down_hash.hexdigest()) == (size, up_hash.hexdigest())
    assert {name: peak for name, peak in watch.peak.items() if peak > CAP} == {}
    wait_for(lambda: not leftovers(cluster), 60, f"temporary files are gone: {leftovers(cluster)}")


def leftovers(cluster):
    """Temporary files under the cluster's folder, and deleted files that a process still holds open with data in them."""
    found = [str(p) for folder in ("nginx", "data") for p in (cluster.home / folder).rglob("*")
             if p.is_file() and ("temp" in p.parent.name or p.parent.name in ("tmp", "staging"))]
    for process in cluster.processes().values():
        for pid in [process["pid"], *children(process["pid"])]:
            try:
                for fd in os.listdir(f"/proc/{pid}/fd"):
                    link = os.readlink(f"/proc/{pid}/fd/{fd}")
                    if "(deleted)" in link and str(cluster.home) in link and os.stat(f"/proc/{pid}/fd/{fd}").st_size > MIB:
                        found.append(link)
            except (FileNotFoundError, PermissionError):
                continue
    return found
