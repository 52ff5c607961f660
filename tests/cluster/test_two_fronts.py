"""Two fronts on one cluster: what one acknowledged is there through the other at once; a wrong clock of one front disturbs nobody (issue B, show 11)."""
import datetime
import threading
import time

import pytest

from support.api import Api
from support.cluster import wait_for
from support.files import pdf
from support.fronts import Front

HOUR_S = 3600


@pytest.fixture(scope="module")
def second(fragile):
    with Front(fragile, 2) as front:
        yield front


def tried(call, good, tries=2, pause=0.3):
    """One request, and one retry when it failed with 503."""
    for left in range(tries - 1, -1, -1):
        answer = call()
        if answer.status_code in good or left == 0:
            return answer
        time.sleep(pause)
    return None


class Reaper(threading.Thread):
    """Kills every node and every coordinator once, one after the other, and starts each again before the next."""

    def __init__(self, cluster, api):
        super().__init__(daemon=True)
        self.cluster, self.api, self.killed, self.problem, self.over = cluster, api, [], None, threading.Event()

    def run(self):
        try:
            for name in self.cluster.names("node") + self.cluster.names("coordinator"):
                self.cluster.kill(name)
                time.sleep(2.5)
                self.cluster.start(name)
                wait_for(self.all_up, 30, "all nodes up")
                self.killed.append(name)
                if self.over.wait(1):
                    return
        except BaseException as problem:  # the test that waits for us shows it
            self.problem = problem

    def all_up(self):
        answer = self.api.get("/api/v1/cluster")
        return answer.status_code == 200 and all(n["state"] == "up" for n in answer.json()["nodes"]) and answer.json()["leader"]


def pairs(first, second, count, keep_on=lambda: False, tries=1):
    """Uploads through one and reads through the other, in turns. Returns how many pairs there were, how often the other did not have it, failures, and the slowest read."""
    misses, failures, slowest, done = [], [], 0.0, 0
    while done < count or keep_on():
        front, other = (first, second) if done % 2 == 0 else (second, first)
        course, data = f"PAIR {done % 37}", pdf(f"pair {done}")
        done += 1
        stored = tried(lambda: front.upload(course, data), (201,), tries)
        if stored.status_code != 201:
            failures.append((course, "upload", stored.status_code, stored.text[:200]))
            continue
        started = time.monotonic()
        read = tried(lambda: other.bytes(course), (200,), tries)
        slowest = max(slowest, time.monotonic() - started)
        if read.status_code != 200:
            failures.append((course, "read", read.status_code, read.text[:200]))
        elif read.content != data or read.headers["Record-Id"] != stored.json()["id"]:
            misses.append((course, stored.json()["id"], read.headers.get("Record-Id")))
    return done, misses, failures, slowest


def test_what_one_acknowledged_is_read_through_the_other_at_once(fragile, contract, second, full):
    here, there = Api(fragile.url, contract), Api(second.url, contract)
    done, misses, failures, slowest = pairs(here, there, 1000 if full else 100)
    print(f"\n{done} pairs through two fronts: {len(misses)} misses, slowest read {slowest * 1000:.0f} ms")
    assert not misses and not failures, (misses[:5], failures[:5])


def test_also_while_every_node_and_coordinator_is_killed_once(fragile, contract, second, full):
    here, there = Api(fragile.url, contract), Api(second.url, contract)
    reaper = Reaper(fragile, Api(fragile.url, contract))
    if not full:
        reaper.cluster = Few(fragile)
    reaper.start()
    done, misses, failures, slowest = pairs(here, there, 1000 if full else 100, reaper.is_alive, tries=2)
    reaper.over.set()
    reaper.join(60)
    print(f"\n{done} pairs while {', '.join(reaper.killed)} were killed: {len(misses)} misses, {len(failures)} failures, slowest read {slowest * 1000:.0f} ms")
    assert reaper.problem is None, reaper.problem
    assert not misses, misses[:5]
    assert len(failures) <= done / 100, failures[:5]


class Few:
    """The short form: one node and one coordinator."""

    def __init__(self, cluster):
        self.cluster = cluster

    def __getattr__(self, name):
        return getattr(self.cluster, name)

    def names(self, role):
        return self.cluster.names(role)[:1]


@pytest.mark.long
def test_a_front_whose_clock_is_wrong_goes_on_and_is_reported(fragile, contract, full):
    with Front(fragile, 3, ahead_s=HOUR_S) as ahead, Front(fragile, 4, ahead_s=-HOUR_S) as behind:
        fronts = {"right": Api(fragile.url, contract), "ahead": Api(ahead.url, contract), "behind": Api(behind.url, contract)}
        order = []
        for number in range(90 if full else 30):
            name = ("ahead", "right", "behind")[number % 3]
            data = pdf(f"clock {number}")
            answer = tried(lambda: fronts[name].upload("CLOCKS", data), (201,))
            assert answer.status_code == 201, (name, answer.text)
            order.append(answer.json()["id"])
            for reader, front in fronts.items():
                read = front.bytes("CLOCKS")
                assert read.status_code == 200 and read.content == data, (name, reader, read.status_code)
        newest_first = [v["id"] for v in fronts["right"].course("CLOCKS").json()["versions"]]
        assert newest_first == order[::-1]
        assert sorted(order) == order
        # Conditional changes too: the next one knows exactly what the last one did.
        for name in ("behind", "ahead", "right"):
            answer = fronts[name].upload("CLOCKS", pdf(f"then {name}"), headers={"If-Match": f'"{order[-1]}"'})
            assert answer.status_code == 201, (name, answer.text)
            order.append(answer.json()["id"])

        skews = {name: wait_for_skew(front, name) for name, front in fronts.items()}
        print(f"\n{len(order)} versions through three fronts in their order; skews told: {skews}")
        assert abs(skews["ahead"] + HOUR_S * 1000) < 5000 and abs(skews["behind"] - HOUR_S * 1000) < 5000
        assert skews["right"] == 0
        assert metric(fronts["ahead"], "ringbinder_api_clock_skew_seconds") < -HOUR_S + 5
        # Nobody's clock followed: records are stamped with what time it is.
        now = datetime.datetime.now(datetime.timezone.utc)
        for version in fronts["right"].course("CLOCKS").json()["versions"]:
            assert abs((datetime.datetime.fromisoformat(version["uploaded_at"].replace("Z", "+00:00")) - now).total_seconds()) < 120


def wait_for_skew(front, name):
    def told():
        cluster = front.get("/api/v1/cluster").json()
        warned = [w for w in cluster["warnings"] if "clock" in w]
        return cluster if name == "right" or (cluster["clock_skew_ms"] != 0 and warned) else None

    cluster = wait_for(told, 10, f"the skew of the front that is {name} is told")
    if name == "right":
        assert not [w for w in cluster["warnings"] if "clock" in w], cluster["warnings"]
    return cluster["clock_skew_ms"]


def metric(front, name):
    for line in front.get("/metrics").text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError(f"no {name} among the metrics")


def test_an_api_that_is_asked_to_end_does_so_in_good_order(fragile):
    """Its exit status says so; a crash at the very end would otherwise be nobody's loss and nobody's news."""
    with Front(fragile, 3) as front:
        api = front.api
    assert api.returncode == 0, front.cluster.log(front.name)[-2000:]
