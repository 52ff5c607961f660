"""Machines die; reads and uploads go on (issue A, shows 3)."""
import concurrent.futures
import time

import pytest

from support.api import Api
from support.cluster import wait_for
from support.files import pdf

COURSES = [f"FAULT {number:02d}" for number in range(20)]


@pytest.fixture(scope="module")
def filed(fragile, contract):
    """Twenty courses on all three nodes."""
    api = Api(fragile.url, contract)
    for name in COURSES:
        assert api.upload(name, pdf(name)).status_code == 201
    return api


def node_has(cluster, name, sha256):
    return (cluster.data(name) / "blobs" / sha256[:2] / sha256[2:4] / sha256).exists()


def all_up(api):
    return wait_for(lambda: [n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]] == ["up"] * 3, 15, "all nodes up")


@pytest.mark.parametrize("victim", ["node-1", "node-2", "node-3"])
def test_one_dead_node_is_not_noticed_and_catches_up(fragile, filed, full, victim):
    all_up(filed)
    fragile.kill(victim)
    slowest = 0.0
    for number in range(200 if full else 60):
        started = time.monotonic()
        answer = filed.bytes(COURSES[number % len(COURSES)])
        slowest = max(slowest, time.monotonic() - started)
        assert answer.status_code == 200 and answer.content == pdf(COURSES[number % len(COURSES)])
    assert slowest < 2
    made = []
    for number in range(100 if full else 25):
        started = time.monotonic()
        answer = filed.upload(f"{victim} {number}", pdf(f"{victim} {number}"))
        assert answer.status_code == 201, answer.text
        assert time.monotonic() - started < 2
        assert sum(c["state"] == "stored" for c in answer.json()["copies"]) >= 2
        made.append(answer.json())
    big = filed.upload(f"{victim} big", pdf("big", padding=3_000_000))
    assert big.status_code == 201
    made.append(big.json())
    fragile.start(victim)
    started = time.monotonic()
    wait_for(lambda: all(node_has(fragile, victim, r["sha256"]) for r in made), 30, "the missed copies arrive")
    print(f"\n{victim}: slowest read {slowest * 1000:.0f} ms, {len(made)} missed copies there after {time.monotonic() - started:.1f} s")
    wait_for(lambda: all(o["state"] == "stored" for o in filed.course(made[-1]["course"]).json()["owners"]), 10, "the course page says so")


def test_the_first_upload_after_a_kill_is_as_good(fragile, filed):
    """No heartbeat has been missed yet: the upload itself finds the node dead."""
    for victim in ("node-1", "node-2", "node-3"):
        all_up(filed)
        fragile.kill(victim)
        started = time.monotonic()
        assert filed.upload(f"AT ONCE {victim}", pdf(victim)).status_code == 201
        assert filed.bytes(f"AT ONCE {victim}").content == pdf(victim)
        assert time.monotonic() - started < 2
        fragile.start(victim)


@pytest.mark.parametrize("survivor", ["node-1", "node-3"])
def test_two_dead_nodes_refuse_uploads_and_still_read(fragile, filed, survivor):
    all_up(filed)
    dead = [name for name in ("node-1", "node-2", "node-3") if name != survivor]
    for name in dead:
        fragile.kill(name)
    for pause in (0, 3):
        time.sleep(pause)
        for size in (0, 2_000_000):
            name = f"NO QUORUM {survivor} {pause} {size}"
            started = time.monotonic()
            answer = filed.upload(name, pdf(name, padding=size))
            assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1
            assert time.monotonic() - started < 3
            problem = answer.json()
            assert (problem["can_write"], problem["needed"]) == (1, 2)
            assert filed.upload(COURSES[0], pdf("changed"), headers={"If-None-Match": "*"}).status_code in (412, 503)
            assert name not in str(filed.get("/api/v1/courses", params={"q": name}).json()["items"])
    for name in COURSES:
        answer = filed.bytes(name)
        assert answer.status_code == 200 and answer.content == pdf(name)
    assert filed.get("/readyz").status_code == 503
    for name in dead:
        fragile.start(name)
    all_up(filed)
    wait_for(lambda: filed.get("/readyz").status_code == 200, 10, "ready again")
    for pause in (0, 3):
        for size in (0, 2_000_000):
            name = f"NO QUORUM {survivor} {pause} {size}"
            assert filed.course(name).status_code == 404, "what was refused must not turn up"


def test_a_paused_node_only_slows_the_first_requests(fragile, filed):
    import os
    import signal
    all_up(filed)
    pid = fragile.pid("node-2")
    os.kill(pid, signal.SIGSTOP)
    try:
        times = []
        for number in range(12):
            started = time.monotonic()
            assert filed.upload(f"PAUSED {number}", pdf(str(number))).status_code == 201
            assert filed.bytes(f"PAUSED {number}").content == pdf(str(number))
            times.append(time.monotonic() - started)
        assert max(times[4:]) < 1, times
    finally:
        os.kill(pid, signal.SIGCONT)
    all_up(filed)


def test_uploads_under_load_survive_a_node_that_dies_and_returns(fragile, filed, full):
    all_up(filed)
    stop = time.monotonic() + (20 if full else 6)

    def client(number):
        api, done = Api(fragile.url, filed.contract), []
        while time.monotonic() < stop:
            name = f"LOAD {number}-{len(done)}"
            answer = api.upload(name, pdf(name))
            if answer.status_code == 503:
                answer = api.upload(name, pdf(name))
            assert answer.status_code in (200, 201), answer.text
            done.append(name)
        return done

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(client, number) for number in range(8)]
        time.sleep(1)
        fragile.kill("node-3")
        time.sleep(2)
        fragile.start("node-3")
        made = [name for job in jobs for name in job.result()]
    all_up(filed)
    print(f"\n{len(made)} uploads while a node died and returned")
    for name in made[::max(1, len(made) // 100)]:
        assert filed.bytes(name).content == pdf(name)


def test_redis_away_reads_and_uploads_of_named_courses_go_on(fragile, filed):
    all_up(filed)
    redis = fragile.names("redis")[0]
    fragile.kill(redis)
    for number in range(5):
        assert filed.bytes(COURSES[number]).content == pdf(COURSES[number])
        answer = filed.upload(f"NO REDIS {number}", pdf(f"r{number}"))
        assert answer.status_code == 201, answer.text
        assert filed.bytes(f"NO REDIS {number}").content == pdf(f"r{number}")
    listing = filed.get("/api/v1/courses")
    assert listing.status_code == 503 and "Retry-After" in listing.headers
    fragile.start(redis)
    wait_for(lambda: filed.get("/api/v1/courses", params={"q": "no redis", "limit": 200}).status_code == 200
             and len(filed.get("/api/v1/courses", params={"q": "no redis"}).json()["items"]) == 5, 10, "the index has caught up")
    all_up(filed)


def test_the_other_coordinator_leads_when_the_leader_dies(fragile, filed):
    leader = wait_for(lambda: filed.get("/api/v1/cluster").json()["leader"], 10, "a leader")
    fragile.kill(leader["name"])
    started = time.monotonic()

    def successor():
        assert filed.bytes(COURSES[0]).status_code == 200
        found = filed.get("/api/v1/cluster").json()["leader"]
        return found if found and found["name"] != leader["name"] and found["epoch"] > leader["epoch"] else None

    wait_for(successor, 5, "another leader with a larger epoch")
    print(f"\nnew leader after {time.monotonic() - started:.2f} s")
    assert filed.upload("AFTER LEADER", pdf("x")).status_code == 201
    fragile.start(leader["name"])
