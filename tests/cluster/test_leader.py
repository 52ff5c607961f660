"""The leader dies, stops, pauses: the next one leads soon, nobody notices, and what the old one says afterwards counts for nothing."""
import contextlib
import json
import os
import signal
import sqlite3
import statistics
import time

import pytest
import requests

from support.api import Api
from support.cluster import wait_for
from support.inside import Inside
from support.load import Load


@pytest.fixture(scope="module")
def three(homes):
    """Three coordinators and three nodes."""
    return homes("leaders", RB_COORDINATORS=3).up()


def leader(cluster):
    """The leader's name and epoch, or None."""
    try:
        found = requests.get(cluster.url + "/api/v1/cluster", timeout=5, proxies={"http": None}).json()["leader"]
    except (requests.RequestException, ValueError):
        return None
    return (found["name"], found["epoch"]) if found else None


def next_leader(cluster, before, seconds=20):
    """Waits for a leader of a later epoch; (name, epoch)."""
    return wait_for(lambda: (now := leader(cluster)) and now[1] > before[1] and now, seconds, f"somebody leads after {before}", pause=0.02)


def takes_over(cluster, names, before, seconds=20):
    """Waits until one of these coordinators says that it leads with a later epoch: it is asked itself, so that nobody's polling is measured; its name."""
    inside = Inside(cluster)

    def found():
        for name in names:
            with contextlib.suppress(requests.RequestException):
                told = inside.get(name, "/ring", timeout=2).json()["leader"]
                if told and told["name"] == name and told["epoch"] > before[1]:
                    return name
        return None
    return wait_for(found, seconds, f"somebody leads after {before}", pause=0.005)


def living(cluster):
    return [name for name in cluster.names("coordinator") if os.path.exists(f"/proc/{cluster.pid(name)}")]


def test_next_leader_after_kill_9_and_after_sigterm(three, full):
    """Both ways alternate, so that they are compared in one run; uploads and reads go on all the time."""
    rounds, killed, asked = (50 if full else 6), [], []
    wait_for(lambda: leader(three), 20, "somebody leads")
    with Load(three.url, writers=2, readers=1, pace=0.02) as load:
        for number in range(rounds):
            killed.append(replace_leader(three, signal.SIGKILL))
            if number % 5 == 0:
                asked.append(replace_leader(three, signal.SIGTERM))
    ordered = sorted(killed)
    print(f"\nkill -9 of the leader {rounds} times: p50 {statistics.median(killed):.2f} s, p99 {ordered[int(0.99 * (rounds - 1))]:.2f} s, max {ordered[-1]:.2f} s; "
          f"SIGTERM {len(asked)} times: median {statistics.median(asked) * 1000:.0f} ms, max {max(asked) * 1000:.0f} ms; "
          f"{load.count('upload')} uploads, {load.count('read')} reads, {len(load.failures)} failed")
    load.assert_good()
    assert statistics.median(killed) <= 2.0 and ordered[int(0.99 * (rounds - 1))] <= 3.0
    assert sorted(asked)[int(0.9 * (len(asked) - 1))] <= 0.3
    load.check_all()


def replace_leader(cluster, how):
    """Ends the leader, waits for the next, starts the old one again; seconds until the next one led with an epoch of its own."""
    before = leader(cluster)
    candidates = sorted(set(living(cluster)) - {before[0]})
    started = time.monotonic()
    cluster.kill(before[0], how)
    name = takes_over(cluster, candidates, before)
    took = time.monotonic() - started
    assert name == candidates[0], f"the smallest living name leads: {name} of {candidates}"
    next_leader(cluster, before)
    cluster.start(before[0])
    wait_for(lambda: len(living(cluster)) == 3, 10, "all coordinators live")
    time.sleep(0.7)  # one heartbeat: the returned one is known to the others again
    return took


def promised(cluster, node):
    """The ballot a node has promised, from its disk."""
    with sqlite3.connect(f"file:{cluster.data(node)}/records.db?mode=ro", uri=True) as db:
        return json.loads(db.execute("SELECT promised FROM ledger").fetchone()[0])


def test_a_paused_leader_finds_nobody_who_obeys(three):
    before = wait_for(lambda: leader(three), 20, "somebody leads")
    ballot = promised(three, "node-1")
    assert ballot["coordinator"] == before[0]
    pid = three.pid(before[0])
    os.kill(pid, signal.SIGSTOP)
    try:
        now = next_leader(three, before)
        time.sleep(max(0, 10 - 2))
    finally:
        os.kill(pid, signal.SIGCONT)
    # What the old leader may still have to say, in its own words: its ballot is what its orders carry.
    inside = Inside(three, f"coordinator:{before[0]}")
    epoch = requests.get(three.url + "/api/v1/cluster", timeout=5, proxies={"http": None}).json()["ring_epoch"]
    refused = 0
    for number in range(100):
        node = f"node-{number % 3 + 1}"
        order = {"ballot": ballot, "epoch": epoch, "order": "settle", "seq": 1000 + number, "movers": []}
        answer = inside.post(node, "/leader/command", order)
        assert answer.status_code == 409, answer.text
        assert answer.json()["promised"]["counter"] >= now[1]
        refused += 1
    assert inside.post("node-1", "/leader/promise", {"ballot": ballot}).status_code == 409
    print(f"\na leader paused for 10 s: {refused} of its next 100 orders refused; epochs {before[1]} → {now[1]}")
    time.sleep(1)
    settled = leader(three)
    assert settled == now, "the one that came back does not lead, and took nothing away"
    assert promised(three, "node-1")["counter"] == now[1]


def test_uploads_need_no_leader(three, contract):
    """With all coordinators dead the ring stands, and uploads and reads go on."""
    api = Api(three.url, contract)
    for name in three.names("coordinator"):
        three.kill(name)
    time.sleep(2)
    for number in range(20):
        assert api.upload(f"NO LEADER {number}", b"%PDF-1.4 no leader").status_code in (200, 201)
        assert api.bytes(f"NO LEADER {number}").content == b"%PDF-1.4 no leader"
    for name in three.names("coordinator"):
        three.start(name)
    wait_for(lambda: leader(three), 20, "somebody leads again")
