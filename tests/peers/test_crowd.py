"""Many peers that come at once, each with many files, while people upload and read: the leader keeps its lease, no upload fails, and all is listed."""
import threading
import time

import pytest
import requests

from support.api import Api
from support.cluster import wait_for
from support.crowd import Crowd
from support.load import Load
from support.peers import lists_in_redis, pages, search


class Watch:
    """Who leads, asked all the time."""

    def __init__(self, cluster):
        self.cluster, self.over, self.seen = cluster, threading.Event(), []
        self.thread = threading.Thread(target=self.look, daemon=True)

    def look(self):
        session = requests.Session()
        session.trust_env = False
        while not self.over.wait(0.2):
            answer = session.get(self.cluster.url + "/api/v1/cluster", timeout=30)
            leader = answer.json()["leader"] if answer.status_code == 200 else None
            now = (leader["name"], leader["epoch"]) if leader else None
            if not self.seen or self.seen[-1] != now:
                self.seen.append(now)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(40)


@pytest.fixture(scope="module")
def crowded(homes):
    return homes("crowd").up()


def test_many_peers_register_at_once_and_the_main_job_goes_on(crowded, full):
    count, files, seconds = (100, 10_000, 1500) if full else (10, 2_000, 60)
    crowd = Crowd(crowded, count, files)
    log = {name: len(crowded.log(name)) for name in crowded.names("coordinator")}
    with Load(crowded.url, writers=2, readers=2, pace=0.02) as load, Watch(crowded) as watch:
        wait_for(lambda: load.count("read") > 20, 30, "the load is under way")
        with crowd:
            took = crowd.wait(seconds)
            all_there = time.monotonic()
            lists = wait_for(lambda: (now := lists_in_redis(crowded)) and all(p.id in now for p in crowd.peers) and now, 10, "Redis has all lists")
            assert {p.id: lists[p.id] for p in crowd.peers} == {p.id: (files, p.digest) for p in crowd.peers}
            api = Api(crowded.url)
            rows = {p["id"]: (p["files"], p["state"]) for p in pages(api, "/api/v1/peers")}
            assert {p.id: rows.get(p.id) for p in crowd.peers} == {p.id: (files, "here") for p in crowd.peers}
            name = crowd.peers[-1].files[-1][0]
            assert [h["file"] for row in search(api, name) for h in row["holders"]] == [name]
            assert time.monotonic() - all_there < 30
    total = count * files
    print(f"{count} peers with {files} files listed after {took:.1f} s ({total / took:.0f} names/s), answers {crowd.statuses}; leader {watch.seen}; "
          f"uploads {load.count('upload')}, p99 {load.p99('upload') * 1000:.0f} ms; reads {load.count('read')}, p99 {load.p99('read') * 1000:.0f} ms; "
          f"slowest heartbeat {crowd.slowest_heartbeat:.2f} s, lost {crowd.lost_heartbeats}")
    load.check_all()
    assert len(watch.seen) == 1 and watch.seen[0] is not None, f"the leader changed: {watch.seen}"
    assert crowd.lost_heartbeats == 0
    said = "".join(crowded.log(name)[at:] for name, at in log.items())
    assert "leads with epoch" not in said
