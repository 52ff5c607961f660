"""A node is away while files are deleted and uploaded, and comes back: nothing is resurrected, nothing is missing (issue B, show 7)."""
import contextlib
import sqlite3
import time

import pytest

from support.api import course_path
from support.cluster import wait_for
from support.fill import fill, parallel, read_all
from support.inside import Inside

AWAY = "node-3"
OTHERS = ("node-1", "node-2")


def delete_all(url, names):
    def one(http, course):
        answer = http.delete(url + course_path(course, "/syllabus"), timeout=30)
        assert answer.status_code in (200, 204), (course, answer.status_code, answer.text)
    parallel(one, names)


def states(url, names):
    def one(http, course):
        return http.get(url + course_path(course, "/syllabus"), timeout=30).status_code
    return set(parallel(one, names))


def holdings(inside, name):
    """What a node has, as it says itself: {key: {record id}}."""
    found, after = {}, ""
    while after is not None:
        answer = inside.get(name, f"/courses?limit=500&after={after}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found.update({c["key"]: {r["id"] for r in c["records"]} for c in page["courses"]})
        after = page["next"]
        after = None if after is None else course_path(after)[len("/api/v1/courses/"):]
    return found


def missing_by_census(inside, names):
    counts = [inside.inventory(name)["census"] for name in names]
    return None if None in counts else sum(c["missing"] for c in counts)


def forget_hints(cluster, names):
    """As if the keepers had died with their disks' last second: entropy alone has to find what was missed."""
    dropped = 0
    for name in names:
        with contextlib.closing(sqlite3.connect(cluster.data(name) / "records.db", timeout=10)) as db:
            dropped += db.execute("DELETE FROM hint").rowcount
            db.commit()
    return dropped


@pytest.mark.parametrize("hints", ["with their hints", "without any hint"])
def test_a_node_that_missed_deletes_and_versions_catches_up(fragile, full, hints):
    count = 500 if full else 60
    inside = Inside(fragile)
    prefix = "AWAY A" if hints == "with their hints" else "AWAY B"
    doomed = fill(fragile.url, count, 600, prefix + " GONE")
    kept = fill(fragile.url, count, 600, prefix + " KEPT")
    wait_for(lambda: holdings(inside, AWAY) == holdings(inside, OTHERS[0]), 30, "all owners are equal before")
    fragile.kill(AWAY)
    delete_all(fragile.url, doomed)
    newer = fill(fragile.url, count, 700, prefix + " KEPT")
    assert set(newer) == set(kept)
    wait_for(lambda: (missing_by_census(inside, OTHERS) or 0) >= count, 8, "the copies that are away are counted as missing")
    dropped = forget_hints(fragile, OTHERS) if hints == "without any hint" else 0
    started = time.monotonic()
    fragile.start(AWAY)
    truth = holdings(inside, OTHERS[0])
    wait_for(lambda: holdings(inside, AWAY) == truth == holdings(inside, OTHERS[1]), 60, "all owners are equal again", pause=0.2)
    wait_for(lambda: inside.inventory(AWAY)["needs"] == 0, 60, "all blobs are there")
    took = time.monotonic() - started
    wait_for(lambda: missing_by_census(inside, (*OTHERS, AWAY)) == 0, 15, "no copy counts as missing")
    # Now the one that was away has to answer for them.
    fragile.kill(OTHERS[0])
    assert states(fragile.url, doomed) <= {404, 410}, "a deleted file came back"
    assert read_all(fragile.url, newer) == []
    fragile.start(OTHERS[0])
    pulled = inside.inventory(AWAY)["entropy"]["pulled"]
    print(f"\n{count} deletes and {count} versions missed, {hints} ({dropped} forgotten): equal again {took:.1f} s after its start, {pulled} courses by entropy")
