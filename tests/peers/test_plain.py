"""The line protocol of peers, as docs/plain.md tells it: from plain sockets, and from peers that speak pickles as those of the old index system do."""
import pathlib
import pickle
import random
import re
import signal
import socket
import struct
import time

import pytest

from support.cluster import ROOT, free_ports, wait_for
from support.plain import Greeted, Line, Pickled, index_port, obtain, obtain_port

TTL_SECONDS = 1.5
HELLO = b"Hello world\n"
SECRET = b"nobody shall read this"


@pytest.fixture(scope="module")
def net(homes):
    return homes("plain", RB_INDEX_PORT=free_ports(8), RB_NODE_OBTAIN_PORT=free_ports(12)).up()


@pytest.fixture(scope="module")
def folder(net):
    """What the peer shares, and beside it what it does not."""
    path = net.home / "shares" / "one"
    (path / "notes").mkdir(parents=True)
    (path / "notes" / "hello: world.txt").write_bytes(HELLO)
    (path / "large.bin").write_bytes(bytes(range(256)) * 8192)
    (path / ".hidden").write_bytes(SECRET)
    (path.parent / "secret.txt").write_bytes(SECRET)
    (path / "link.txt").symlink_to(path.parent / "secret.txt")
    (path / "way").symlink_to(path.parent)
    return path


@pytest.fixture(scope="module")
def peer(net, folder):
    """The name of a node that shares the folder."""
    return net.command("add", "node", "--share", str(folder), "--store", "0").split()[-1]


# ---- the transcript

def test_the_transcript_of_the_documentation_is_what_happens(net, peer):
    text = (ROOT / "docs/plain.md").read_text()
    rows = re.search(r"```transcript\n(.*?)```", text, re.S)[1].splitlines()
    ports = {"the index": index_port(net), "the peer": obtain_port(net, peer)}
    lines = {}
    assert len(rows) > 30
    for row in rows:
        if match := re.fullmatch(r"(\w) connects to (the \w+)", row):
            lines[match[1]] = Line(ports[match[2]])
        elif match := re.fullmatch(r"(\w)> (.*)", row):
            lines[match[1]].say(match[2])
        elif match := re.fullmatch(r"(\w)< (.*)", row):
            assert lines[match[1]].hear() == match[2], row
        else:
            name = re.fullmatch(r"(\w) is disconnected", row)[1]
            assert lines[name].is_over(), row
            lines.pop(name).close()
    assert not lines


# ---- the flow of the model's report

@pytest.fixture(scope="module")
def three(net):
    """Three peers with 16, 13 and 13 files; file9_2.txt on the second, file10_2.txt on the second and the third: [(name, folder)]."""
    rows = []
    for number, count in enumerate((16, 13, 13)):
        path = net.home / "shares" / f"model-{number}"
        path.mkdir(parents=True)
        names = {1: ["file9_2.txt", "file10_2.txt"], 2: ["file10_2.txt"]}.get(number, [])
        names += [f"file{i}_{number + 10}.txt" for i in range(count - len(names))]
        for name in names:
            same = b"the same bytes on both\n" if name == "file10_2.txt" else f"{name} of peer {number}\n".encode() * 1000
            (path / name).write_bytes(same)
        assert len(list(path.iterdir())) == count
        rows.append((net.command("add", "node", "--share", str(path), "--store", "0").split()[-1], path))
    return rows


def holders_within(net, seconds, name, count):
    """Who has the file, as soon as that are so many."""
    with Greeted(net) as line:
        return wait_for(lambda: len(found := line.search(-1, name)) == count and found, seconds, f"{name} has {count} holders")


def test_three_peers_find_and_fetch_each_others_files_by_lines(net, three):
    ports = [obtain_port(net, name) for name, _ in three]
    zero = holders_within(net, 2, "file0_10.txt", 1)[0]
    assert zero[1:] == ("127.0.0.1", ports[0])
    holders_within(net, 2, "file10_2.txt", 2)
    with Greeted(net) as line:
        found = line.search(zero[0], "file9_2.txt")
        assert [port for _, _, port in found] == [ports[1]]
        assert sorted(port for _, _, port in line.search(zero[0], "file10_2.txt")) == sorted(ports[1:])
        data = obtain(found[0][2], "file9_2.txt", zero[0])
        assert data == (three[1][1] / "file9_2.txt").read_bytes()
        (three[0][1] / "file9_2.txt").write_bytes(data)
        both = holders_within(net, 2, "file9_2.txt", 2)
        assert sorted(port for _, _, port in both) == sorted(ports[:2])
        assert [port for _, _, port in line.search(zero[0], "file9_2.txt")] == [ports[1]]
        (three[0][1] / "file9_2.txt").unlink()
    holders_within(net, 2, "file9_2.txt", 1)


