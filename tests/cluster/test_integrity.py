"""Damaged files on one node's disk: never a wrong byte, all found and made again by reads and one scrub, the quarantine exact (issue B, show 6)."""
import contextlib
import hashlib
import os
import random
import threading
import time

import pytest
import urllib3

from support.api import course_path
from support.cluster import wait_for
from support.fill import blobs_on, fill, read_all, session
from support.inside import Inside

VICTIM = "node-2"
SIZE = 20_000  # larger than what the api may keep in memory: each read goes to a node's disk


def blob(cluster, node, sha256):
    return cluster.data(node) / "blobs" / sha256[:2] / sha256[2:4] / sha256


def write(path, data):
    path.chmod(0o600)
    path.write_bytes(data)


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0x10
    write(path, data)


def cut(path):
    write(path, path.read_bytes()[:len(path.read_bytes()) // 2])


def swap(one, other):
    first, second = one.read_bytes(), other.read_bytes()
    write(one, second)
    write(other, first)


def damage(cluster, hashes):
    """A quarter of the blobs each: a bit flipped, cut, swapped with another, removed. How many are bad copies, and how many are gone."""
    quarter = len(hashes) // 4
    paths = [blob(cluster, VICTIM, sha256) for sha256 in hashes]
    for path in paths[:quarter]:
        flip(path)
    for path in paths[quarter:2 * quarter]:
        cut(path)
    swapped = paths[2 * quarter:3 * quarter]
    for one, other in zip(swapped[::2], swapped[1::2]):
        swap(one, other)
    for path in paths[3 * quarter:]:
        path.unlink()
    return 2 * quarter + len(swapped) // 2 * 2, len(paths) - 3 * quarter


class Readers:
    """Threads that read random files through the portal while the harm is done."""

    def __init__(self, url, files, threads=3):
        self.url, self.files = url, list(files.items())
        self.reads, self.wrong, self.failed = 0, [], []
        self.over, self.lock = threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(n,), daemon=True) for n in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def run(self, number):
        http, chance = session(), random.Random(number)
        while not self.over.is_set():
            course, sha256 = chance.choice(self.files)
            answer = http.get(self.url + course_path(course, "/syllabus"), timeout=30)
            with self.lock:
                self.reads += 1
                if answer.status_code != 200:
                    self.failed.append((course, answer.status_code))
                elif hashlib.sha256(answer.content).hexdigest() != sha256:
                    self.wrong.append(course)


def is_whole(cluster, sha256):
    try:
        return hashlib.sha256(blob(cluster, VICTIM, sha256).read_bytes()).hexdigest() == sha256
    except OSError:
        return False


@pytest.fixture(scope="module")
def filed(fragile, full):
    return fill(fragile.url, 1000 if full else 120, SIZE, "WHOLE")


def test_damaged_blobs_are_never_served_and_one_scrub_finds_all(fragile, filed):
    inside = Inside(fragile)
    hashes = sorted(filed.values())
    wait_for(lambda: blobs_on(fragile, VICTIM) >= set(hashes), 20, "all copies are there")
    before = inside.inventory(VICTIM)
    random.Random(6).shuffle(hashes)
    with Readers(fragile.url, filed) as readers:
        time.sleep(0.2)
        bad, gone = damage(fragile, hashes)
        time.sleep(0.5)
        started = time.monotonic()
        order = inside.post(VICTIM, "/scrub", {"now": True})
        assert order.status_code == 202, order.text
        at = order.json()["at"]

        def scrubbed():
            found = inside.inventory(VICTIM)
            return found if not found["scrub"]["running"] and found["scrub"]["began"] >= at else None
        scrub = wait_for(scrubbed, 60, "the scrub is over")["scrub"]
        took = time.monotonic() - started
        wait_for(lambda: inside.inventory(VICTIM)["needs"] == 0, 60, "all is repaired")
        repaired = time.monotonic() - started
        time.sleep(0.5)
    assert not readers.wrong, readers.wrong[:5]
    assert not readers.failed, readers.failed[:5]
    assert [sha256 for sha256 in hashes if not is_whole(fragile, sha256)] == []
    after = inside.inventory(VICTIM)
    assert after["quarantined"] - before["quarantined"] == bad, "each damaged copy once"
    kept = [name.split(".")[0] for name in os.listdir(fragile.data(VICTIM) / "quarantine")]
    assert len(kept) == len(set(kept)) == bad
    assert after["files"] == before["files"] and after["bytes"] == before["bytes"]
    print(f"\n{bad} bad and {gone} lost copies among {len(hashes)}: {readers.reads} reads meanwhile, 0 wrong; scrub {took:.2f} s "
          f"({scrub['read']} read, {scrub['bad']} bad, {scrub['missing']} missing), whole again after {repaired:.2f} s")
    assert read_all(fragile.url, filed) == []


def test_a_scrub_of_a_whole_node_finds_nothing(fragile, filed):
    inside = Inside(fragile)
    before = inside.inventory(VICTIM)["quarantined"]
    at = inside.post(VICTIM, "/scrub", {"now": True}).json()["at"]
    found = wait_for(lambda: (lambda s: not s["running"] and s["began"] >= at and s)(inside.inventory(VICTIM)["scrub"]), 60, "the scrub is over")
    assert (found["bad"], found["missing"]) == (0, 0) and found["read"] >= len(filed)
    assert inside.inventory(VICTIM)["quarantined"] == before


def test_a_blob_that_is_changed_while_it_is_sent_breaks_off(fragile):
    """Checked when it was opened, and changed behind the bytes that are on their way: the asker must not take it for whole."""
    data = random.Random(9).randbytes(20 << 20)
    course, sha256 = "CHANGED 1", hashlib.sha256(data).hexdigest()
    assert session().put(fragile.url + course_path(course, "/syllabus"), params={"filename": "s.bin"}, data=data, timeout=60).status_code == 201
    inside, path = Inside(fragile), None
    wait_for(lambda: is_whole(fragile, sha256), 20, "the copy is there")
    path = blob(fragile, VICTIM, sha256)
    with inside.get(VICTIM, f"/blobs/{sha256}", stream=True) as answer:
        assert answer.status_code == 200 and int(answer.headers["Content-Length"]) == len(data)
        got = answer.raw.read(1 << 20)
        path.chmod(0o600)
        with path.open("r+b") as file:
            file.seek(len(data) - 10)
            file.write(b"0123456789")
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            while piece := answer.raw.read(1 << 20):
                got += piece
    assert len(got) < len(data)
    wait_for(lambda: inside.get(VICTIM, f"/blobs/{sha256}", stream=True).status_code == 200 and is_whole(fragile, sha256), 60, "it is made whole again")


def test_an_order_that_is_none_is_refused(fragile, filed):
    inside = Inside(fragile)
    for body in ({}, {"now": False}, {"now": "yes"}, []):
        assert inside.post(VICTIM, "/scrub", body).status_code == 400


def test_reads_alone_make_lost_and_bad_copies_again(fragile, filed):
    """No scrub, no restart: a reader that is sent to the damaged node gets the bytes from another, and the copy is whole within a minute."""
    inside = Inside(fragile)
    http = session()
    few = list(filed.items())[:12]
    for number, (_, sha256) in enumerate(few):
        path = blob(fragile, VICTIM, sha256)
        (flip, cut, lambda p: p.unlink())[number % 3](path)
    end = time.monotonic() + 60
    while not all(is_whole(fragile, sha256) for _, sha256 in few):
        assert time.monotonic() < end, "not whole within 60 s"
        for course, sha256 in few:
            answer = http.get(fragile.url + course_path(course, "/syllabus"), timeout=30)
            assert answer.status_code == 200 and hashlib.sha256(answer.content).hexdigest() == sha256
            # The api chooses among the owners; the damaged one is asked for certain by a neighbour's look at it.
            inside.get(VICTIM, f"/blobs/{sha256}")
    wait_for(lambda: inside.inventory(VICTIM)["needs"] == 0, 60, "nothing left to repair")
