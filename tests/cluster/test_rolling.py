"""Everything is restarted, one after the other under load, or all at once: nobody loses anything."""
import time

import pytest

from support.api import Api
from support.cluster import wait_for
from support.load import Load


@pytest.fixture(scope="module")
def grown(homes):
    """A cluster that has grown by a node, so that its ring is not the founding one."""
    cluster = homes("rolling", RB_COORDINATORS=2).up()
    assert cluster.command("add", "node", timeout=120).strip() == "node-4"
    return cluster


@pytest.fixture
def grown_api(grown, contract):
    return Api(grown.url, contract)


def ring_of(api):
    now = api.get("/api/v1/cluster").json()
    return now["ring_epoch"], sorted(n["id"] for n in now["nodes"] if n["state"] == "up")


@pytest.mark.long
def test_a_rolling_restart_is_not_noticed(grown, grown_api):
    """Each process is stopped and started while clients work; a client may try once more, after the time that the only front's nginx may be away."""
    wait_for(lambda: len(ring_of(grown_api)[1]) == 4, 20, "four nodes up")
    before = ring_of(grown_api)
    with Load(grown.url, writers=3, readers=2, retries=1, retry_after=4.0, pace=0.01) as load:
        time.sleep(1)
        for name in [*grown.names("coordinator"), *grown.names("node"), "redis", "api-1", "nginx"]:
            grown.command("stop", name)
            grown.start(name)
            if name.startswith("node"):
                wait_for(lambda: len(ring_of(grown_api)[1]) == 4, 15, f"{name} is up again")
        time.sleep(1)
    print(f"\nrolling restart of all processes: {load.count('upload')} uploads, {load.count('read')} reads, {len(load.failures)} failed")
    load.assert_good()
    load.check_all()
    assert ring_of(grown_api) == before, "a restart is no ring change"


def test_all_killed_at_once_start_again_as_they_were(grown, grown_api):
    wait_for(lambda: len(ring_of(grown_api)[1]) == 4, 20, "four nodes up")
    with Load(grown.url, writers=3, readers=1, pace=0.01) as load:
        time.sleep(3)
    load.assert_good()
    histories = {course: [v["id"] for v in grown_api.course(course).json()["versions"]] for course in list(load.known)[:40]}
    before = ring_of(grown_api)
    for name in [*grown.names("nginx"), *grown.names("api"), *grown.names("node"), *grown.names("coordinator"), *grown.names("redis")]:
        grown.kill(name)
    started = time.monotonic()
    grown.up()
    wait_for(lambda: ring_of(grown_api) == before, 20, "the same ring")
    print(f"\nall processes killed at once: up again with the same ring after {time.monotonic() - started:.1f} s")
    for course, ids in histories.items():
        assert [v["id"] for v in grown_api.course(course).json()["versions"]] == ids
    load.check_all()