def test_the_same_flow_from_a_peer_that_speaks_pickles(net, three):
    ports = [obtain_port(net, name) for name, _ in three]
    with Pickled(index_port(net), [-1, 9000]) as old, Pickled(index_port(net), [-1, 9001]) as other:
        assert old.id != other.id
        assert [found.split(":")[1] for found in old.search("file9_2.txt")[0]] == [str(ports[1])]
        found, end = old.search("file10_2.txt")
        assert sorted(int(holder.split(":")[1]) for holder in found) == sorted(ports[1:]) and end == "-2"
        assert old.search("nowhere.txt") == ([], "-1")
        with Pickled(ports[1]) as download:
            assert download.ask(f"OBTAIN:{old.id}:file9_2.txt") == "True"
            assert download.rest() == (three[1][1] / "file9_2.txt").read_bytes()
        assert old.ask(f"REGISTER:{old.id}:file9_2.txt") == "DONE"
        assert f"{old.id}:9000" in other.search("file9_2.txt")[0]
        assert f"{old.id}:9000" not in old.search("file9_2.txt")[0]
        old.say("EXIT")
        old.rest()
        assert f"{old.id}:9000" not in other.search("file9_2.txt")[0]


def test_the_answer_and_the_first_bytes_may_come_in_one_segment(net, peer, folder):
    for name in ("notes/hello: world.txt", "large.bin"):
        with Pickled(obtain_port(net, peer)) as download:
            download.say(f"OBTAIN:0:{name}")
            time.sleep(0.3)
            download.got += download.socket.recv(65536)
            assert len(download.got) > len(pickle.dumps("True", protocol=4)), "they did not come together"
            assert download.hear() == "True"
            assert download.rest() == (folder / name).read_bytes()


def test_two_commands_may_come_in_one_segment_and_one_in_many(net):
    with Pickled(index_port(net), [-1, 9100]) as old:
        name = "x" * 300 + ".txt"  # a text with four bytes of length
        old.say(f"REGISTER:{old.id}:{name}", f"REGISTER:{old.id}:second.txt", f"SEARCH:-1:{name}")
        assert [old.hear() for _ in range(3)] == ["DONE", "DONE", f"{old.id}:9100"]
        assert old.ask("DONE") == "-2"
        for byte in pickle.dumps("SEARCH:-1:second.txt", protocol=4):
            old.socket.sendall(bytes([byte]))
            time.sleep(0.002)
        assert old.hear() == f"{old.id}:9100"


def test_the_first_message_may_come_with_the_opening_list(net):
    with Pickled(index_port(net)) as old:
        old.say([-1, 9101], "SEARCH:-1:nowhere at all.txt")
        assert isinstance(old.hear(), int)
        assert old.hear() == "-1"


def test_the_bytes_are_those_that_python_writes_by_hand(net):
    """Without the pickle module on our side: struct alone."""
    def text(value):
        body = b"\x8c" + struct.pack("B", len(value)) + value + b"\x94."
        return b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body

    with socket.create_connection(("127.0.0.1", index_port(net)), timeout=10) as old:
        body = b"]\x94(J" + struct.pack("<i", -1) + b"M" + struct.pack("<H", 9102) + b"e."
        old.sendall(b"\x80\x04\x95" + struct.pack("<Q", len(body)) + body)
        answer = old.recv(100)
        assert answer[:2] == b"\x80\x04" and answer[-1:] == b"." and answer[-3:-1].startswith(b"K") or b"M" in answer
        old.sendall(text(b"SEARCH:-1:nowhere.txt"))
        assert old.recv(100) == text(b"-1")


# ---- who comes and goes

