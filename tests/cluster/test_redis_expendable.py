"""Redis is expendable (G5): wiped, killed, emptied, set back or stopped under load, and nothing that was promised is lost; and deletes may be forgotten (G7)."""
import contextlib
import hashlib
import json
import os
import shutil
import signal
import threading
import time

import pytest

from support.api import Api, course_path
from support.cluster import alive, wait_for
from support.fill import fill, parallel, session
from support.inside import Inside
from support.load import Load

HISTORIES = 25  # courses whose whole history is part of a digest
DELETED = 20


# ---- the index as clients see it

def pages(http, url, **params):
    """All rows of a list; None while there is none."""
    rows, cursor = [], None
    while True:
        answer = http.get(url + "/api/v1/courses", params={"limit": 200, **params, **({"cursor": cursor} if cursor else {})}, timeout=30)
        if answer.status_code == 503:
            assert "Retry-After" in answer.headers and answer.json()["detail"], answer.text
            return None
        assert answer.status_code == 200, answer.text
        rows += answer.json()["items"]
        cursor = answer.json()["next"]
        if not cursor:
            return rows


def history(http, url, course):
    """What a course's page says of its versions, but for the state of their copies."""
    answer = http.get(url + course_path(course), timeout=30)
    assert answer.status_code == 200, answer.text
    return [{k: v for k, v in version.items() if k != "copies"} for version in answer.json()["versions"]]


def index_digest(url, names, **params):
    """(rows, SHA-256 over all rows of the lists in both orders and the histories of `names`); None while the index is away or being rebuilt."""
    http = session()
    lists = [pages(http, url, sort=sort, **params) for sort in ("name", "newest")]
    if None in lists:
        return None
    told = {"lists": lists, "histories": {name: history(http, url, name) for name in names}}
    return len(lists[0]), hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


# ---- a cluster with files

