"""Peers that share their own folders, through the API: who is there, what they have, their bytes, and what the ring adopts. Answers are checked by the contract on the way."""
import hashlib
import itertools
import os
import signal
import socket
import time

import pytest
import requests

from support import raw
from support.api import Api, course_path
from support.cluster import free_ports, wait_for
from support.peers import SHARED_BY_TWO, Peer, content, file_path, listed, model_files, pages, peer_of, search, sha256, wait_hashed, wait_listed

ADOPT_AFTER = 3
TTL_S = 1.5
HARD_NAMES = ["plain.txt", "a folder/with space.pdf", "ümläut ⚙ 文件.txt", "per%cent%2F.txt", "ques?tion#hash.txt", "quote\"and'tick.html", "semi;colon&and=.txt",
              "back\\slash.txt", "+plus+.txt", "-dash", "deep/er/and/deeper/x.bin", "ends in dot.", "sources", "files", "syllabus", "trailing space ", "name:with:colons.txt"]


@pytest.fixture(scope="module")
def network(homes):
    return homes("peers", RB_ADOPT_AFTER=ADOPT_AFTER, RB_INDEX_PORT=free_ports(4)).up()


@pytest.fixture
def papi(network, contract):
    return Api(network.url, contract)


@pytest.fixture(scope="module")
def peers(network, tmp_path_factory):
    base = tmp_path_factory.mktemp("folders")
    made = [Peer(network, base / str(number), model_files(number)) for number in range(3)]
    api = Api(network.url)
    for peer in made:
        wait_listed(api, peer)
    return made


def extra(peers, api, files):
    """Adds files to the first peer and waits until they are listed."""
    for name, data in files.items():
        peers[0].write(name, data)
    wait_listed(api, peers[0])


# ---- who is there

def test_the_models_folders_are_listed(papi, peers):
    assert [len(peer.names()) for peer in peers] == [16, 13, 13]
    for peer in peers:
        row = wait_for(lambda p=peer: (r := peer_of(papi, p.name)) and r["files"] == len(p.names()) and r, 5, "the count is right")
        assert row["state"] == "here" and row["stores"] is False and row["id"].startswith(peer.name + ".") and row["since"] and row["heard_at"]


def test_peers_are_no_part_of_the_ring(papi, peers):
    cluster = papi.get("/api/v1/cluster").json()
    shown = {node["name"] for node in cluster["nodes"]}
    assert not shown & {peer.name for peer in peers} and len(shown) == 3
    assert cluster["k_effective"] == 3 and cluster["ready"]
    assert {node["name"] for node in papi.get("/api/v1/cluster/ring").json()["nodes"]} == shown


def test_pages_of_peers_hold_each_once(papi, peers):
    names = [row["name"] for row in pages(papi, "/api/v1/peers", limit=1)]
    assert names == sorted(names) and set(names) >= {peer.name for peer in peers} and len(names) == len(set(names))


# ---- what they share

def test_a_search_names_who_has_it_and_leaves_the_asker_out(papi, peers):
    [row] = search(papi, "file9_2.txt")
    assert [h["name"] for h in row["holders"]] == [peers[1].name] and row["adopted"] is False
    for asker in (peers[0].name, peer_of(papi, peers[0].name)["id"], "nobody-here"):
        assert [h["name"] for r in search(papi, "file9_2.txt", exclude=asker) for h in r["holders"]] == [peers[1].name]
    assert search(papi, "file9_2.txt", exclude=peers[1].name) == []
    assert search(papi, "no such name anywhere") == []


def test_what_was_typed_comes_before_what_only_reads_like_it(papi, peers):
    """Names are found by their words run together, too: file10 is in file1_0.txt."""
    names = [row["name"] for row in search(papi, "file10")]
    assert "file1_0.txt" in names and sorted(names[:names.index("file1_0.txt")]) == sorted({f"file10_{n}.txt" for n in range(3)})


def test_the_same_bytes_on_two_peers_are_one_row(papi, peers):
    rows = wait_hashed(papi, "file10_2.txt")
    wait_for(lambda: len(search(papi, "file10_2.txt")) == 1, 10, "the two are one row")
    [row] = search(papi, "file10_2.txt")
    assert row["sha256"] == sha256(SHARED_BY_TWO) and row["size"] == len(SHARED_BY_TWO), rows
    assert {h["name"] for h in row["holders"]} == {peers[1].name, peers[2].name}
    [row] = search(papi, "file10_2.txt", exclude=peers[1].name)
    assert {h["name"] for h in row["holders"]} == {peers[2].name}