def test_a_peer_goes_with_its_connection_and_with_its_coordinator(net):
    names = net.names("coordinator")
    assert len({index_port(net, name) for name in names}) == len(names) > 1
    with Greeted(net) as watcher:
        with Greeted(net, names[-1]) as line:
            assert line.ask(f"REGISTER:{line.id}:elsewhere.txt") == "DONE"
            assert [found[0] for found in watcher.search(-1, "elsewhere.txt")] == [line.id]
            time.sleep(2 * TTL_SECONDS)
            assert watcher.search(-1, "elsewhere.txt")
            net.kill(names[-1], signal.SIGKILL)
            wait_for(lambda: not watcher.search(-1, "elsewhere.txt"), TTL_SECONDS + 1, "its coordinator's death takes the peer along")
        net.start(names[-1])
        with Greeted(net, names[-1]) as line:
            assert line.ask(f"REGISTER:{line.id}:elsewhere.txt") == "DONE"
            assert watcher.search(-1, "elsewhere.txt")
        wait_for(lambda: not watcher.search(-1, "elsewhere.txt"), 1, "its end takes the peer along")


# ---- what must do no harm

class Code:
    """A pickle that would run something where it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (pathlib.Path.touch, (pathlib.Path(self.marker),))


RUBBISH = {
    "up": b"OBTAIN:0:../secret.txt\n",
    "up and down": b"OBTAIN:0:notes/../../secret.txt\n",
    "deep up": b"OBTAIN:0:notes/../../../../../../../../etc/passwd\n",
    "absolute": b"OBTAIN:0:/etc/passwd\n",
    "a link out": b"OBTAIN:0:link.txt\n",
    "through a link": b"OBTAIN:0:way/secret.txt\n",
    "hidden": b"OBTAIN:0:.hidden\n",
    "percent": b"OBTAIN:0:%2e%2e%2fsecret.txt\n",
    "a CR inside": b"OBTAIN:0:notes/hello\r: world.txt\n",
    "NUL": b"OBTAIN:0:large.bin\0.txt\n",
    "no UTF-8": b"OBTAIN:0:\xff\xfe\n",
    "10,000 characters": b"OBTAIN:0:" + b"x" * 10000 + b"\n",
    "10,000 characters without an end": b"x" * 10000,
    "bytes": bytes(range(256)) * 40,
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x55" * 500,
    "a pickle of another protocol": pickle.dumps("OBTAIN:0:large.bin", protocol=2),
    "a pickle without end": b"\x80\x04\x95" + b"\xff" * 8 + b"\x8c",
    "a pickle of a dict": pickle.dumps({"a": 1}, protocol=4),
    "a pickle up": pickle.dumps("OBTAIN:0:../secret.txt", protocol=4),
}


def talk(port, data):
    """Says all of it and hears all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        heard = b""
        try:
            line.sendall(data)
            line.shutdown(socket.SHUT_WR)
            while piece := line.recv(65536):
                heard += piece
        except ConnectionError:
            pass
        return heard


@pytest.mark.parametrize("what", RUBBISH)
def test_a_peer_gives_nothing_out_that_is_not_shared(net, peer, what):
    heard = talk(obtain_port(net, peer), RUBBISH[what])
    assert SECRET not in heard and b"root:" not in heard and not heard.startswith(b"True") and b"\x8c\x04True" not in heard
    assert obtain(obtain_port(net, peer), "notes/hello: world.txt") == HELLO


@pytest.mark.parametrize("what", RUBBISH)
def test_the_index_goes_on_whatever_it_is_told(net, what):
    for word in (b"OBTAIN", b"REGISTER", b"SEARCH"):  # by nobody's id
        heard = talk(index_port(net), RUBBISH[what].replace(b"OBTAIN:0:", word + b":999999:"))
        assert b"DONE" not in heard
    with Greeted(net) as line:
        assert line.ask(f"REGISTER:{line.id}:still here.txt") == "DONE"


@pytest.mark.parametrize("name", ["../x.txt", "/etc/passwd", "a/../b", "a//b", ".hidden", "a/.b", "a\tb", "a\x7fb", "x" * 1025, "", "a\rb"])
def test_names_that_cannot_be_shared_are_refused_when_registered(net, name):
    with Greeted(net) as line:
        assert line.ask(f"REGISTER:{line.id}:{name}").startswith("ERROR ")
        assert line.is_over()


def test_a_line_break_in_a_name_is_only_the_end_of_the_line(net):
    with Greeted(net) as line:
        line.say(f"REGISTER:{line.id}:one\r\nREGISTER:{line.id}:two")
        assert [line.hear(), line.hear()] == ["DONE", "DONE"]
        assert line.search(-1, "one") and line.search(-1, "two")