class Filed:
    """A cluster with many files that stay as they are, some with more versions, some deleted."""

    def __init__(self, cluster, count):
        self.cluster, self.url, self.count = cluster, cluster.url, count
        self.files = fill(cluster.url, count, size=1200, prefix="FILED")
        names = sorted(self.files)
        again = dict(parallel(lambda http, n: (n, self.put(http, n, f"second version of {n}")), names[::7]))
        self.files.update(again)
        self.gone = names[3::max(1, count // DELETED)][:DELETED]
        for name in self.gone:
            assert session().delete(self.url + course_path(name, "/syllabus"), timeout=30).status_code == 204
            del self.files[name]
        self.sample = names[::max(1, count // HISTORIES)]
        self.before = wait_for(self.digest, 15, "lists")

    def put(self, http, name, text):
        data = b"%PDF-1.4 " + text.encode()
        answer = http.put(self.url + course_path(name, "/syllabus"), params={"filename": "s.pdf"}, data=data, timeout=30)
        assert answer.status_code == 201, answer.text
        return hashlib.sha256(data).hexdigest()

    def digest(self):
        return index_digest(self.url, self.sample, q="filed")

    def redis(self):
        return self.cluster.redis()

    def logs(self):
        return "".join(self.cluster.log(name) for name in self.cluster.names("coordinator"))


@pytest.fixture(scope="module")
def filed(homes, full):
    cluster = homes("redis-expendable", RB_SWEEP_S=600).up()
    return Filed(cluster, 10_000 if full else 300)


class Watch:
    """Reads named files and deleted ones all the time: bytes must be right, deleted files stay deleted."""

    def __init__(self, filed):
        self.filed, self.wrong, self.reads, self.over = filed, [], 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(60)

    def run(self):
        http, kept = session(), sorted(self.filed.files.items())
        while not self.over.is_set():
            name, sha256 = kept[self.reads * 37 % len(kept)]
            answer = http.get(self.filed.url + course_path(name, "/syllabus"), timeout=30)
            if answer.status_code != 200 or hashlib.sha256(answer.content).hexdigest() != sha256:
                self.wrong.append((name, answer.status_code, answer.text[:200]))
            gone = self.filed.gone[self.reads % len(self.filed.gone)]
            answer = http.get(self.filed.url + course_path(gone, "/syllabus"), timeout=30)
            if answer.status_code not in (404, 410):
                self.wrong.append((gone, answer.status_code, answer.text[:200]))
            self.reads += 1
            time.sleep(0.02)


@contextlib.contextmanager
def under_load(filed, what):
    """Uploads and reads go on during the block and until the index is as before; then all that was acknowledged must be listed too."""
    began = []
    with Load(filed.url, writers=2, readers=1, size=1000, pace=0.03) as load, Watch(filed) as watch:
        wait_for(lambda: load.count("upload") > 20 and load.count("read") > 20, 15, "some load")
        yield began.append
        assert began, "the block says when Redis was there again"
        took = wait_back(filed, began[0])
        time.sleep(0.5)
    load.assert_good()
    assert not watch.wrong, watch.wrong[:5]
    check_listed(filed, load)
    load.check_all()
    print(f"\n{what}: {load.count('upload')} uploads and {load.count('read') + 2 * watch.reads} reads went on, none failed (p99 {load.p99('upload') * 1000:.0f} and "
          f"{load.p99('read') * 1000:.0f} ms); index of {filed.count} files as before after {took:.2f} s")


def wait_back(filed, since):
    """Seconds from `since` until the digest is as before, which is when reading it began: 10,000 rows, twice, are a while on the way. The first list that
    comes must be a whole one."""
    limit = 10 * max(1.0, filed.count / 10_000)
    took = time.monotonic() - since
    while (found := filed.digest()) is None:
        time.sleep(0.05)
        took = time.monotonic() - since
        assert took < limit, f"no list within {limit} s\n{filed.logs()[-3000:]}"
    assert found == filed.before, f"{found} instead of {filed.before}"
    return took


def check_listed(filed, load):
    """Every course that was uploaded is listed with its newest acknowledged version, by its number."""
    def rows():
        return {row["course"]: row for row in pages(session(), filed.url, q="load") or []}

    wait_for(lambda: all(course in (now := rows()) and now[course]["current"]["id"] == known[0] for course, known in load.known.items()), 10,
             "all acknowledged versions are listed")
    for course, row in list(rows().items())[:10]:
        shown = history(session(), filed.url, course)
        assert row["current"]["version"] == len(shown) and row["versions"] == len(shown)


# ---- show 4

def test_flushall(filed):
    with under_load(filed, "FLUSHALL") as began:
        filed.redis().flushall()
        began(time.monotonic())


def test_kill_of_redis(filed):
    with under_load(filed, "kill -9 of Redis") as began:
        filed.cluster.kill("redis")
        assert session().get(filed.url + "/api/v1/courses", timeout=30).status_code == 503
        time.sleep(1)
        filed.cluster.start("redis")
        began(time.monotonic())


def appendonly(filed):
    return next(filed.cluster.data("redis").rglob("appendonlydir"))


def test_redis_restarted_empty(filed):
    with under_load(filed, "Redis restarted empty") as began:
        filed.cluster.kill("redis")
        shutil.rmtree(appendonly(filed))
        filed.cluster.start("redis")
        began(time.monotonic())


@pytest.mark.long
def test_redis_restored_from_an_old_copy(filed, full, tmp_path):
    """The copy misses uploads and a delete; what it has is of another process and must not be believed."""
    back = 500 if full else 100
    copy = tmp_path / "appendonlydir"
    with under_load(filed, f"Redis set back by {back} uploads") as began:
        shutil.copytree(appendonly(filed), copy)
        parallel(lambda http, number: filed.put(http, f"FILED LATER {number:04d}", str(number)), range(back), 4)
        gone = f"FILED LATER {back // 2:04d}"
        assert session().delete(filed.url + course_path(gone, "/syllabus"), timeout=30).status_code == 204
        filed.before = filed.digest()
        filed.cluster.kill("redis")
        shutil.rmtree(appendonly(filed))
        shutil.copytree(copy, filed.cluster.data("redis") / "appendonlydir")
        filed.cluster.start("redis")
        began(time.monotonic())
        filed.gone.append(gone)
    assert session().get(filed.url + course_path(gone, "/syllabus"), timeout=30).status_code == 410


@pytest.mark.long
def test_redis_stopped_for_ten_seconds(filed):
    with under_load(filed, "SIGSTOP of Redis for 10 s") as began:
        pid = filed.cluster.pid("redis")
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(10)
        finally:
            os.kill(pid, signal.SIGCONT)
        began(time.monotonic())


# ---- what follows from it

def test_the_version_of_an_upload_is_right_while_the_index_is_rebuilt(filed):
    """The owners tell it: an index that is being filled again would count from where it is."""
    http = session()
    for number in range(4):
        filed.put(http, "NUMBERS 1", str(number))
    for round_ in range(3):
        filed.redis().flushall()
        answer = http.put(filed.url + course_path("NUMBERS 1", "/syllabus"), params={"filename": "s.pdf"}, data=b"%PDF-1.4 round " + str(round_).encode(), timeout=30)
        assert answer.status_code == 201 and answer.json()["version"] == 5 + round_, answer.text
        wait_back(filed, time.monotonic())


def test_no_node_counts_as_silent_because_redis_was_wiped(filed):
    api = Api(filed.url)
    for _ in range(3):
        filed.redis().flushall()
        for _ in range(15):
            assert [n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]] == ["up"] * 3
            assert api.get("/readyz").status_code == 200
            time.sleep(0.05)
        wait_back(filed, time.monotonic())


def test_what_a_killed_api_forgot_is_found_by_the_sweep(filed):
    """Uploads that Redis missed wait in the api's memory; the api dies; the leader finds them on the nodes."""
    http, pid = session(), filed.cluster.pid("redis")
    os.kill(pid, signal.SIGSTOP)
    try:
        for number in range(5):
            filed.put(http, f"FORGOTTEN {number}", str(number))
        filed.cluster.kill(filed.cluster.names("api")[0])
        time.sleep(2)  # long enough that the leader notices
    finally:
        os.kill(pid, signal.SIGCONT)
    started = time.monotonic()
    filed.cluster.start(filed.cluster.names("api")[0])

    def listed():
        return len(pages(session(), filed.url, q="forgotten") or []) == 5

    wait_for(listed, 15, "what the api forgot is listed")
    print(f"\nfive uploads that an api took with it were listed again after {time.monotonic() - started:.1f} s")


# ---- deletes are forgotten (protocol.md P6)

@pytest.fixture(scope="module")
def purging(homes):
    return homes("purging", RB_PURGE_AFTER_S=1, RB_NODE_PURGE_QUIET_S=0, RB_SWEEP_S=2).up()


def put(url, name, text="x"):
    answer = session().put(url + course_path(name, "/syllabus"), params={"filename": "s.pdf"}, data=b"%PDF-1.4 " + text.encode(), timeout=30)
    assert answer.status_code == 201, answer.text
    return answer.json()


def status(url, name):
    return [session().get(url + course_path(name, tail), timeout=30).status_code for tail in ("", "/syllabus")]


def records_at(cluster, node, key):
    answer = Inside(cluster).get(node, f"/lookup/{key}")
    return answer.json()["records"] if answer.status_code == 200 else []


def test_a_deleted_file_is_forgotten_when_all_owners_know_of_it(purging):
    url = purging.url
    for number in range(20):
        put(url, f"PURGE {number}")
        put(url, f"PURGE {number}", "again")
    for number in range(10):
        assert session().delete(url + course_path(f"PURGE {number}", "/syllabus"), timeout=30).status_code == 204
        assert status(url, f"PURGE {number}")[1] in (404, 410)
    started = time.monotonic()
    wait_for(lambda: all(status(url, f"PURGE {n}") == [404, 404] for n in range(10)), 30, "deleted files are forgotten", pause=0.3)
    print(f"\nten deleted files forgotten everywhere after {time.monotonic() - started:.1f} s")
    for node in purging.names("node"):
        assert not any(records_at(purging, node, f"purge{n}") for n in range(10))
    for number in range(10, 20):
        assert status(url, f"PURGE {number}") == [200, 200]
    assert put(url, "PURGE 3", "a new life")["version"] == 1
    assert status(url, "PURGE 3") == [200, 200]


def test_an_absent_owner_stops_a_purge_and_brings_nothing_back(purging):
    url = purging.url
    for number in range(6):
        put(url, f"ABSENT {number}")
    purging.kill("node-3")
    for number in range(3):
        assert session().delete(url + course_path(f"ABSENT {number}", "/syllabus"), timeout=30).status_code == 204
    until = time.monotonic() + 6
    while time.monotonic() < until:
        assert [status(url, f"ABSENT {n}")[1] for n in range(3)] == [410] * 3, "one owner does not know of the delete yet"
        time.sleep(0.5)
    purging.start("node-3")
    wait_for(lambda: all(status(url, f"ABSENT {n}") == [404, 404] for n in range(3)), 40, "deleted files are forgotten", pause=0.3)
    for node in purging.names("node"):
        pid = purging.pid(node)
        purging.kill(node)
        assert not alive(pid)
        purging.start(node)
        for _ in range(6):
            assert [status(url, f"ABSENT {n}")[1] for n in range(3)] == [404] * 3
            time.sleep(0.3)
    time.sleep(3)  # a sweep or two
    for number in range(3):
        assert status(url, f"ABSENT {number}") == [404, 404]
        assert status(url, f"ABSENT {number + 3}") == [200, 200]
    assert [row["course"] for row in pages(session(), url, q="absent")] == ["ABSENT 3", "ABSENT 4", "ABSENT 5"]
