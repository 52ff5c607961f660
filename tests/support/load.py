"""Clients that go on uploading and reading while a test does harm, and remember what was promised to them."""
import collections
import hashlib
import random
import threading
import time

import requests

from support import signed
from support.api import course_path


class Silent:
    """Judges nothing: the load's own asserts do."""

    def check(self, _answer):
        pass


class Load:
    """`writers` threads upload versions of courses of their own, `readers` threads read what was acknowledged and compare the bytes.

    known: course → (record id, bytes' SHA-256) of the newest acknowledged version; failures: (what, status or exception) of requests that failed,
    after `retries` more tries each, retry_after seconds apart."""

    def __init__(self, url, writers=4, readers=2, size=3000, retries=0, retry_after=0.3, pace=0.0, courses=40):
        self.url, self.size, self.retries, self.pace, self.courses = url, size, retries, pace, courses
        self.retry_after = retry_after
        self.known, self.failures, self.times = {}, [], collections.defaultdict(list)
        self.lock, self.over = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(n,), daemon=True) for n in range(writers)]
        self.threads += [threading.Thread(target=self.read, args=(n,), daemon=True) for n in range(readers)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def tried(self, session, kind, method, path, good, **options):
        """One request with its retries; the last answer or None. Notes how long it took and what failed for good."""
        for attempt in range(self.retries + 1):
            started = time.monotonic()
            try:
                answer = session.request(method, self.url + path, timeout=30, **options)
                what = (answer.status_code, answer.text[:200] if answer.status_code not in good else "")
            except requests.RequestException as problem:
                answer, what = None, (0, repr(problem)[:200])
            took = time.monotonic() - started
            with self.lock:
                self.times[kind].append(took)
            if answer is not None and answer.status_code in good:
                return answer
            if attempt < self.retries:
                time.sleep(self.retry_after)
        with self.lock:
            self.failures.append((kind, time.time(), f"{took:.2f} s", *what))
        return None

    def write(self, number):
        session, chance, count = signed.Session(), random.Random(number), 0
        while not self.over.is_set():
            course = f"LOAD {number}-{count % self.courses}"
            data = b"%PDF-1.4 " + f"{course} {count} ".encode() + chance.randbytes(self.size // 2).hex().encode()
            answer = self.tried(session, "upload", "PUT", course_path(course, "/syllabus"), (200, 201), params={"filename": "s.pdf"}, data=data)
            if answer is not None:
                with self.lock:
                    self.known[course] = (answer.json()["id"], hashlib.sha256(data).hexdigest())
            count += 1
            time.sleep(self.pace)

    def read(self, number):
        session, chance = signed.Session(), random.Random(1000 + number)
        while not self.over.is_set():
            with self.lock:
                course, version = chance.choice(list(self.known.items())) if self.known else (None, None)
            if course is None:
                time.sleep(0.01)
                continue
            self.read_one(session, course, version)
            time.sleep(self.pace)

    def read_one(self, session, course, version):
        """A version by its id: whatever was uploaded meanwhile, those bytes must come."""
        answer = self.tried(session, "read", "GET", course_path(course, "/syllabus"), (200,), params={"version": version[0]})
        if answer is not None and hashlib.sha256(answer.content).hexdigest() != version[1]:
            with self.lock:
                self.failures.append(("wrong bytes", course, version))

    def check_all(self):
        """Every acknowledged version can be read and has its bytes."""
        session = signed.Session()
        for course, version in list(self.known.items()):
            self.read_one(session, course, version)
        self.assert_good()

    def assert_good(self):
        assert not self.failures, f"{len(self.failures)} failures: {self.failures[:5]}"

    def p99(self, kind):
        """Seconds."""
        ordered = sorted(self.times[kind])
        return ordered[int(len(ordered) * 0.99)] if ordered else 0.0

    def count(self, kind):
        return len(self.times[kind])
