"""kill -9 of a node at every system call of an upload in turn: nothing torn, nothing acknowledged missing (issue A, shows 4)."""
import collections
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from support.api import Api
from support.cluster import alive, wait_for
from support.files import pdf

CALLS = ["openat", "fallocate", "write", "pwrite64", "fsync", "fdatasync", "linkat", "mkdirat", "mkdir", "rename", "unlink", "unlinkat", "ftruncate", "close", "sendto", "sendmsg", "writev", "recvfrom"]
VICTIM = "node-2"


def traced(cluster, tmp_path, *options):
    """Attaches strace to the victim; returns once it is attached."""
    log = tmp_path / f"strace.{time.monotonic_ns()}"
    process = subprocess.Popen(["strace", "-f", "-qq", "-o", str(log), "-p", str(cluster.pid(VICTIM)), *options],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    tasks = f"/proc/{cluster.pid(VICTIM)}/task"

    def attached():
        """Every thread is traced, or one of them has met its end already."""
        try:
            return all("TracerPid:\t0" not in open(f"{tasks}/{t}/status").read() for t in os.listdir(tasks))
        except (FileNotFoundError, ProcessLookupError):
            return not alive(cluster.pid(VICTIM)) or None

    wait_for(attached, 10, "strace is attached")
    return process, log


def detach(process):
    """Ends strace; one that waits for a thread that is no more is killed, which lets its tracees go."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=10)


def uploads(api, label):
    """One small and one streamed upload; what was acknowledged."""
    made = []
    for size in (0, 1_500_000):
        body = pdf(f"{label} {size}", padding=size)
        answer = api.upload(f"STEP {label} {size}", body)
        assert answer.status_code == 201, answer.text
        made.append((answer.json(), body))
    return made


def points(cluster, api, tmp_path, full):
    """(system call, n) for each call that one thread makes during the uploads; in the short form every few of them."""
    process, log = traced(cluster, tmp_path, "-e", "trace=" + ",".join(CALLS))
    uploads(api, "count")
    time.sleep(0.3)
    detach(process)
    most = collections.Counter()
    for line in log.read_text().splitlines():
        found = re.match(r"(\d+) +(\w+)\(", line)
        if found:
            most[(found[1], found[2])] += 1
    highest = collections.Counter()
    for (_, call), count in most.items():
        highest[call] = max(highest[call], count)
    everything = [(call, n) for call in CALLS for n in range(1, min(highest[call], 40 if full else 6) + 1)]
    return everything if full else everything[::max(1, len(everything) // 16)]


def check_disk(cluster, acknowledged):
    """Every blob file is whole; the node's own check agrees."""
    done = subprocess.run([cluster.program("ringbinder-node"), "--check", str(cluster.data(VICTIM))], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in (cluster.data(VICTIM) / "blobs").rglob("*"):
        if path.is_file():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    assert acknowledged


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_node_killed_at_any_system_call_tears_and_loses_nothing(fragile, fragile_api, tmp_path, full):
    api = fragile_api
    acknowledged = uploads(api, "before")
    tried = killed = 0
    for call, n in points(fragile, api, tmp_path, full):
        pid = fragile.pid(VICTIM)
        process, _ = traced(fragile, tmp_path, "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={n}")
        made = uploads(api, f"{call} {n}")
        acknowledged += made
        end = time.monotonic() + 0.3
        while alive(pid) and time.monotonic() < end:
            time.sleep(0.02)
        tried += 1
        killed += not alive(pid)
        detach(process)
        check_disk(fragile, acknowledged)
        fragile.start(VICTIM)
        for record, body in made:
            answer = api.bytes(record["course"])
            assert answer.status_code == 200 and answer.content == body, (call, n)
    print(f"\n{tried} points tried, the node died at {killed} of them")
    assert killed >= tried // 2
    wait_for(lambda: all((fragile.data(VICTIM) / "blobs" / r["sha256"][:2] / r["sha256"][2:4] / r["sha256"]).exists() for r, _ in acknowledged),
             30, "all missed copies arrive")
    for record, body in acknowledged:
        assert api.bytes(record["course"]).content == body
        assert Api(fragile.url, api.contract).course(record["course"]).json()["current"]["id"] == record["id"]
