"""`ringbinder obtain` and `share` against a real cluster (issue C, show 4): four holders at once, a liar, kill -9, and a folder shared from the command line."""
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import pytest
from support.api import Api
from support.cluster import alive, free_port, wait_for
from support.files import noise
from support.holder import MIB
from support.lying_peer import LyingPeer
from support.outside import environment
from support.peers import Peer, content, listed, model_files, search, wait_hashed, wait_listed
from support.ringbinder import BIN, Ringbinder

RATE = 20_000_000
NAME = "lectures/film.mp4"


class Four:
    """A cluster with four peers that have the same large file, each giving RATE bytes a second."""

    def __init__(self, homes, size):
        self.data = noise(size, 256)
        self.sha256 = hashlib.sha256(self.data).hexdigest()
        self.cluster = homes("obtain", RB_NODE_LIMIT_RATE=RATE, RB_ADOPT_AFTER=1000, RB_OUT_AFTER_S=3600).up()
        self.api = Api(self.cluster.url)
        folders = self.cluster.home / "folders"
        self.peers = [Peer(self.cluster, folders / str(n), {NAME: self.data}) for n in range(4)]
        wait_for(lambda: self.holders() == 4, 60, "four holders of one content")

    def holders(self):
        rows = wait_hashed(self.api, "film")
        return len(rows[0]["holders"]) if len(rows) == 1 else 0

    def user(self, folder, **env):
        return Ringbinder(self.cluster.url, folder, **env)

    def downloads(self):
        """How often it was downloaded, as adoption counts it."""
        return int(self.cluster.redis().get(f"rb:pd:{self.sha256}") or 0)


@pytest.fixture(scope="module")
def four(homes, full):
    return Four(homes, (256 if full else 96) * MIB)


def test_four_holders_give_three_times_as_fast_as_one(four, tmp_path):
    one = four.user(tmp_path).json("obtain", NAME, "--from", four.peers[0].name, "-o", "one")
    all_four = four.user(tmp_path).json("obtain", NAME, "-o", "four")
    assert (tmp_path / "one").read_bytes() == four.data and (tmp_path / "four").read_bytes() == four.data
    print(f"one holder {len(four.data) / one['ms'] / 1000:.1f} MB/s, four {len(four.data) / all_four['ms'] / 1000:.1f} MB/s")
    assert len(four.data) / one["ms"] * 1000 < RATE * 1.15, one["ms"]
    assert one["ms"] >= 3 * all_four["ms"], (one["ms"], all_four["ms"])
    assert sum(s["blocks"] > 0 for s in all_four["sources"]) == 4


def test_a_holder_that_sends_wrong_bytes_is_dropped_and_named(four, tmp_path):
    liar = LyingPeer(four.cluster, "liar", NAME, four.data, noise(len(four.data), 9))
    try:
        wait_for(lambda: four.holders() == 5, 10, "the liar is listed")
        done = four.user(tmp_path).run("obtain", NAME)
    finally:
        liar.stop()
    assert (tmp_path / "film.mp4").read_bytes() == four.data
    assert "liar gave wrong bytes" in done.stderr
    assert "liar" not in done.stdout
    wait_for(lambda: four.holders() == 4, 10, "the liar is gone")


