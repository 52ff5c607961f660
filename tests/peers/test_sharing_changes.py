"""A folder that changes all the time while many download from it: every download is one state of the file, or breaks; at the end the index is what the folder is."""
import hashlib
import os
import random
import re
import threading
import time

import pytest
import requests
import urllib3

from support.api import Api
from support.cluster import free_ports, wait_for
from support.peers import Peer, file_path, files_of, search
from support.plain import Line, obtain_port

EQUAL_SECONDS = 10
CLIENTS = 20
FIRST = 200
BROKEN = (OSError, requests.RequestException, urllib3.exceptions.HTTPError)


@pytest.fixture(scope="module")
def net(homes):
    return homes("sharing-changes", RB_NODE_OBTAIN_PORT=free_ports(12), RB_ADOPT_AFTER=0).up()


class Changing:
    """The folder, and every state that each name ever had: name → SHA-256 of its bytes. A state is noted before it is on the disk."""

    def __init__(self, peer, size):
        self.peer, self.size, self.chance, self.next = peer, size, random.Random(6), 0
        self.states, self.names, self.lock = {}, [], threading.Lock()
        self.done = {"created": 0, "renamed": 0, "deleted": 0, "overwritten": 0}

    def note(self, name, digest):
        with self.lock:
            self.states.setdefault(name, set()).add(digest)

    def bytes(self):
        return self.chance.randbytes(self.chance.randint(1, self.size))

    def create(self):
        """Every other time as a careful program does, by a rename; else in place, as most do."""
        name, data = f"at {self.next % 7}/file {self.next}.bin", self.bytes()
        self.next += 1
        self.note(name, hashlib.sha256(data).hexdigest())
        if self.next % 2:
            self.peer.write(name, data)
        else:
            path = self.peer.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        with self.lock:
            self.names.append(name)
        self.done["created"] += 1

    def take(self):
        with self.lock:
            return self.names.pop(self.chance.randrange(len(self.names)))

    def rename(self):
        """To a name that is new, or takes another file's place."""
        old = self.take()
        new = self.take() if self.chance.random() < 0.2 else f"at {self.chance.randrange(7)}/renamed {self.next}.bin"
        self.next += 1
        self.note(new, hashlib.sha256((self.peer.folder / old).read_bytes()).hexdigest())
        (self.peer.folder / old).rename(self.peer.folder / new)
        with self.lock:
            self.names.append(new)
        self.done["renamed"] += 1

    def delete(self):
        self.peer.remove(self.take())
        self.done["deleted"] += 1

    def overwrite(self):
        """In place and in pieces, with the same length: what would tear a download that did not look."""
        name = self.chance.choice(self.names)
        path = self.peer.folder / name
        data = self.chance.randbytes(path.stat().st_size)
        self.note(name, hashlib.sha256(data).hexdigest())
        with path.open("r+b", buffering=0) as file:
            for at in range(0, len(data), 16384):
                file.write(data[at:at + 16384])
        self.done["overwritten"] += 1

    def run(self, each):
        """So many of each kind of change, in any order."""
        steps = [self.create, self.rename, self.delete] * each + [self.overwrite] * (each // 2)
        self.chance.shuffle(steps)
        for step in steps:
            step() if step == self.create or len(self.names) > FIRST // 2 else self.create()
            time.sleep(0.002)


class Client:
    """Downloads whatever is there, over and over: through the front, or by OBTAIN."""

    def __init__(self, number, net, changing):
        self.by_lines, self.net, self.changing, self.chance = number % 2 == 1, net, changing, random.Random(100 + number)
        self.whole, self.broken, self.none, self.wrong, self.over = 0, 0, 0, [], threading.Event()
        self.port = obtain_port(net, changing.peer.name)
        self.session = requests.Session()
        self.session.trust_env = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.over.is_set():
            with self.changing.lock:
                name = self.chance.choice(self.changing.names)
            try:
                data = self.lines(name) if self.by_lines else self.front(name)
            except BROKEN:
                self.broken += 1
                continue
            if data is None:
                self.none += 1
                continue
            digest = hashlib.sha256(data).hexdigest()
            with self.changing.lock:
                known = digest in self.changing.states[name]
            if known:
                self.whole += 1
            else:
                self.wrong.append((name, len(data), digest))

    def front(self, name):
        """Reads with the length checked: requests itself takes a short answer for a whole one."""
        answer = self.session.get(self.net.url + file_path(self.changing.peer.name, name), timeout=30, stream=True)
        with answer:
            if answer.status_code != 200:
                if answer.status_code not in (404, 410, 503):
                    self.wrong.append((name, answer.status_code, answer.text[:200]))
                return None
            data, tag = answer.raw.read(), answer.headers.get("ETag", "")
            if len(data) != int(answer.headers["Content-Length"]):
                raise ConnectionError("it ended before its last byte")
            if re.fullmatch(r'"[0-9a-f]{64}"', tag) and tag[1:-1] != hashlib.sha256(data).hexdigest():
                self.wrong.append((name, "its ETag", tag))
            return data

    def lines(self, name):
        with Line(self.port) as line:
            answer = line.ask(f"OBTAIN:0:{name}")
            if not answer.startswith("True "):
                if answer != "False" and not answer.startswith("ERROR "):
                    self.wrong.append((name, "an answer", answer))
                return None
            data = line.file.read()
            if len(data) != int(answer.split()[1]):
                raise ConnectionError("it ended before its last byte")
            return data


def index_of(api, peer):
    """What the index says of a peer: (name, size, hash)."""
    return sorted((h["file"], row["size"], row["sha256"]) for row in search(api) for h in row["holders"] if h["name"] == peer.name)


def test_the_index_ends_equal_to_the_folder_and_no_download_is_torn(net, full):
    each = 1000 if full else 400
    peer = Peer(net, net.home / "folder")
    changing = Changing(peer, (1 << 20) if full else (256 << 10))
    for _ in range(FIRST):
        changing.create()
    clients = [Client(number, net, changing) for number in range(CLIENTS)]
    began = time.monotonic()
    for client in clients:
        client.thread.start()
    try:
        changing.run(each)
    finally:
        took = time.monotonic() - began
        for client in clients:
            client.over.set()
        for client in clients:
            client.thread.join(60)
    ended = time.monotonic()
    wrong = [row for client in clients for row in client.wrong]
    by_front, by_lines = (sum(c.whole for c in clients if c.by_lines == lines) for lines in (False, True))
    print(f"{changing.done} in {took:.1f} s; whole downloads: {by_front} by the front, {by_lines} by lines; broken {sum(c.broken for c in clients)}, "
          f"none {sum(c.none for c in clients)}")
    assert not wrong, (len(wrong), wrong[:5])
    assert min(changing.done["created"], changing.done["renamed"], changing.done["deleted"]) >= each * 9 // 10
    assert by_front > 100 and by_lines > 100
    api = Api(net.url)
    folder = [(name, size, digest) for name, size, _, digest in files_of(peer.folder)]
    assert len(folder) > FIRST // 4 and len(folder) == len(changing.names)
    wait_for(lambda: index_of(api, peer) == folder, EQUAL_SECONDS, "the index is what the folder is", pause=0.2)
    print(f"{len(folder)} files; equal {time.monotonic() - ended:.1f} s after the last change")
    # And it stays so: nothing was put off that would come later.
    time.sleep(2)
    assert index_of(api, peer) == folder
    assert net.log(peer.name).count("told anew") == 1


# ---- links that are put in the way

SECRET = b"nobody shall read this " * 40_000


def ask_for(net, peer, name):
    """What the front and the peer's own port give for a name: two texts of bytes, each maybe cut short."""
    session = requests.Session()
    session.trust_env = False
    found = []
    try:
        with session.get(net.url + file_path(peer.name, name), timeout=30, stream=True) as answer:
            found.append(answer.raw.read() if answer.status_code == 200 else b"")
    except BROKEN:
        found.append(b"")
    try:
        with Line(obtain_port(net, peer.name)) as line:
            found.append(line.file.read() if line.ask(f"OBTAIN:0:{name}").startswith("True ") else b"")
    except BROKEN:
        found.append(b"")
    return found


@pytest.mark.parametrize("what", ["file", "folder"])
def test_links_that_are_swapped_in_while_downloading_lead_nowhere(net, tmp_path, what):
    """The listed name is now the file, now a link to another one outside (or its folder is, now a link to a folder outside), hundreds of times a second."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "doc.txt").write_bytes(SECRET)
    good = b"good bytes of ours it is " * 40_000
    peer = Peer(net, net.home / f"swapped-{what}", {"sub/doc.txt": good})
    api = Api(net.url)
    wait_for(lambda: index_of(api, peer), 10, "it is listed")
    over = threading.Event()
    here = peer.folder / "sub" / "doc.txt" if what == "file" else peer.folder / "sub"
    aside, link = peer.folder / ".aside", peer.folder / ".link"
    there = outside / "doc.txt" if what == "file" else outside

    def swap():
        while not over.is_set():
            os.rename(here, aside)
            os.symlink(there, link)
            os.rename(link, here)
            time.sleep(0.001)
            os.unlink(here)
            os.rename(aside, here)
            time.sleep(0.003)

    swapper = threading.Thread(target=swap)
    swapper.start()
    whole = 0
    try:
        for _ in range(60):
            for data in ask_for(net, peer, "sub/doc.txt"):
                assert b"nobody" not in data
                whole += data == good
    finally:
        over.set()
        swapper.join()
    wait_for(lambda: ask_for(net, peer, "sub/doc.txt") == [good, good], 10, "it is given as ever")
    print(f"{whole} of 120 whole downloads while the {what} was swapped")
