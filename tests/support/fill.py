"""Many files in a cluster, and where their copies are on the nodes' disks."""
import collections
import concurrent.futures
import hashlib
import os
import random
import threading

import requests

from support import signed
from support.api import course_path


def session():
    return signed.Session()


def parallel(what, items, threads=8):
    """Calls what(session, item) for all items; the results in order."""
    own = threading.local()

    def one(item):
        if not hasattr(own, "session"):
            own.session = session()
        return what(own.session, item)

    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, items))


def fill(url, count, size=3000, prefix="FILE"):
    """Uploads `count` courses of `size` bytes each; {course: SHA-256}."""
    def one(http, number):
        course = f"{prefix} {number:05d}"
        data = (f"%PDF-1.4 {course} ".encode() + random.Random(number).randbytes(size))[:size]
        for attempt in range(3):
            answer = http.put(url + course_path(course, "/syllabus"), params={"filename": "s.pdf"}, data=data, timeout=30)
            if answer.status_code in (200, 201):
                return course, hashlib.sha256(data).hexdigest()
        raise AssertionError(f"{course}: {answer.status_code} {answer.text[:300]}")
    return dict(parallel(one, range(count)))


def read_all(url, files):
    """Courses whose bytes do not come or are wrong: [(course, why)]."""
    def one(http, item):
        course, sha256 = item
        try:
            answer = http.get(url + course_path(course, "/syllabus"), timeout=30)
        except requests.RequestException as problem:
            return course, repr(problem)
        if answer.status_code != 200:
            return course, answer.status_code, answer.text[:200]
        return None if hashlib.sha256(answer.content).hexdigest() == sha256 else (course, "wrong bytes")
    return [found for found in parallel(one, files.items(), 4) if found]


def blobs_on(cluster, name):
    """The hashes of the blobs on a node's disk."""
    found = set()
    for _, _, files in os.walk(cluster.data(name) / "blobs"):
        found.update(f for f in files if len(f) == 64)
    return found


def copies(cluster, names, hashes):
    """{SHA-256: on how many of these nodes}."""
    there = collections.Counter()
    for name in names:
        there.update(blobs_on(cluster, name) & set(hashes))
    return {sha256: there[sha256] for sha256 in hashes}
