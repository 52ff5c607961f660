"""Redis behind Sentinel: its master dies in the middle of uploads, and nothing that was acknowledged is lost (issue B, shows 5)."""
import collections
import contextlib
import hashlib
import signal
import threading
import time

import pytest
import redis
import requests

from support import signed
from support.api import course_path
from support.cluster import wait_for
from support.load import Load
from support.sentinel import SentinelRedis

SLOWEST_SECONDS = 2.0  # a second for a Redis that is gone, and as much for a machine that is busy
COURSES = 30           # a writer's; each gets several versions


class Versions(Load):
    """A load that remembers every version that was acknowledged, and when: acknowledged holds (time, course, id, sha256)."""

    def __init__(self, url, name):
        super().__init__(url, writers=3, readers=1, pace=0.02)
        self.name, self.acknowledged = name, []

    def write(self, number):
        session, count = signed.Session(), 0
        while not self.over.is_set():
            course = f"{self.name} {number}-{count % COURSES}"
            data = b"%PDF-1.4 " + f"{course} {count} ".encode() * 50
            answer = self.tried(session, "upload", "PUT", course_path(course, "/syllabus"), (201,), params={"filename": "s.pdf"}, data=data)
            if answer is not None:
                version = (answer.json()["id"], hashlib.sha256(data).hexdigest())
                with self.lock:
                    self.known[course] = version
                    self.acknowledged.append((time.monotonic(), course, *version))
            count += 1
            time.sleep(self.pace)

    def check_every_version(self):
        """Each course names all versions that were acknowledged, and each of them has its bytes."""
        session = signed.Session()
        versions = collections.defaultdict(dict)
        for _, course, version, digest in self.acknowledged:
            versions[course][version] = digest
        for course, wanted in versions.items():
            answer = session.get(self.url + course_path(course), timeout=10)
            assert answer.status_code == 200, answer.text
            lost = wanted.keys() - {row["id"] for row in answer.json()["versions"]}
            assert not lost, f"{course} lost {len(lost)} of {len(wanted)} acknowledged versions"
            for version in wanted.items():
                self.read_one(session, course, version)
        self.assert_good()


    def listed(self):
        """True when the lists show every course that was acknowledged."""
        session, shown, cursor = signed.Session(), set(), None
        session.trust_env = False
        while True:
            answer = session.get(self.url + "/api/v1/courses", params={"q": self.name, "limit": 100, **({"cursor": cursor} if cursor else {})}, timeout=10)
            if answer.status_code != 200:
                return False
            shown |= {row["course"] for row in answer.json()["items"]}
            cursor = answer.json()["next"]
            if not cursor:
                return self.known.keys() <= shown


class Readiness(threading.Thread):
    """Asks /readyz all the time; answers holds (status, seconds)."""

    def __init__(self, url):
        super().__init__(daemon=True)
        self.url, self.answers, self.over = url, [], threading.Event()

    def run(self):
        while not self.over.wait(0.05):
            started = time.monotonic()
            with contextlib.suppress(requests.RequestException):
                status = requests.get(self.url + "/readyz", timeout=10).status_code
                self.answers.append((status, time.monotonic() - started))
                continue
            self.answers.append((0, time.monotonic() - started))

    def stop(self):
        self.over.set()
        self.join()


@pytest.fixture(scope="module")
def shared(homes, tmp_path_factory):
    """(Redis behind Sentinel, a cluster that uses it)."""
    engine = SentinelRedis(tmp_path_factory.mktemp("sentinel") / "redis").up()
    try:
        yield engine, homes("sentinel", RB_COORDINATORS=3, **engine.settings).up()
    finally:
        engine.down()


def lists_answer(url):
    with contextlib.suppress(requests.RequestException):
        return requests.get(url + "/api/v1/courses", timeout=5).status_code == 200
    return False


def lose_the_master(engine, url, name, sig):
    """Uploads go on while the master is killed or stopped, until another is elected and the lists answer again. Returns the name of the lost one."""
    engine.mend()
    lost = engine.master()
    ready = Readiness(url)
    ready.start()
    with Versions(url, name) as load:
        time.sleep(1)
        engine.kill(lost, sig)
        at = time.monotonic()
        wait_for(lambda: engine.master() not in (lost, None), 20, "the Sentinels elect another master")
        elected = time.monotonic()
        wait_for(lambda: lists_answer(url), 20, "the lists are there again")
        listed = time.monotonic()
        time.sleep(1)
    ready.stop()
    meanwhile = sum(at < row[0] < listed for row in load.acknowledged)
    slowest = max(load.times["upload"] + load.times["read"])
    print(f"\n{name}: {lost} lost, another master after {elected - at:.1f} s, lists after {listed - at:.1f} s; {len(load.acknowledged)} uploads, "
          f"{meanwhile} of them without Redis; {len(load.times['read'])} reads; slowest {slowest * 1000:.0f} ms, "
          f"/readyz {max(row[1] for row in ready.answers) * 1000:.0f} ms")
    load.assert_good()
    assert meanwhile > 10
    assert slowest < SLOWEST_SECONDS
    assert {row[0] for row in ready.answers} == {200} and max(row[1] for row in ready.answers) < SLOWEST_SECONDS
    load.check_every_version()
    wait_for(load.listed, 15, "the lists show every course: they are rebuilt from the nodes, whatever the replica had missed")
    return lost


def test_no_acknowledged_version_is_lost_when_the_master_is_killed(shared, full):
    engine, cluster = shared
    for run in range(20 if full else 2):
        lose_the_master(engine, cluster.url, f"KILL {run}", signal.SIGKILL)


@pytest.mark.long
def test_no_acknowledged_version_is_lost_when_the_master_pauses_and_comes_back(shared):
    """The old master wakes up, still believing that it is one: what is written to it from then on is refused or goes to the new one."""
    engine, cluster = shared
    lost = lose_the_master(engine, cluster.url, "PAUSE", signal.SIGSTOP)
    with Versions(cluster.url, "AWAKE") as load:
        engine.kill(lost, signal.SIGCONT)
        wait_for(lambda: role(engine, lost) == "slave", 40, "the old master is made a replica")
    load.assert_good()
    load.check_every_version()


def test_a_cluster_moves_to_a_redis_from_outside(shared, homes):
    """bin/cluster then starts none of its own; what the old one knew comes back from the nodes."""
    engine, cluster = shared
    engine.mend()
    moving = homes("moving", RB_NODES=1, RB_K=1, RB_COORDINATORS=1).up()
    answer = signed.Session().put(moving.url + course_path("MOVED", "/syllabus"), params={"filename": "s.pdf"}, data=b"%PDF-1.4 moved", timeout=10)
    assert answer.status_code == 201 and moving.names("redis") == ["redis"]
    moving.down()
    cluster.down()
    engine.connection(engine.master()).flushall()  # else it would take the other cluster's ring for its own
    moving.env.update({key: str(value) for key, value in engine.settings.items()})
    moving.up()
    assert moving.names("redis") == cluster.names("redis") == []
    wait_for(lambda: [row["course"] for row in requests.get(moving.url + "/api/v1/courses", timeout=5).json().get("items", [])] == ["MOVED"], 15,
             "the list is rebuilt from the nodes")


def test_a_password_file_must_be_named_by_its_whole_path(homes):
    with pytest.raises(AssertionError, match="whole path"):
        homes("refused", RB_REDIS="127.0.0.1:1", RB_REDIS_PASSWORD_FILE="password").up()


def role(engine, name):
    with contextlib.suppress(redis.RedisError):
        return engine.connection(name).info("replication")["role"]
    return None
