"""`ringbinder obtain` and `peers` against a front and holders of the test's own: speed from several, liars, kill -9, choosing, waiting, and hostile answers."""
import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from support.canned import Canned, problem, send, value
from support.cluster import wait_for
from support.holder import MIB, Holder, row, source, sources
from support.ringbinder import BIN, Ringbinder

DATA = random.Random(4).randbytes(32 * MIB + 12345)
SHA256 = hashlib.sha256(DATA).hexdigest()
OTHER = random.Random(5).randbytes(len(DATA))
RATE = 4_000_000


@pytest.fixture
def holders():
    """Makes holders that end with the test."""
    made = []

    def make(data=DATA, **how):
        made.append(Holder(data, **how))
        return made[-1]

    yield make
    for holder in made:
        holder.stop()


def offer(*held, rows=None, data=DATA, listed=None):
    """The two answers that obtain needs; held: the holders, numbered from 0. listed: whose blocks most tell; each tells those of what it gives."""
    numbers = range(len(held))

    def tell(request):
        wanted = re.search(r"blocks_of=peer-(\d)", request.query)
        bytes_listed = held[int(wanted[1])].data if wanted else listed
        send(request, 200, sources(data, *(source(n, h.url) for n, h in enumerate(held)), listed=bytes_listed))

    return {"GET /peers/files": value({"items": rows if rows is not None else [row(data, *numbers)], "next": None}),
            f"GET /peers/files/{SHA256}/sources": tell}


def asked_sources(front):
    """The queries in which the sources were asked for."""
    return [query for _, path, query, _ in front.asked if path.endswith("/sources")]