def test_a_killed_download_resumes_and_fetches_the_first_half_no_more(four, tmp_path):
    user = four.user(tmp_path)
    process = subprocess.Popen([str(BIN / "ringbinder"), "obtain", NAME], cwd=tmp_path, env=user.env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    marks, counted = tmp_path / "film.mp4.part.map", four.downloads()

    def here():
        return marks.read_text().splitlines()[4].count("1") if marks.exists() and marks.read_text().count("\n") == 5 else 0

    wait_for(lambda: here() >= len(four.data) // MIB // 2, 60, "half of it is here", pause=0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = here()
    assert not (tmp_path / "film.mp4").exists()
    told = user.json("obtain", NAME)
    assert (tmp_path / "film.mp4").read_bytes() == four.data
    assert told["resumed_bytes"] == before * MIB
    # What came now is the rest, and at most a few blocks twice at the end.
    assert told["fetched_bytes"] <= len(four.data) - before * MIB + 4 * MIB
    print(f"{before} of {len(four.data) // MIB} MiB were here when it was killed; {told['fetched_bytes'] / MIB:.1f} MiB came after that")
    assert four.downloads() == counted + 1, "gone on with, it is still one download"


def test_a_long_download_counts_once(four, full, tmp_path):
    """It asks for its sources again while it runs, because what opens them ends after 50 s."""
    if not full:
        pytest.skip("takes a minute")
    before = four.downloads()
    told = four.user(tmp_path).json("obtain", NAME, "--limit-rate", len(four.data) // 55)
    assert (tmp_path / "film.mp4").read_bytes() == four.data and told["ms"] > 50_000
    assert four.downloads() == before + 1


# ---- from outside of the peers' network

@pytest.mark.parametrize("silent", [False, True])
def test_a_laptop_outside_of_the_network_gets_it_through_the_front(four, tmp_path, silent):
    with socket.create_server(("127.0.0.1", 0), backlog=64) as deaf:
        outside = environment(tmp_path, four.cluster.port, deaf.getsockname()[1] if silent else None)
        user = four.user(tmp_path, **outside)
        done = user.run("obtain", NAME)
        assert "Nobody who has it can be reached directly: it comes through http://" in done.stderr
        assert (tmp_path / "film.mp4").read_bytes() == four.data
        told = user.json("obtain", NAME, "-o", "again")
    assert (tmp_path / "again").read_bytes() == four.data
    assert {s["front"] for s in told["sources"] if s["blocks"] > 0} == {True}
    print(f"through the front: {len(four.data) / told['ms'] / 1000:.1f} MB/s")


def test_a_killed_download_goes_on_through_the_front(four, tmp_path):
    """At home half of it, the rest from elsewhere."""
    process = four.user(tmp_path).begin("obtain", NAME, "--limit-rate", "20M")
    marks = tmp_path / "film.mp4.part.map"
    wait_for(lambda: marks.exists() and marks.read_text().count("1") > len(four.data) // MIB // 2 + 20, 60, "half of it is here", pause=0.01)
    process.end(signal.SIGKILL)
    told = four.user(tmp_path, **environment(tmp_path, four.cluster.port)).json("obtain", NAME)
    assert (tmp_path / "film.mp4").read_bytes() == four.data
    assert told["resumed_bytes"] > len(four.data) * 0.4 and told["fetched_bytes"] <= len(four.data) - told["resumed_bytes"] + 4 * MIB


def test_a_holder_killed_on_the_way_does_not_matter(four, tmp_path):
    user = four.user(tmp_path)
    victim = four.peers[3].name
    timer = threading.Timer(0.6, lambda: four.cluster.kill(victim))
    timer.start()
    done = user.run("obtain", NAME)
    timer.join()
    assert (tmp_path / "film.mp4").read_bytes() == four.data, done.stderr
    four.cluster.start(victim)
    wait_for(lambda: four.holders() == 4, 30, "it is back with its list")


# ---- the model's three peers

@pytest.fixture(scope="module")
def model(four):
    """The folders of the model's report: 16, 13 and 13 files."""
    made = [Peer(four.cluster, four.cluster.home / "folders" / f"model-{n}", model_files(n)) for n in range(3)]
    for peer in made:
        wait_listed(four.api, peer)
    return made


def test_the_models_story_from_the_command_line(four, model, tmp_path):
    """A peer looks for what it does not have, fetches it into its own folder, and has it for the others from then on."""
    asker, other = model[0], model[1]
    user = four.user(asker.folder)
    lines = [line.split("\t") for line in user.run("peers").stdout.splitlines()]
    assert {line[0]: line[2] for line in lines if line[0] in [p.name for p in model]} == dict(zip([p.name for p in model], ["16", "13", "13"]))
    wait_hashed(four.api, "file9_2.txt")
    found = user.run("peers", "find", "file9_2.txt", "--exclude", asker.name).stdout.splitlines()
    assert [line.split("\t")[:3] for line in found] == [["file9_2.txt", str(len(content("peer 1", "file9_2.txt"))), other.name]]
    user.run("obtain", "file9_2.txt", "--exclude", asker.name)
    began = time.monotonic()
    assert (asker.folder / "file9_2.txt").read_bytes() == (other.folder / "file9_2.txt").read_bytes() == content("peer 1", "file9_2.txt")
    wait_for(lambda: four.user(tmp_path).run("peers", "find", "file9_2.txt").stdout.rstrip("\n").split("\t")[2] == f"{asker.name}, {other.name}", 2,
             "the asker has it for others too")
    print(f"a holder after {time.monotonic() - began:.2f} s")
    assert sorted(p.name for p in asker.folder.iterdir()) == sorted([*model_files(0), "file9_2.txt"])
    both = user.run("peers", "find", "file10_2.txt", "--exclude", asker.name).stdout.splitlines()
    assert [line.split("\t")[2] for line in both] == [f"{model[1].name}, {model[2].name}"]


# ---- share

def share_words(cluster):
    urls = ",".join(cluster.processes()[name]["url"] for name in cluster.names("coordinator"))
    return ["--coordinators", urls, "--key", str(cluster.home / "keys" / "cluster.key")]


class Sharing:
    """`ringbinder share` in the background of a test."""

    def __init__(self, user, folder, *words):
        self.process = subprocess.Popen([str(BIN / "ringbinder"), "share", str(folder), *words], cwd=user.folder, env=user.env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def children(self):
        return [int(p) for p in open(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read().split()]

    def end(self, how=signal.SIGINT):
        self.process.send_signal(how)
        out, errors = self.process.communicate(timeout=30)
        return self.process.returncode, out, errors


def test_a_folder_is_shared_from_the_command_line(four, tmp_path):
    """It is listed, can be obtained, what is obtained into it is listed too, it keeps its identity, and it ends cleanly."""
    home, folder, elsewhere = tmp_path / "home", tmp_path / "mine", tmp_path / "other"
    for path in (home, folder, elsewhere):
        path.mkdir()
    (folder / "notes of mine.txt").write_bytes(b"these are my notes\n" * 50)
    user = four.user(home)
    sharing = Sharing(user, folder, *share_words(four.cluster), "--name", "my-laptop", "--limit-rate", "5M")
    try:
        wait_for(lambda: listed(four.api, "my-laptop") == ["notes of mine.txt"], 10, "the folder is listed")
        identity = (home / ".local/share/ringbinder/peer/node.json").read_text()
        lines = user.run("peers").stdout.splitlines()
        assert any(line.split("\t")[:4] == ["my-laptop", "here", "1", "no"] for line in lines), lines
        wait_hashed(four.api, "notes of mine")
        four.user(elsewhere).run("obtain", "notes of mine.txt", "--from", "my-laptop")
        assert (elsewhere / "notes of mine.txt").read_bytes() == b"these are my notes\n" * 50
        # What is downloaded into the folder is its own from then on, and nothing of the way there is listed.
        four.user(folder).run("obtain", NAME, "--from", four.peers[1].name)
        wait_for(lambda: listed(four.api, "my-laptop") == ["film.mp4", "notes of mine.txt"], 10, "the download is listed")
        children = sharing.children()
        assert len(children) == 1
    finally:
        code, out, errors = sharing.end()
    assert code == 0 and "Sharing" in out and "not shared any more" in out, (code, out, errors)
    assert not alive(children[0])
    wait_for(lambda: not search(four.api, "notes of mine"), 10, "it is gone from the index")
    again = Sharing(user, folder, *share_words(four.cluster))
    try:
        wait_for(lambda: "notes of mine.txt" in listed(four.api, "my-laptop"), 10, "it is back under its name")
        assert (home / ".local/share/ringbinder/peer/node.json").read_text() == identity
    finally:
        again.end(signal.SIGTERM)


def test_sharing_that_cannot_begin_says_why(four, tmp_path):
    user = four.user(tmp_path)
    assert user.run("share", "nowhere", *share_words(four.cluster), expect=3).stderr
    assert "usage" in user.run("share", ".", expect=2).stderr
    assert "usage" in user.run("share", ".", *share_words(four.cluster), "--limit-rate", "none", expect=2).stderr
    (tmp_path / "folder").mkdir()
    done = user.run("share", "folder", *share_words(four.cluster)[:3], str(tmp_path / "no-key"), expect=1)
    assert "did not become" in done.stderr and "log" in done.stderr
    (tmp_path / "secrets" / "deep").mkdir(parents=True)
    shutil.copy(four.cluster.home / "keys" / "cluster.key", tmp_path / "secrets" / "deep" / "key")
    done = user.run("share", "secrets", *share_words(four.cluster)[:3], "secrets/deep/key", expect=1)
    assert "would give away secrets/deep/key" in done.stderr
    done = user.run("share", "folder", *share_words(four.cluster), "--name", "NO NAME", "--data", str(tmp_path / "fresh"), expect=1)
    assert "a name is" in done.stderr
    taken = free_port()
    keeper = subprocess.Popen(["/usr/bin/python3", "-c", f"import socket,time; s=socket.socket(); s.bind(('127.0.0.1',{taken})); s.listen(); time.sleep(60)"])
    try:
        time.sleep(0.5)
        assert user.run("share", "folder", *share_words(four.cluster), "--listen", f"127.0.0.1:{taken}", expect=1).stderr
    finally:
        keeper.kill()
        keeper.wait()
    assert os.listdir(tmp_path / "folder") == []
