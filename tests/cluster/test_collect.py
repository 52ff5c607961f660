"""Bytes that nobody wants any more are given back, and only those (G10): orphans, and deleted versions whose time is over."""
import hashlib
import os
import pathlib
import time

import pytest

from support.api import Api
from support.cluster import wait_for
from support.files import noise
from support.fill import blobs_on
from support.inside import Inside

NODES = ("node-1", "node-2", "node-3")


@pytest.fixture(scope="module")
def forgetful(homes):
    """Deleted versions are kept for no time, orphans for a second."""
    return homes("forgetful", RB_PURGE_AFTER_H=0, RB_NODE_COLLECT_S=1).up()


def on_all(cluster, sha256):
    return sum(sha256 in blobs_on(cluster, name) for name in NODES)


def test_bytes_of_deleted_versions_go_and_their_records_stay(forgetful, contract):
    api, inside = Api(forgetful.url, contract), Inside(forgetful)
    first = api.upload("PURGED", noise(30_000, 1), filename="a.bin").json()
    second = api.upload("PURGED", noise(30_000, 2), filename="a.bin").json()
    shared = api.upload("PURGED", noise(30_000, 3), filename="a.bin").json()
    api.upload("KEEPS IT", noise(30_000, 3), filename="a.bin")
    wait_for(lambda: all(on_all(forgetful, r["sha256"]) == 3 for r in (first, second, shared)), 10, "three copies of each")
    used = [inside.inventory(name)["bytes"] for name in NODES]
    assert api.delete_course("PURGED", version=first["id"]).status_code in (200, 204)
    assert api.delete_course("PURGED", version=shared["id"]).status_code in (200, 204)
    wait_for(lambda: on_all(forgetful, first["sha256"]) == 0, 30, "the deleted version's bytes are gone")
    time.sleep(3)
    assert on_all(forgetful, second["sha256"]) == 3 and on_all(forgetful, shared["sha256"]) == 3, "another course has those too"
    for name, before in zip(NODES, used):
        found = inside.inventory(name)
        assert found["bytes"] == before - 30_000 and found["collected"]["bytes"] == 30_000
        assert (found["needs"], found["quarantined"]) == (0, 0), "given up on purpose, not missing"
    assert sum(inside.inventory(name)["census"]["missing"] for name in NODES) == 0
    assert api.bytes("PURGED").content == noise(30_000, 2)
    assert api.bytes("KEEPS IT").content == noise(30_000, 3)
    gone = api.restore("PURGED", version=first["id"])
    assert gone.status_code == 410, gone.text
    # A scrub does not look for them either.
    at = inside.post("node-1", "/scrub", {"now": True}).json()["at"]
    scrub = wait_for(lambda: (lambda s: not s["running"] and s["began"] >= at and s)(inside.inventory("node-1")["scrub"]), 30, "the scrub is over")
    assert (scrub["bad"], scrub["missing"]) == (0, 0)
    again = api.upload("PURGED", noise(30_000, 1), filename="a.bin")
    assert again.status_code == 201 and api.bytes("PURGED").content == noise(30_000, 1)


def test_a_blob_without_a_record_goes(forgetful, contract):
    inside = Inside(forgetful)
    name = "node-2"
    before = inside.inventory(name)
    data = b"left by an upload that never got its record"
    sha256 = hashlib.sha256(data).hexdigest()
    path = pathlib.Path(forgetful.data(name)) / "blobs" / sha256[:2] / sha256[2:4] / sha256
    os.makedirs(path.parent, exist_ok=True)
    path.write_bytes(data)
    wait_for(lambda: not path.exists(), 30, "it is removed")
    assert inside.inventory(name)["collected"]["files"] == before["collected"]["files"] + 1