def test_four_holders_are_three_times_as_fast_as_one(holders, tmp_path):
    held = [holders(bytes_per_s=RATE, capability="pass") for _ in range(4)]
    with Canned(offer(*held)) as front:
        started = time.monotonic()
        told = Ringbinder(front.url, tmp_path).json("obtain", "big.bin")
        took = time.monotonic() - started
    assert (tmp_path / "big.bin").read_bytes() == DATA
    assert took < len(DATA) / RATE / 3, took
    assert told["sha256"] == SHA256 and told["size"] == len(DATA) and told["resumed_bytes"] == 0
    assert sum(s["blocks"] for s in told["sources"]) == 33 and all(s["blocks"] >= 6 for s in told["sources"])
    assert sum(h.given for h in held) < len(DATA) + 3 * MIB
    assert {name for h in held for name in h.names} == {"a folder/big.bin"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["big.bin"]


def test_a_holder_with_wrong_bytes_is_named_and_the_result_is_right(holders, tmp_path):
    liar = holders(OTHER, etag=SHA256, bytes_per_s=RATE)
    held = [holders(bytes_per_s=RATE), holders(bytes_per_s=RATE), liar, holders(bytes_per_s=RATE)]
    with Canned(offer(*held)) as front:
        done = Ringbinder(front.url, tmp_path).run("obtain", "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == DATA
    assert "peer-2 gave wrong bytes" in done.stderr
    assert "peer-2" not in done.stdout and "peer-3" in done.stdout
    assert liar.given <= 2 * MIB


def test_a_killed_download_goes_on_and_fetches_the_first_half_no_more(holders, tmp_path):
    held = [holders(bytes_per_s=RATE) for _ in range(2)]
    user = None
    with Canned(offer(*held)) as front:
        user = Ringbinder(front.url, tmp_path)
        process = subprocess.Popen([str(BIN / "ringbinder"), "obtain", "big.bin"], cwd=tmp_path, env=user.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: sum(h.given for h in held) > len(DATA) // 2 + 3 * MIB, 30, "half of it came")
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.5)
        assert not (tmp_path / "big.bin").exists()
        here = (tmp_path / "big.bin.part.map").read_text().splitlines()[4].count("1")
        assert here >= 14
        before = sum(h.given for h in held)
        told = user.json("obtain", "big.bin")
        assert asked_sources(front) == ["", "counted=1"], "one download, however often it is gone on with"
    assert (tmp_path / "big.bin").read_bytes() == DATA
    assert told["resumed_bytes"] >= len(DATA) * 0.4
    assert sum(h.given for h in held) - before <= len(DATA) - here * MIB + 2 * MIB


def test_a_limit_of_ones_own_is_kept(holders, tmp_path):
    small = DATA[:2 * MIB]
    sha256 = hashlib.sha256(small).hexdigest()
    held = [holders(small), holders(small)]
    answers = {"GET /peers/files": value({"items": [row(small, 0, 1)], "next": None}),
               f"GET /peers/files/{sha256}/sources": value(sources(small, *(source(n, h.url) for n, h in enumerate(held))))}
    with Canned(answers) as front:
        started = time.monotonic()
        Ringbinder(front.url, tmp_path).run("obtain", "big.bin", "--limit-rate", "1M")
    assert 1.6 < time.monotonic() - started < 6
    assert (tmp_path / "big.bin").read_bytes() == small


def test_a_false_list_of_blocks_is_found_out(holders, tmp_path):
    held = [holders(OTHER, etag=SHA256), holders()]
    with Canned(offer(*held, listed=OTHER)) as front:
        done = Ringbinder(front.url, tmp_path).run("obtain", "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == DATA
    assert "one by one" in done.stderr and "peer-0 gave wrong bytes" in done.stderr


def test_what_a_false_list_had_right_is_not_fetched_again(holders, tmp_path):
    """One block of the list is a lie, and the holder that gave it has such a block."""
    mixed = DATA[:7 * MIB] + OTHER[7 * MIB:8 * MIB] + DATA[8 * MIB:]
    held = [holders(mixed, etag=SHA256), holders(), holders()]
    with Canned(offer(*held, listed=mixed)) as front:
        told = Ringbinder(front.url, tmp_path).json("obtain", "big.bin")
        assert asked_sources(front) == ["", "blocks_of=peer-0.00000000000000aa&counted=1", "blocks_of=peer-1.00000000000000aa&counted=1"]
    assert (tmp_path / "big.bin").read_bytes() == DATA
    assert sum(s["blocks"] for s in told["sources"]) == 1, "by the true list only one block was missing"
    assert told["fetched_bytes"] < 2 * len(DATA)
    assert [s["state"] for s in told["sources"]] == ["lied", "works", "works"]


# ---- through the front

NOBODY = "http://127.0.0.1:1"
BY_FRONT = "GET /peers/peer-{}.00000000000000aa/files/a%20folder%2Fbig.bin"


def far(*held, url=NOBODY):
    """The answers of a front whose peers stand where only it reaches them, at `url`."""
    answers = offer(*held)
    answers[f"GET /peers/files/{SHA256}/sources"] = value(sources(DATA, *(source(n, url) for n, _ in enumerate(held))))
    for n, holder in enumerate(held):
        answers[BY_FRONT.format(n)] = holder.answer
    return answers


def test_holders_that_cannot_be_reached_are_asked_through_the_front(holders, tmp_path):
    held = [holders(capability="Bearer s3cret") for _ in range(2)]
    with Canned(far(*held)) as front:
        done = Ringbinder(front.url, tmp_path, RB_TOKEN="s3cret").run("obtain", "big.bin")
        carried = [query for _, path, query, _ in front.asked if path.startswith("/peers/peer-")]
        assert len(carried) >= 33 and set(carried) == {"counted=1"}
        assert asked_sources(front) == [""]
        told = Ringbinder(front.url, tmp_path, RB_TOKEN="s3cret").json("obtain", "big.bin", "-o", "again")
    assert (tmp_path / "big.bin").read_bytes() == DATA == (tmp_path / "again").read_bytes()
    assert f"Nobody who has it can be reached directly: it comes through {front.url}" in done.stderr
    assert [s["front"] for s in told["sources"]] == [True, True] and sum(s["blocks"] for s in told["sources"]) == 33


def test_silent_holders_are_asked_through_the_front_after_some_seconds(holders, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as deaf, Canned(far(holders(), url=f"http://127.0.0.1:{deaf.getsockname()[1]}")) as front:
        started = time.monotonic()
        done = Ringbinder(front.url, tmp_path).run("obtain", "big.bin")
    assert 3.9 < time.monotonic() - started < 10
    assert (tmp_path / "big.bin").read_bytes() == DATA and "through" in done.stderr


def test_a_ring_copy_comes_through_the_front_too(holders, tmp_path):
    copy = holders()
    answers = offer(rows=[row(DATA, adopted=True)])
    answers[f"GET /peers/files/{SHA256}/sources"] = value(sources(DATA, *(source(n, NOBODY, kind="ring") for n in range(3))))
    answers[f"GET /peers/files/{SHA256}"] = copy.answer
    with Canned(answers) as front:
        told = Ringbinder(front.url, tmp_path).json("obtain", "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == DATA
    assert [(s["ring"], s["front"]) for s in told["sources"]] == [(True, True), (True, False), (True, False)]


def test_a_liar_behind_the_front_is_named(holders, tmp_path):
    with Canned(far(holders(OTHER, etag=SHA256), holders())) as front:
        done = Ringbinder(front.url, tmp_path).run("obtain", "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == DATA
    assert "peer-0, through the front, gave wrong bytes" in done.stderr and "peer-1, through" not in done.stderr


def test_the_front_is_not_asked_for_bytes_while_a_holder_can_be_reached(holders, tmp_path):
    near, behind = holders(bytes_per_s=RATE * 4), holders()
    answers = offer(near, behind)
    answers[f"GET /peers/files/{SHA256}/sources"] = value(sources(DATA, source(0, near.url), source(1, NOBODY)))
    answers[BY_FRONT.format(1)] = behind.answer
    with Canned(answers) as front:
        done = Ringbinder(front.url, tmp_path).run("obtain", "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == DATA
    assert behind.given == 0 and "through" not in done.stderr


# ---- whom it comes from


def test_when_all_bytes_are_wrong_nothing_is_kept(holders, tmp_path):
    with Canned(offer(holders(OTHER, etag=SHA256), holders(OTHER, etag=SHA256))) as front:
        done = Ringbinder(front.url, tmp_path).run("obtain", "big.bin", expect=1)
    assert not (tmp_path / "big.bin").exists()
    assert "wrong bytes" in done.stderr


def test_one_peer_alone_can_be_named(holders, tmp_path):
    held = [holders(), holders()]
    with Canned(offer(*held)) as front:
        Ringbinder(front.url, tmp_path).run("obtain", "big.bin", "--from", "peer-1", "-o", "x")
        assert held[0].given == 0 and (tmp_path / "x").read_bytes() == DATA
        done = Ringbinder(front.url, tmp_path).run("obtain", "big.bin", "--from", "peer-7", expect=3)
    assert "Nobody" in done.stderr


def test_at_a_terminal_it_asks_which_and_cancel_works(holders, tmp_path):
    held = [holders(), holders()]
    with Canned(offer(*held)) as front:
        user = Ringbinder(front.url, tmp_path)
        shown = user.at_terminal("obtain", "big.bin", answers=[("From which?", "cancel\n")], expect=1)
        assert "Cancelled" in shown.text and held[0].given + held[1].given == 0
        user.at_terminal("obtain", "big.bin", answers=[("From which?", "9\n"), ("none of them", "2\n")])
        assert held[0].given == 0 and (tmp_path / "big.bin").read_bytes() == DATA
        (tmp_path / "big.bin").unlink()
        shown = user.at_terminal("obtain", "big.bin", answers=[("From which?", "\n")])
        assert held[0].given > 0 and (tmp_path / "big.bin").read_bytes() == DATA
        assert "100" in shown.text


def test_different_files_of_one_name_are_told_apart(holders, tmp_path):
    other_sha = hashlib.sha256(OTHER).hexdigest()
    mine, other = holders(), holders(OTHER)
    answers = offer(mine, rows=[row(DATA, 0), row(OTHER, 1)])
    answers[f"GET /peers/files/{other_sha}/sources"] = value(sources(OTHER, source(1, other.url)))
    with Canned(answers) as front:
        user = Ringbinder(front.url, tmp_path)
        done = user.run("obtain", "big.bin", expect=5)
        assert "--from" in done.stderr and "peer-0" in done.stderr and "peer-1" in done.stderr
        user.run("obtain", "big.bin", "--from", "peer-1", "-o", "one")
        user.run("obtain", SHA256, "-o", "two")
    assert (tmp_path / "one").read_bytes() == OTHER and (tmp_path / "two").read_bytes() == DATA


def test_a_file_that_is_here_is_not_written_over(holders, tmp_path):
    (tmp_path / "big.bin").write_bytes(b"mine")
    with Canned(offer(holders())) as front:
        user = Ringbinder(front.url, tmp_path)
        user.run("obtain", "big.bin", expect=5)
        assert (tmp_path / "big.bin").read_bytes() == b"mine"
        user.run("obtain", "big.bin", "--force")
        assert (tmp_path / "big.bin").read_bytes() == DATA
        assert "here already" in user.run("obtain", "big.bin").stdout
        assert user.json("obtain", "big.bin")["fetched_bytes"] == 0


def test_it_waits_until_somebody_has_it(holders, tmp_path):
    answers = offer(holders())
    there = answers["GET /peers/files"]
    answers["GET /peers/files"] = value({"items": [], "next": None})
    with Canned(answers) as front:
        user = Ringbinder(front.url, tmp_path)
        assert "--wait" in user.run("obtain", "big.bin", expect=3).stderr
        threading.Timer(2.0, lambda: answers.update({"GET /peers/files": there})).start()
        started = time.monotonic()
        done = user.run("obtain", "big.bin", "--wait")
    assert 2.0 <= time.monotonic() - started < 10
    assert "Waiting until somebody has big.bin" in done.stderr
    assert (tmp_path / "big.bin").read_bytes() == DATA


def test_waiting_ends_with_control_c(tmp_path):
    with Canned({"GET /peers/files": value({"items": [], "next": None})}) as front:
        shown = Ringbinder(front.url, tmp_path).at_terminal("obtain", "big.bin", "--wait", answers=[("Waiting until", "\x03")], expect=1, seconds=20)
    assert "Nobody had big.bin" in shown.text


def test_a_file_without_a_known_hash_comes_through_the_front(tmp_path):
    answers = {"GET /peers/files": value({"items": [row(DATA, 0, known=False)], "next": None}),
               "GET /peers/peer-0.00000000000000aa/files/a%20folder%2Fbig.bin": lambda r: send(r, 200, DATA, "application/octet-stream")}
    with Canned(answers) as front:
        done = Ringbinder(front.url, tmp_path).run("obtain", "big.bin")
    assert (tmp_path / "big.bin").read_bytes() == DATA
    assert "not known yet" in done.stderr


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", ".hidden", "a\rb", "a//b", ""])
def test_hostile_names_are_no_files(name, holders, tmp_path):
    """A name that leads out of a folder is not believed, whoever lists it."""
    with Canned(offer(holders(), rows=[row(DATA, 0, name=name)])) as front:
        Ringbinder(front.url, tmp_path).run("obtain", "evil", expect=3)
        Ringbinder(front.url, tmp_path).run("obtain", name or "x", expect=None)
    assert list(tmp_path.iterdir()) == [] and not (tmp_path.parent / "evil").exists()


def broken(change):
    answer = sources(DATA, source(0, "http://127.0.0.1:1"))
    change(answer)
    return answer


@pytest.mark.parametrize("answer", [
    [], {}, {"size": 1}, broken(lambda a: a["blocks"].pop()), broken(lambda a: a["blocks"].append("0" * 64)), broken(lambda a: a.update(block_bytes=1)),
    broken(lambda a: a.update(block_bytes=0)), broken(lambda a: a.update(size=-1)), broken(lambda a: a.update(size=1 << 60)),
    broken(lambda a: a["blocks"].__setitem__(0, "zz")), broken(lambda a: a["sources"][0].update(file="../x")),
    broken(lambda a: a["sources"][0].pop("capability")), broken(lambda a: a.update(sources={})),
])
def test_nonsense_from_the_front_is_no_crash(answer, tmp_path):
    answers = {"GET /peers/files": value({"items": [row(DATA, 0)], "next": None}), f"GET /peers/files/{SHA256}/sources": value(answer)}
    with Canned(answers) as front:
        done = Ringbinder(front.url, tmp_path).run("obtain", "big.bin", expect=1)
    assert done.stderr.startswith("ringbinder: ") and list(tmp_path.iterdir()) == []


def test_redis_away_is_said_and_has_its_exit_code(tmp_path):
    with Canned({"GET /peers/files": problem(503, "stale-index", "The index is being built")}) as front:
        assert "index" in Ringbinder(front.url, tmp_path).run("obtain", "big.bin", expect=4).stderr


@pytest.mark.parametrize("words", [[], ["a", "b"], [""], ["a", "--limit-rate", "0"], ["a", "--limit-rate", "1x"], ["a", "-o", ""], ["a", "-o", "-"]])
def test_a_wrong_command_line_is_a_usage_error(words, tmp_path):
    assert "usage: ringbinder obtain" in Ringbinder("http://127.0.0.1:1", tmp_path).run("obtain", *words, expect=2).stderr


# ---- peers

PEERS = {"items": [{"id": "peer-0.00000000000000aa", "name": "peer-0", "url": "http://10.0.0.1:7000", "files": 13, "since": "2026-11-21T14:02:03.004Z",
                    "heard_at": "2026-11-21T14:02:03.004Z", "state": "here", "stores": False}], "next": None}


def test_peers_lists_who_is_here(tmp_path):
    with Canned({"GET /peers": value(PEERS)}) as front:
        user = Ringbinder(front.url, tmp_path)
        assert user.run("peers").stdout.split("\t")[:4] == ["peer-0", "here", "13", "no"]
        assert user.json("peers")["items"] == PEERS["items"]


def test_peers_find_names_the_holders(tmp_path):
    rows = [row(DATA, 0, 2), row(OTHER, name="x\x1b[31m.bin", adopted=True)]
    with Canned({"GET /peers/files": value({"items": rows, "next": None})}) as front:
        user = Ringbinder(front.url, tmp_path)
        lines = user.run("peers", "find", "big", "bin", "--exclude", "peer-9").stdout.splitlines()
        assert "q=big%20bin" in front.asked[0][2] and "exclude=peer-9" in front.asked[0][2]
        assert lines[0].split("\t") == ["a folder/big.bin", str(len(DATA)), "peer-0, peer-2", SHA256]
        assert lines[1].split("\t")[2] == "the ring" and "\x1b" not in lines[1]
        assert len(user.json("peers", "find", "big")["items"]) == 2


def test_peers_find_nothing_is_not_found(tmp_path):
    with Canned({"GET /peers/files": value({"items": [], "next": None})}) as front:
        Ringbinder(front.url, tmp_path).run("peers", "find", "x", expect=3)
        Ringbinder(front.url, tmp_path).run("peers", "lose", "x", expect=2)