def test_a_line_break_inside_a_pickled_name_is_refused(net, peer, folder):
    """Where the length is told, a name can hold one: no shared file can, and one in the folder is not shared."""
    for name in ("a\nb.txt", "a\r\nb.txt", "notes/\nEXIT"):
        with Pickled(index_port(net), [-1, 9103]) as old:
            assert old.ask(f"REGISTER:{old.id}:{name}").startswith("ERROR ")
            assert old.rest() == b""
    (folder / "a\nb.txt").write_bytes(SECRET)
    (folder / "beside.txt").write_bytes(b"beside")
    with Greeted(net) as line:
        wait_for(lambda: line.search(-1, "beside.txt"), 5, "the file beside it is listed")
    with Pickled(obtain_port(net, peer)) as download:
        assert download.ask("OBTAIN:0:a\nb.txt") == "False"
    (folder / "a\nb.txt").unlink()
    with Line(obtain_port(net, peer)) as line:
        line.say("OBTAIN:0:beside.txt\r\nOBTAIN:0:large.bin")
        assert line.hear() == "True 6" and line.file.read() == b"beside"


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_answered_or_cut_off(net, peer, seed):
    chance = random.Random(seed)
    data = chance.randbytes(chance.randint(1, 5000))
    if seed % 3 == 0:
        data = b"\x80\x04\x95" + data  # as a pickle begins
    for port in (index_port(net), obtain_port(net, peer)):
        heard = talk(port, data)
        assert b"DONE" not in heard and b"True" not in heard
    with Greeted(net) as line:
        assert line.ask(f"REGISTER:{line.id}:after {seed}.txt") == "DONE"
    assert obtain(obtain_port(net, peer), "notes/hello: world.txt") == HELLO


def test_nobody_registers_for_somebody_else(net):
    with Greeted(net) as one, Greeted(net) as two:
        assert one.ask(f"REGISTER:{two.id}:not mine.txt").startswith("ERROR ")
        assert one.is_over()
        assert two.search(-1, "not mine.txt") == []


def test_pickles_with_code_run_nowhere(net, peer, tmp_path):
    marker = tmp_path / "it ran"
    for port in (index_port(net), obtain_port(net, peer)):
        heard = talk(port, pickle.dumps(Code(str(marker)), protocol=4))
        assert pickle.loads(heard).startswith("ERROR ")
    assert not marker.exists()


def test_half_a_line_is_waited_for_and_holds_nobody_up(net, peer):
    with Greeted(net) as half:
        half.socket.sendall(f"REGISTER:{half.id}:hal".encode())
        with Greeted(net) as line:
            assert line.ask(f"REGISTER:{line.id}:whole.txt") == "DONE"
        half.socket.sendall(b"f.txt\n")
        assert half.hear() == "DONE"
    with Line(obtain_port(net, peer)) as half:
        half.socket.sendall(b"OBTAIN:0:notes/hel")
        assert obtain(obtain_port(net, peer), "notes/hello: world.txt") == HELLO
        half.socket.sendall(b"lo: world.txt\n")
        assert half.hear() == f"True {len(HELLO)}"


def test_two_hundred_silent_connections_hold_nobody_up(net, peer):
    for port in (index_port(net), obtain_port(net, peer)):
        silent = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(200)]
        try:
            started = time.monotonic()
            with Greeted(net) as line:
                assert line.ask(f"REGISTER:{line.id}:loud.txt") == "DONE"
            assert obtain(obtain_port(net, peer), "notes/hello: world.txt") == HELLO
            assert time.monotonic() - started < 5
        finally:
            for one in silent:
                one.close()


def test_a_file_that_changes_on_the_way_is_not_taken_for_whole(net, peer, folder):
    path = folder / "changes.bin"
    path.write_bytes(b"a" * (64 << 20))
    with Greeted(net) as line:
        wait_for(lambda: line.search(-1, "changes.bin"), 10, "the file is listed")
    with Pickled(obtain_port(net, peer)) as download:
        assert download.ask("OBTAIN:0:changes.bin") == "True"
        with path.open("r+b") as file:
            file.seek(32 << 20)
            file.write(b"b" * (32 << 20))
        with pytest.raises(ConnectionError):
            download.rest()
    path.unlink()