@pytest.mark.parametrize("limit", [1, 7, 200])
def test_pages_of_files_neither_repeat_nor_skip(papi, peers, limit):
    expected = sorted(itertools.chain.from_iterable(peer.names() for peer in peers))
    wait_hashed(papi, "file")
    rows = search(papi, limit=limit)
    assert sorted(h["file"] for row in rows for h in row["holders"]) == expected
    assert [row["name"] for row in rows] == [row["name"] for row in search(papi)], "the order does not depend on the page"


def test_changes_of_a_folder_are_seen_within_two_seconds(papi, peers):
    peer = peers[0]
    peer.write("new one.txt", b"1")
    wait_for(lambda: listed(papi, peer.name, "new one"), 2, "a new file is listed")
    (peer.folder / "new one.txt").rename(peer.folder / "renamed.txt")
    wait_for(lambda: listed(papi, peer.name, "renamed") and not listed(papi, peer.name, "new one"), 2, "a renamed file is listed")
    peer.remove("renamed.txt")
    wait_for(lambda: not listed(papi, peer.name, "renamed"), 2, "a removed file is not")


# ---- bytes

def test_bytes_come_straight_from_the_peer_as_they_are(papi, peers):
    data = content("peer 1", "file9_2.txt")
    wait_hashed(papi, "file9_2.txt")
    for peer in (peers[1].name, peer_of(papi, peers[1].name)["id"]):
        answer = papi.get(file_path(peer, "file9_2.txt"))
        assert answer.status_code == 200 and answer.content == data
        headers = answer.headers
        assert headers["Content-Type"] == "application/octet-stream" and headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Disposition"].startswith('attachment; filename="file9_2.txt"') and "sandbox" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin" and headers["Accept-Ranges"] == "bytes" and "Last-Modified" in headers
        assert not [name for name in headers if name.lower().startswith(("x-accel", "x-node", "x-cap", "x-shared"))]


def test_ranges_and_conditions(papi, peers):
    path, data = file_path(peers[1].name, "file9_2.txt"), content("peer 1", "file9_2.txt")
    tag = wait_for(lambda: (t := papi.get(path).headers["ETag"]) == f'"{sha256(data)}"' and t, 10, "the tag is the hash")
    part = papi.get(path, headers={"Range": "bytes=5-24"})
    assert part.status_code == 206 and part.content == data[5:25] and part.headers["Content-Range"] == f"bytes 5-24/{len(data)}"
    assert "sandbox" in part.headers["Content-Security-Policy"]
    assert papi.get(path, headers={"Range": "bytes=-7"}).content == data[-7:]
    assert papi.get(path, headers={"Range": f"bytes={len(data)}-"}).status_code == 416
    assert papi.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert papi.get(path, headers={"Range": "bytes=0-3", "If-Range": '"other"'}).content == data
    head = papi.head(path)
    assert head.status_code == 200 and head.content == b"" and int(head.headers["Content-Length"]) == len(data) and head.headers["ETag"] == tag


def test_any_name_that_a_folder_can_have(papi, peers):
    extra(peers, papi, {name: content("hard", name) for name in HARD_NAMES})
    try:
        for name in HARD_NAMES:
            answer = papi.get(file_path(peers[0].name, name))
            assert answer.status_code == 200 and answer.content == content("hard", name), name
            assert "\r" not in answer.headers["Content-Disposition"] and answer.headers["Content-Disposition"].startswith("attachment; ")
    finally:
        for name in HARD_NAMES:
            peers[0].remove(name)
        wait_listed(papi, peers[0])


