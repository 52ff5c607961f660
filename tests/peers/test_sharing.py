"""Real sharing nodes from the start of the process to the answer of the API: three with the folders of the old system's report, one with 10,000 files; and what is refused."""
import os
import subprocess
import time

import pytest

from support.api import Api
from support.cluster import ROOT, wait_for
from support.crowd import digest_of
from support.peers import Started, files_of, lists_in_redis, model_files, pages, peer_of, search, sha256

START_SECONDS = 2
REGISTER_SECONDS = 5


@pytest.fixture(scope="module")
def net(homes):
    return homes("sharing", RB_ADOPT_AFTER=0).up()


@pytest.fixture(scope="module")
def nobody(net):
    """An Api that does not judge answers, so that asking takes no time of its own."""
    class Silent:
        def check(self, _answer):
            pass
    return Api(net.url, Silent())


def fill(folder, files):
    """Writes them all, and lets them become as old as files are that somebody has had for a while."""
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    time.sleep(1)


def holders(api, q, **params):
    """(name of the peer, of the file) of every holder found."""
    return sorted((h["name"], h["file"]) for row in search(api, q, **params) for h in row["holders"])


@pytest.fixture(scope="module")
def three(net, nobody):
    """The peers, each with the seconds from the start of its process until a search had all its files. They start one after the other, as fast as they can."""
    peers = []
    for number in range(3):
        folder = net.home / "model" / str(number)
        fill(folder, model_files(number))
        peers.append(Started(net, f"model-{number}", folder))
    began = {peer.name: peer.start() for peer in peers}
    took = {}

    def all_listed():
        found = holders(nobody, "file")
        for peer in peers:
            if peer.name not in took and [f for n, f in found if n == peer.name] == sorted(os.listdir(peer.folder)):
                took[peer.name] = time.monotonic() - began[peer.name]
        return len(took) == 3

    try:
        wait_for(all_listed, 30, "all three are listed", pause=0.02)
        yield [(peer, took[peer.name]) for peer in peers]
    finally:
        for peer in peers:
            peer.end()


def test_the_models_peers_are_listed_within_two_seconds_of_their_start(three):
    print("listed after", ", ".join(f"{took:.2f} s" for _, took in three))
    assert [len(os.listdir(peer.folder)) for peer, _ in three] == [16, 13, 13]
    assert max(took for _, took in three) <= START_SECONDS


def test_a_search_names_the_one_who_has_it_alone(net, contract, three):
    api = Api(net.url, contract)
    zero, one, two = (peer for peer, _ in three)
    assert holders(api, "file9_2.txt", exclude=zero.name) == [(one.name, "file9_2.txt")]
    assert holders(api, "file10_2.txt", exclude=zero.name) == [(one.name, "file10_2.txt"), (two.name, "file10_2.txt")]
    assert holders(api, "file9_2.txt", exclude=one.name) == []


def test_what_lands_in_a_peers_folder_makes_it_a_holder_within_two_seconds(net, nobody, three):
    zero, one = three[0][0], three[1][0]
    answer = nobody.get(f"/api/v1/peers/{one.name}/files/file9_2.txt")
    assert answer.content == (one.folder / "file9_2.txt").read_bytes()
    (zero.folder / "file9_2.txt").write_bytes(answer.content)
    landed = time.monotonic()
    wait_for(lambda: holders(nobody, "file9_2.txt") == [(zero.name, "file9_2.txt"), (one.name, "file9_2.txt")], 2, "peer 0 is a holder", pause=0.02)
    print(f"a holder after {time.monotonic() - landed:.2f} s")
    wait_for(lambda: len(search(nobody, "file9_2.txt")) == 1, 5, "the two are one row: the same hash")
    assert holders(nobody, "file9_2.txt", exclude=zero.name) == [(one.name, "file9_2.txt")]


def test_the_log_counts_each_file_of_a_whole_list_once(three):
    for (peer, _), count in zip(three, (16, 13, 13)):
        assert peer.log().count("the whole list of") == 1
        assert f"the whole list of {count} files was told anew" in peer.log()


# ---- many files

def test_ten_thousand_files_are_registered_within_five_seconds_of_the_start(net, nobody, full):
    """The short form, beside whatever else is tested, has a fourth of them."""
    count = 10_000 if full else 2500
    folder = net.home / "many"
    for number in range(20):
        (folder / f"term {number:02}").mkdir(parents=True)
    for number in range(count):
        (folder / f"term {number % 20:02}" / f"paper {number}.txt").write_bytes(b"%d" % number)
    time.sleep(1)
    unhashed, hashed = digest_of(files_of(folder, hashed=False)), digest_of(files_of(folder))
    peer = Started(net, "many", folder)
    began = peer.start()
    try:
        wait_for(lambda: (row := peer_of(nobody, "many")) and row["files"] == count, 60, "the API counts them all", pause=0.02)
        took = time.monotonic() - began
        wait_for(lambda: lists_in_redis(net).get(peer.id) == (count, hashed), 60, "all hashes are told, too")
        print(f"{count} files listed after {took:.2f} s, with their hashes after {time.monotonic() - began:.2f} s")
        names = sorted(h["file"] for row in search(nobody, "paper") for h in row["holders"])
        assert names == sorted(str(p.relative_to(folder)) for p in folder.rglob("*.txt"))
        assert unhashed != hashed and peer.log().count(f"the whole list of {count} files was told anew") == 1
        assert took <= REGISTER_SECONDS
    finally:
        peer.end()


# ---- what is refused

def test_a_failed_add_uses_up_no_name_and_spoils_no_later_start(net):
    before = sorted(path.name for path in net.home.glob("data/node-*"))
    for words in (("--share", str(net.home / "keys"), "--store", "0"), ("--zone", "z" * 500)):
        done = subprocess.run([str(ROOT / "bin/cluster"), "add", "node", *words], env=net.env, capture_output=True, text=True, check=False)
        assert done.returncode == 1 and done.stderr.strip(), done
    assert sorted(path.name for path in net.home.glob("data/node-*")) == before
    assert len(net.names("node")) == len(before)
    net.command("up")
    folder = net.home / "good"
    fill(folder, {"a.txt": b"a"})
    assert net.command("add", "node", "--share", str(folder), "--store", "0").strip() == f"node-{len(before) + 1}"


def test_a_member_of_the_ring_is_not_started_as_one_that_only_shares(net):
    folder = net.home / "of a member"
    fill(folder, {"b.txt": b"b"})
    name = net.names("node")[0]
    words = [net.program("ringbinder-node"), "--data", net.data(name), "--listen", "127.0.0.1:0", "--coordinators", net.processes()["coordinator-1"]["url"],
             "--share", str(folder), "--store", "0"]
    net.command("stop", name)
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 2 and "drain it first" in done.stderr, done
    finally:
        net.command("start", name)
    wait_for(lambda: all(n["state"] == "up" for n in Api(net.url).get("/api/v1/cluster").json()["nodes"]), 20, "it is back in the ring")
    assert sha256(b"b") not in {row["sha256"] for row in pages(Api(net.url), "/api/v1/peers/files")}
