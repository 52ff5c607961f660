"""GET /cluster, the Chord view, lookups traced by fingers, and what operators may ask: shapes are checked by the contract on the way."""
import math

import pytest

from support.api import course_path
from support.cluster import wait_for
from support.files import pdf


def test_the_cluster_tells_the_whole_picture(api):
    cluster = wait_for(lambda: counted(api), 20, "all nodes have counted")
    assert cluster["ring_state"] == "stable" and cluster["progress"] is None and cluster["moves"] == [] and cluster["bytes_to_move"] == 0
    assert cluster["index"] == "ready" and cluster["ready"] and cluster["index_up"]
    assert cluster["copies_missing"] == 0 and cluster["courses_below_k"] == 0 and cluster["courses_unreadable"] == 0
    assert cluster["clock_skew_ms"] == 0
    assert all(n["state"] == "up" and n["out_at"] is None for n in cluster["nodes"])
    # All nodes of this cluster share one machine and one disk.
    assert [w for w in cluster["warnings"] if "file system" in w]


def counted(api):
    cluster = api.get("/api/v1/cluster").json()
    return cluster if cluster["copies_missing"] == 0 else None


def test_the_ring_is_told_with_neighbours_and_fingers(api):
    ring = api.get("/api/v1/cluster/ring").json()
    nodes = sorted(ring["nodes"], key=lambda node: node["seat"])
    assert [n["seat"] for n in nodes] == list(range(ring["seats"])) and abs(sum(n["share"] for n in nodes) - 1) < 1e-9
    for i, one in enumerate(nodes):
        assert one["successor"]["node"] == nodes[(i + 1) % len(nodes)]["node"]
        assert one["predecessor"]["node"] == nodes[i - 1]["node"]
        assert "points" not in one and "fingers" not in one
        for wanted in (one["name"], one["node"]):
            answer = api.get("/api/v1/cluster/ring", params={"node": wanted}).json()
            [whole] = answer["nodes"]
            assert whole["node"] == one["node"]
            assert len(whole["points"]) == whole["tokens"] == 512 * whole["weight"] and whole["points"] == sorted(whole["points"])
            assert len(whole["fingers"]) == math.ceil(math.log2(len(nodes)))
            for row, finger in enumerate(whole["fingers"]):
                assert finger["start"] == finger["seat"] == (i + 2 ** row) % len(nodes)
                assert finger["node"]["node"] == nodes[finger["seat"]]["node"]
    assert api.get("/api/v1/cluster/ring", params={"node": "node-99"}).status_code == 404
    assert api.get("/api/v1/cluster/ring", params={"name": "node-1"}).status_code == 400


def test_a_lookup_is_traced_from_any_node(api):
    names = [n["name"] for n in api.get("/api/v1/cluster").json()["nodes"]]
    for number in range(10):
        path = course_path(f"TRACE {number}", "/placement")
        plain = api.get(path).json()
        assert "hops" not in plain and "from" not in plain
        for name in names:
            traced = api.get(path, params={"from": name}).json()
            assert traced["from"]["name"] == name and traced["owners"] == plain["owners"]
            hops = traced["hops"]
            assert len(hops) <= math.ceil(math.log2(len(names)))
            assert (hops[-1]["node"] if hops else traced["from"]["node"]) == plain["owners"][0]["node"]
    assert api.get(course_path("TRACE 1", "/placement"), params={"from": "node-99"}).status_code == 404


def test_a_dry_run_changes_nothing(api, course):
    assert api.upload(course, pdf(course)).status_code == 201
    before = api.get("/api/v1/cluster").json()
    for path, method in (("/nodes/node-1/drain", "POST"), ("/nodes/node-1/remove", "POST"), ("/replication", "PUT")):
        answer = api.request(method, "/api/v1/cluster" + path, params={"dry_run": "1"}, json={"k": 2} if method == "PUT" else None)
        # node-1 lives, so that `remove` may be refused as well.
        assert answer.status_code in (200, 409), answer.text
    after = api.get("/api/v1/cluster").json()
    assert (after["k"], after["ring_epoch"], after["ring_state"]) == (before["k"], before["ring_epoch"], before["ring_state"])
    assert all(n["state"] == "up" for n in after["nodes"])


@pytest.mark.parametrize("method, path, body, status", [
    ("PUT", "/replication", b'{"k": 0}', 400),
    ("PUT", "/replication", b'{"k": 99}', 400),
    ("PUT", "/replication", b'{"k": "3"}', 400),
    ("PUT", "/replication", b"k=3", 400),
    ("PUT", "/replication", b'{"k": 3}' + b" " * 5000, 413),
    ("POST", "/nodes/node-99/drain", b"", 404),
    ("POST", "/nodes/node-99/remove?dry_run=1", b"", 404),
    ("POST", "/nodes/node-99/undrain", b"", 404),
    ("POST", "/nodes/node-1/drain?dry_run=2", b"", 400),
    ("POST", "/nodes/node-1/drain?now=1", b"", 400),
    ("POST", "/nodes/..%2fnode-1/drain", b"", 400),
    ("DELETE", "/nodes/node-1/drain", b"", 405),
    ("GET", "/replication", b"", 405),
])
def test_bad_wishes_are_refused(api, method, path, body, status):
    before = api.get("/api/v1/cluster").json()
    assert api.request(method, "/api/v1/cluster" + path, data=body).status_code == status
    after = api.get("/api/v1/cluster").json()
    assert (after["k"], after["ring_epoch"]) == (before["k"], before["ring_epoch"])


def test_the_same_figures_are_metrics(api):
    wait_for(lambda: counted(api), 20, "all nodes have counted")
    text = api.get("/metrics").text
    told = {line.split()[0].removeprefix("ringbinder_api_"): float(line.split()[1]) for line in text.splitlines() if not line.startswith("#")}
    for name in ("copies_missing", "courses_below_k", "courses_unreadable", "bytes_to_move", "moves", "clock_skew_seconds"):
        assert told[name] == 0, name
    assert told["index_ready"] == 1 and told["hedges_total"] >= 0