def test_nothing_outside_of_the_folder_is_named(papi, peers, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("not shared")
    folder = peers[0].folder
    (folder / "way out.txt").symlink_to(secret)
    (folder / "way out").symlink_to(tmp_path)
    (folder / ".hidden.txt").write_text("hidden")
    (folder / "half.part").write_text("unfinished")
    try:
        extra(peers, papi, {"after.txt": b"a look at the folder came behind these"})
        assert not {"way out.txt", "way out/secret.txt", ".hidden.txt", "half.part"} & set(listed(papi, peers[0].name))
        for name in ("way out.txt", "way out/secret.txt", ".hidden.txt", "half.part", str(secret), "/etc/passwd", "a\r\nX-Accel-Redirect: /_blob/x", "x" * 1025, "no\x7fname"):
            assert papi.get(file_path(peers[0].name, name)).status_code == 404, name
        for name in ("..%2F..%2Fetc%2Fpasswd", "%2e%2e%2fsecret.txt", "a%2F..%2F..%2Fb", "..%5Csecret.txt", "a%00b", "%C0%AE%C0%AE"):
            status, _, body = raw.exchange(papi_port(papi), f"GET /api/v1/peers/{peers[0].name}/files/{name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            assert status == 400 and b"root:" not in body, name
        for path in ("/_shared", "/_shared/x"):
            assert papi.get(path).status_code == 404
    finally:
        for name in ("way out.txt", "way out", ".hidden.txt", "half.part", "after.txt"):
            (folder / name).unlink()
        wait_listed(papi, peers[0])


def papi_port(papi):
    return int(papi.url.rsplit(":", 1)[1])


@pytest.mark.parametrize("path, status", [
    ("/api/v1/peers?limit=0", 400), ("/api/v1/peers?limit=201", 400), ("/api/v1/peers?q=x", 400), ("/api/v1/peers?cursor=x", 400),
    ("/api/v1/peers/files?limit=x", 400), ("/api/v1/peers/files?cursor=%21", 400), ("/api/v1/peers/files?q=" + "x" * 1025, 400),
    ("/api/v1/peers/files/xyz", 400), ("/api/v1/peers/files/xyz/sources", 400), ("/api/v1/peers/files/" + "0" * 64, 404),
    ("/api/v1/peers/files/" + "0" * 64 + "/sources", 404), ("/api/v1/peers/nobody/files/x", 404), ("/api/v1/peers/nobody", 404),
])
def test_what_is_not_there_or_malformed(papi, peers, path, status):
    assert papi.get(path).status_code == status


def test_other_methods_are_refused(papi, peers):
    for method in ("PUT", "POST", "DELETE"):
        assert papi.request(method, file_path(peers[0].name, "file1_0.txt"), data=b"x").status_code == 405


def test_a_file_that_was_removed_is_gone(papi, peers):
    extra(peers, papi, {"short-lived.txt": b"x" * 100})
    path = file_path(peers[0].name, "short-lived.txt")
    assert papi.get(path).status_code == 200
    peers[0].remove("short-lived.txt")
    assert papi.get(path).status_code in (404, 503)  # at once: the peer itself says so
    wait_for(lambda: papi.get(path).status_code == 404, 3, "the index says so too")


# ---- blocks

def blocks_of(data, block_bytes):
    return [hashlib.sha256(data[at:at + block_bytes]).hexdigest() for at in range(0, len(data), block_bytes)]


def from_source(source, digest, **headers):
    """GET of a whole copy, as the command line does it."""
    if source["kind"] == "ring":
        url = f"{source['url']}/blobs/{digest}"
    else:
        url = f"{source['url']}/files/{requests.utils.quote(source['file'], safe='')}"
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, headers={"Authorization": source["capability"], **headers}, timeout=10)


def test_sources_tell_the_blocks_and_open_just_this_file(papi, peers):
    data = b"".join(bytes([number]) * (1 << 20) for number in range(3)) + b"tail"
    digest = sha256(data)
    for peer in peers[1:]:
        peer.write("large one.bin", data)
    wait_for(lambda: [len(row["holders"]) for row in search(papi, "large one.bin") if row["sha256"] == digest] == [2], 15, "both are hashed")
    path = f"/api/v1/peers/files/{digest}/sources"
    found = papi.get(path).json()
    assert (found["size"], found["block_bytes"]) == (len(data), 1 << 20) and found["blocks"] == blocks_of(data, 1 << 20)
    assert {s["name"] for s in found["sources"]} == {peer.name for peer in peers[1:]}
    for source in found["sources"]:
        assert source["kind"] == "shared" and source["file"] == "large one.bin"
        assert from_source(source, digest).content == data
        part = from_source(source, digest, Range=f"bytes={1 << 20}-{(2 << 20) - 1}")
        assert part.status_code == 206 and sha256(part.content) == found["blocks"][1]
        other = {**source, "file": "file10_2.txt"}
        assert from_source(other, digest).status_code in (401, 403)
        assert from_source({**source, "capability": source["capability"][:-1] + "x"}, digest).status_code in (401, 403)
    left = papi.get(path, params={"exclude": peers[1].name}).json()["sources"]
    assert [s["name"] for s in left] == [peers[2].name]
    for peer in peers[1:]:
        peer.remove("large one.bin")
    wait_listed(papi, peers[1])


# ---- adoption

def adopted(api, digest):
    answer = api.get(f"/api/v1/peers/files/{digest}")
    return answer if answer.status_code == 200 else None


def test_what_many_fetch_is_adopted_and_outlives_its_peer(papi, peers, network, tmp_path):
    name, data = "popular paper.pdf", content("x", "popular") * 60000  # no PDF: an upload would be refused, a shared file is what it is
    digest = sha256(data)
    peer = Peer(network, tmp_path / "leaving", {name: data})
    wait_hashed(papi, "popular paper", 15)
    path = file_path(peer.name, name)
    for _ in range(ADOPT_AFTER - 1):
        assert papi.get(path).content == data
    for _ in range(5):
        papi.head(path)
        papi.get(path, headers={"Range": "bytes=9-20"})
    time.sleep(1)
    assert adopted(papi, digest) is None, "neither HEAD nor the middle of a file counts"
    assert papi.get(path).content == data
    answer = wait_for(lambda: adopted(papi, digest), 20, "the file is adopted")
    assert answer.content == data and answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="popular paper.pdf"')
    assert papi.get(f"/api/v1/peers/files/{digest}", headers={"Range": "bytes=0-7"}).content == data[:8]
    row = wait_for(lambda: next((r for r in search(papi, "popular paper") if r["adopted"]), None), 5, "the row says so")
    assert [h["name"] for h in row["holders"]] == [peer.name]
    found = papi.get(f"/api/v1/peers/files/{digest}/sources").json()
    assert found["blocks"] == blocks_of(data, found["block_bytes"]) and {s["kind"] for s in found["sources"]} == {"ring", "shared"}
    for source in found["sources"]:
        assert from_source(source, digest).content == data
    network.kill(peer.name)
    wait_for(lambda: search(papi, "popular paper")[0]["holders"] == [], TTL_S + 2, "the peer is gone, the row stays")
    assert adopted(papi, digest).content == data
    assert {s["kind"] for s in papi.get(f"/api/v1/peers/files/{digest}/sources").json()["sources"]} == {"ring"}


def test_further_requests_of_one_download_do_not_count(papi, peers, network):
    name, data = "asked again and again.txt", content("peer 0", "again") * 2000
    extra(peers, papi, {name: data})
    digest = wait_hashed(papi, "asked again")[0]["sha256"]
    path, sources, key = file_path(peers[0].name, name), f"/api/v1/peers/files/{digest}/sources", f"rb:pd:{digest}"
    assert papi.get(sources).status_code == 200 and network.redis().get(key) == b"1"
    for _ in range(2 * ADOPT_AFTER):
        assert papi.get(sources, params={"counted": "1"}).status_code == 200
        assert papi.get(sources, params={"counted": "1", "blocks_of": peers[0].name}).json()["blocks"] == blocks_of(data, 1 << 20)
        assert papi.get(path, params={"counted": "1"}, headers={"Range": "bytes=0-99"}).content == data[:100]
    assert network.redis().get(key) == b"1"
    assert papi.get(path, params={"counted": "0"}).content == data and network.redis().get(key) == b"2"
    assert adopted(papi, digest) is None
    assert papi.get(sources, params={"blocks_of": peers[1].name}).status_code == 404
    peers[0].remove(name)
    wait_listed(papi, peers[0])


def test_an_adoption_is_no_upload_in_the_stream_of_events(papi, peers, network):
    [row] = [row for row in search(papi, "popular paper") if row["adopted"]]
    events = [{name.decode(): text.decode() for name, text in fields.items()} for _, fields in network.redis().xrange("rb:events")]
    assert {event["kind"] for event in events if event.get("key", "").startswith("peer/")} == {"adopted"}
    [event] = [event for event in events if event.get("key") == f"peer/{row['sha256']}"]
    assert event.keys() == {"kind", "name", "key", "id", "at", "size"} and (event["name"], event["size"]) == ("popular paper.pdf", str(row["size"]))
    assert abs(int(event["at"]) / 1000 - time.time()) < 600


def test_an_adopted_file_is_no_course(papi, peers):
    digests = [row["sha256"] for row in search(papi) if row["adopted"]]
    assert digests, "the test before has adopted one"
    for spelling in (f"peer/{digests[0]}", f"PEER/{digests[0]}", f"p e-e_r/{digests[0]}"):
        assert papi.get(course_path(spelling)).status_code == 400
        assert papi.upload(spelling, b"%PDF-1.4 mine").status_code == 400
        assert papi.delete(course_path(spelling, "/syllabus")).status_code == 400
    assert not [c for c in papi.get("/api/v1/courses", params={"limit": "200"}).json()["items"] if c["key"].startswith("peer/")]
    assert papi.get("/api/v1/courses", params={"q": "popular"}).json()["items"] == []


# ---- peers that speak no HTTP

def test_the_file_of_a_plain_peer_is_named_and_says_why_it_cannot_come_from_here(papi, peers, network):
    data = content("peer 0", "of two kinds.txt")
    extra(peers, papi, {"of two kinds.txt": data})
    with socket.create_connection(("127.0.0.1", network.processes()["coordinator-1"]["index_port"]), timeout=10) as line:
        answers = line.makefile("rb")
        number = int(answers.readline())
        for command in (f"LISTEN:{number}:4711", f"REGISTER:{number}:of two kinds.txt", f"REGISTER:{number}:only by lines.txt"):
            line.sendall(command.encode() + b"\n")
            assert answers.readline() == b"DONE\n"
        [row] = wait_for(lambda: search(papi, "only by lines"), 5, "it is listed")
        [holder] = row["holders"]
        assert holder["url"].startswith("plain://") and row["sha256"] is None
        answer = papi.get(file_path(holder["peer"], "only by lines.txt"))
        assert answer.status_code == 409 and "line protocol" in answer.json()["detail"]
        # The same name at a peer of both kinds: only who can be asked by HTTP is a source.
        digest = wait_for(lambda: next((r["sha256"] for r in search(papi, "of two kinds") if r["sha256"]), None), 10, "its hash is known")
        found = papi.get(f"/api/v1/peers/files/{digest}/sources").json()
        assert [s["name"] for s in found["sources"]] == [peers[0].name] and all(s["url"].startswith("http://") for s in found["sources"])
    peers[0].remove("of two kinds.txt")
    wait_listed(papi, peers[0])


# ---- peers that leave

def test_a_killed_peer_vanishes_with_its_entries_and_comes_back(papi, peers, network):
    peer = peers[2]
    path, data = file_path(peer.name, "file3_2.txt"), content("peer 2", "file3_2.txt")
    assert papi.get(path).content == data
    network.kill(peer.name)
    wait_for(lambda: not listed(papi, peer.name), TTL_S + 1, "its entries are gone")
    gone = papi.get(path)
    assert gone.status_code == 410 and "left" in gone.json()["detail"]
    assert peer_of(papi, peer.name)["state"] in ("quiet", "gone")
    network.start(peer.name)
    wait_listed(papi, peer, 10)
    assert papi.get(path).content == data


def test_a_peer_that_does_not_answer_is_a_503(papi, peers, network):
    peer = peers[2]
    path = file_path(peer.name, "file3_2.txt")
    network.kill(peer.name)
    answer = papi.get(path)  # its heartbeat still counts
    assert answer.status_code in (410, 503)
    if answer.status_code == 503:
        assert "does not answer" in answer.json()["detail"] and answer.headers["Retry-After"]
    network.start(peer.name)
    wait_listed(papi, peer, 10)


def test_without_the_index_nothing_is_said_of_peers(papi, peers, network):
    redis = network.kill("redis", signal.SIGSTOP)
    try:
        wait_for(lambda: papi.get("/api/v1/peers").status_code == 503, 5, "the index is missed")
        for path in ("/api/v1/peers", "/api/v1/peers/files", file_path(peers[0].name, "file1_0.txt"), "/api/v1/peers/files/" + "0" * 64 + "/sources"):
            answer = papi.get(path)
            assert answer.status_code == 503 and answer.headers["Retry-After"] and "index" in answer.json()["detail"], path
    finally:
        os.kill(redis, signal.SIGCONT)
    wait_for(lambda: papi.get("/api/v1/peers").status_code == 200, 10, "the index is back")
    for peer in peers:
        wait_listed(papi, peer, 10)
