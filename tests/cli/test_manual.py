"""The manual page kept to its word: every command and every option that it names is run against a cluster, and every exit status is seen."""
import csv
import hashlib
import os
import re
import socket

import pytest
from support.api import Api
from support.cluster import free_port, wait_for
from support.files import noise
from support.peers import Peer, wait_hashed
from support.ringbinder import BIN, Ringbinder

PAGE = BIN.parents[2] / "cli/ringbinder.1"
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[a-z])(?![\w-])")
WITH_VERB = ("peers", "node", "set", "ca")  # their first word says what they do
COMMON = {"--json", "--url", "-y", "--yes", "-q", "--quiet", "-h", "--help"}


# ---- what the page names

def lines_of(page):
    """(section, whether it is a heading of a paragraph, text without roff)."""
    section, tag = "", False
    for line in page.read_text().splitlines():
        if line.startswith(".SH"):
            section = line[4:]
        elif line in (".TP", ".TQ"):
            tag = True
        else:
            yield section, tag, re.sub(r'^\.[BIR]+ |\\f[BIPR]|"', "", line).replace("\\-", "-").replace("\\", "")
            tag = False


def named(page):
    """All (command, option) of the page; the command is "" where every command takes it, the option "" for the command itself."""
    names, command = set(), None
    for section, tag, text in lines_of(page):
        if section in ("SYLLABI", "FOLDERS OF PEERS", "MACHINES", "CERTIFICATES"):
            words = text.split()
            if tag and words and words[0].islower() and not words[0].startswith("-"):
                command = " ".join(words[:2]) if words[0] in WITH_VERB and len(words) > 1 and words[1].islower() else words[0]
                names.add((command, ""))
            names.update((command, option) for option in OPTION.findall(text))
        elif section == "COMMON OPTIONS" and tag:
            names.update(("", option) for option in OPTION.findall(text))
    return names


def used(words):
    """The same pairs in a command line."""
    plain = [word for word in words if not word.startswith("-")]
    command = plain[0] if plain else ""
    if command in WITH_VERB and len(plain) > 1:
        command = " ".join(plain[:2])
    given = {word.split("=")[0] for word in words if OPTION.fullmatch(word.split("=")[0])}
    return {(command, "")} | {("" if option in COMMON else command, option) for option in given}


def test_the_page_is_read_as_it_is_meant():
    if not PAGE.exists():
        pytest.skip("no manual page beside these programs")
    names = named(PAGE)
    assert {("", "--json"), ("", "-y"), ("put", "--if-match"), ("put", "--from-csv"), ("put", "--dry-run"), ("get", "-o"), ("find", "--newest"), ("find", "-t"),
            ("rm", "--version"), ("share", "--obtain-port"), ("peers", ""), ("peers find", "--exclude"), ("obtain", "--wait"), ("obtain", "-f"), ("status", ""),
            ("ring", "--node"), ("where", "--from"), ("node undrain", ""), ("node remove", "--dry-run"), ("node add", "--node-url"), ("set k", "--dry-run"),
            ("ca init", ""), ("ca issue", "--address")} <= names
    assert len(names) > 60
    assert used(["node", "remove", "n", "-f", "--yes"]) == {("node remove", ""), ("node remove", "-f"), ("", "--yes")}


# ---- what it says, done

class Machine:
    """A cluster as `make up` starts it, with two copies, and two peers that share."""

    def __init__(self, homes):
        self.cluster = homes("manual", RB_NODES=3, RB_K=2, RB_ADOPT_AFTER=2).up()
        self.api = Api(self.cluster.url)
        self.paper = noise(3 << 20, 3)
        folders = self.cluster.home / "folders"
        self.peers = [Peer(self.cluster, folders / str(n), {"paper.bin": self.paper, f"only-{n}.txt": b"mine %d\n" % n * 99}) for n in range(2)]
        wait_for(lambda: len(wait_hashed(self.api, "paper")) == 1, 20, "both have one content")
        self.keys = ["--coordinators", ",".join(self.cluster.processes()[name]["url"] for name in self.cluster.names("coordinator")),
                     "--key", str(self.cluster.home / "keys" / "cluster.key")]

    def state(self, name):
        return {n["name"]: n["state"] for n in self.api.get("/api/v1/cluster").json()["nodes"]}.get(name)

    def is_settled(self):
        now = self.api.get("/api/v1/cluster").json()
        return now["ring_state"] == "stable" and now["copies_missing"] == 0 and now["bytes_to_move"] == 0


@pytest.fixture(scope="module")
def machine(homes):
    return Machine(homes)


def syllabi(me):
    here = me.folder
    for n in range(4):
        (here / f"v{n}.bin").write_bytes(noise(2000 + n, n))
    first = me.json("put", "v0.bin", "--course", "MAN 1", "--term", "2026 Fall", "--title", "Manuals", "--instructor", "G. Hopper", "--note", "one", "--new")
    second = me.json("put", "v1.bin", "-c", "MAN 1", "-t", "2027 Spring", "-i", "A. Lovelace", "-n", "two", "--if-match", first["id"])
    me.run("put", "v2.bin", "--course", "MAN 1", "--new", expect=5)
    assert second["instructor"] == "A. Lovelace" and second["note"] == "two" and first["title"] == "Manuals"
    assert "is unchanged" in me.run("put", "v1.bin", "-c", "man1", "-t", "2027 Spring", "-i", "A. Lovelace", "-n", "two", "--quiet").stdout
    with (here / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([["course", "file", "term"], ["MAN 2", "v2.bin", "2026 Fall"], ["MAN 3", "v3.bin", "2026 Fall"]])
    assert me.run("put", "--from-csv", "table.csv", ".", "--dry-run").stderr.startswith("2 added")
    me.run("log", "MAN 2", expect=3)
    assert me.run("put", "--from-csv", "table.csv", ".").stderr.startswith("2 added")
    assert me.run("put", "--from-csv", "table.csv", ".").stderr.startswith("0 added, 0 changed, 2 unchanged")
    me.run("get", "MAN 1", "-o", "out", "--version", 1)
    me.run("get", "MAN 1", "--output", "out2", "--version", second["id"])
    assert (here / "out").read_bytes() == noise(2000, 0) and (here / "out2").read_bytes() == noise(2001, 1)
    (here / "v1.bin").write_bytes(b"mine")
    me.run("get", "MAN 1", expect=5)
    me.run("get", "MAN 1", "-f")
    me.run("get", "MAN 1", "--force", "-q")
    assert (here / "v1.bin").read_bytes() == noise(2001, 1)
    assert len(me.run("find", "man", "--limit", 2).stdout.splitlines()) == 2
    assert [line.split("\t")[0] for line in me.run("find", "man", "--newest").stdout.splitlines()][-1] == "MAN 1"
    assert len(me.run("find", "man", "-t", "2026 Fall").stdout.splitlines()) == len(me.json("find", "man", "--term", "2026 Fall")["items"]) == 2
    assert len(me.run("log", "man1").stdout.splitlines()) == 2
    me.run("rm", "MAN 1", "--version", 1)
    me.run("restore", "MAN 1", "--version", 2)
    assert me.json("log", "MAN 1")["current"]["sha256"] == second["sha256"]
    assert "Nothing was done." in me.at_terminal("rm", "MAN 3", answers=[("[y/N]", "no\n")], expect=6).text
    me.at_terminal("rm", "MAN 3", "-y")
    me.run("restore", "MAN 3")


def folders(me, machine):
    here, names = me.folder, [peer.name for peer in machine.peers]
    mine = here / "mine"
    mine.mkdir()
    (mine / "mine.txt").write_bytes(b"of my own\n" * 100)
    port, obtain_port = free_port(), free_port()
    sharing = me.begin("share", mine, *machine.keys, "--name", "manual-laptop", "--listen", f"127.0.0.1:{port}", "--data", here / "state", "--limit-rate", "5M",
                       "--obtain-port", obtain_port)
    try:
        wait_for(lambda: "manual-laptop\there\t1\tno" in me.run("peers").stdout, 10, "the folder is listed")
        assert (here / "state" / "node.json").exists()
        with socket.create_connection(("127.0.0.1", obtain_port), timeout=10) as line:
            line.sendall(b"OBTAIN:1:mine.txt\n")
            assert line.makefile("rb").read() == b"True 1000\n" + b"of my own\n" * 100
        assert me.run("peers", "find", "paper").stdout.split("\t")[2] == ", ".join(names)
        assert me.run("peers", "find", "paper", "--exclude", names[0]).stdout.split("\t")[2] == names[1]
        me.run("peers", "find", "only-0.txt", "--exclude", names[0], expect=3)
        assert len(me.run("peers", "find", "only", "--limit", 1).stdout.splitlines()) == 1
        obtain(me, machine, names)
    finally:
        assert sharing.end() == 0
    assert "not shared any more" in sharing.output.read_text()
    by_environment = Ringbinder(machine.cluster.url, here, RB_NODE_COORDINATORS=machine.keys[1], RB_NODE_KEY=machine.keys[3])
    again = by_environment.begin("share", mine, "--data", here / "state")
    try:
        wait_for(lambda: "manual-laptop\there" in me.run("peers").stdout, 10, "it is back under its name")
    finally:
        assert again.end() == 0


def obtain(me, machine, names):
    here = me.folder
    assert me.json("obtain", "paper.bin", "--from", names[0], "-o", "p0")["sources"][0]["name"] == names[0]
    assert [s["name"] for s in me.json("obtain", "paper.bin", "--exclude", names[0], "--output", "p1")["sources"]] == [names[1]]
    assert me.json("obtain", "paper.bin", "--limit-rate", "2M", "--wait", "-o", "p2")["ms"] > 1000
    assert {(here / name).read_bytes() == machine.paper for name in ("p0", "p1", "p2")} == {True}
    (here / "paper.bin").write_bytes(b"mine")
    me.run("obtain", "paper.bin", expect=5)
    me.run("obtain", "paper.bin", "--force")
    (here / "paper.bin").write_bytes(b"mine")
    me.run("obtain", hashlib.sha256(machine.paper).hexdigest(), "-f", "-o", "paper.bin")
    assert (here / "paper.bin").read_bytes() == machine.paper
    assert "--wait" in me.run("obtain", "nobody has this.txt", expect=3).stderr
    # It was fetched often enough by now for the ring to have taken it.
    wait_for(lambda: "the ring" in me.run("peers", "find", "paper").stdout, 20, "it is adopted")
    assert all(s["ring"] for s in me.json("obtain", "paper.bin", "--from", "ring", "-o", "p3")["sources"])
    assert (here / "p3").read_bytes() == machine.paper


def machines(me, machine):
    assert "ready" in me.run("status").stdout and me.json("status")["k"] == 2
    assert "finger table of node-1" in me.run("ring", "--node", "node-1").stdout and me.run("ring").stdout
    assert "lookup in" in me.run("where", "MAN 1", "--from", "node-2").stdout and me.run("where", "MAN 1").stdout
    assert "--yes" in me.run("node", "drain", "node-3", expect=2).stderr
    assert "copies" in me.run("node", "drain", "node-3", "--dry-run").stdout and "copies" in me.run("node", "remove", "node-3", "--dry-run", "--force").stdout
    assert "copies" in me.run("set", "k", 3, "--dry-run").stdout
    me.run("node", "drain", "node-3", "--yes", "--force")
    wait_for(lambda: machine.state("node-3") not in ("up", "draining", "suspect"), 60, "node-3 is drained")
    me.run("node", "undrain", "node-3", "--yes")
    wait_for(lambda: machine.state("node-3") == "up" and machine.is_settled(), 60, "node-3 is back")
    port = free_port()
    adding = me.begin("node", "add", "node9", "--name", "node-9", "--zone", "attic", "--weight", 2, "--listen", f"127.0.0.1:{port}", "--node-url",
                      f"http://127.0.0.1:{port}", *machine.keys, "--yes")
    try:
        wait_for(lambda: machine.state("node-9") == "up" and machine.is_settled(), 60, "node-9 is counted")
        wait_for(lambda: "node-9 is in the ring" in adding.output.read_text(), 10, "it says so")
        me.run("node", "remove", "node-9", "-f", "--yes")
        wait_for(lambda: machine.state("node-9") in (None, "out", "gone") and machine.is_settled(), 60, "node-9 is out")
    finally:
        assert adding.end() == 0
    me.run("set", "k", 3, "--yes")
    wait_for(lambda: machine.api.get("/api/v1/cluster").json()["k"] == 3 and machine.is_settled(), 60, "there are three copies")


def join_token(me, name):
    """A file with a token for one machine of this name, as an operator hands it over."""
    file = me.folder / f"{name}.token"
    assert f"as {name}, until" in me.run("node", "token", name, "--zone", "attic", "--hours", 1, "--output", file).stderr
    assert file.stat().st_mode & 0o777 == 0o600 and file.read_text().startswith("rbj_")
    me.run("node", "token", name, "-o", file, expect=5)
    return file


def guests(me, machine):
    """Who has no key of the cluster comes with a token, which says the name."""
    here, coordinators = me.folder, machine.keys[:2]
    assert re.fullmatch(r"rbj_[0-9a-f]{16}_[\w-]{43}\n", me.run("node", "token", "manual-x").stdout)
    assert me.json("node", "token", "manual-x")["name"] == "manual-x"
    me.run("node", "token", "Not A Name", "-o", "no.token", expect=1)
    assert not (here / "no.token").exists()
    sharing = me.begin("share", here / "mine", *coordinators, "--data", here / "guest", "--join-token", join_token(me, "manual-guest"))
    try:
        wait_for(lambda: "manual-guest\there" in me.run("peers").stdout, 20, "the guest is listed")
    finally:
        assert sharing.end() == 0
    adding = me.begin("node", "add", "node10", "--listen", f"127.0.0.1:{free_port()}", *coordinators, "--join-token", join_token(me, "node-10"), "--yes")
    try:
        wait_for(lambda: machine.state("node-10") == "up" and machine.is_settled(), 60, "node-10 is counted")
        me.run("node", "remove", "node-10", "-f", "--yes")
        wait_for(lambda: machine.state("node-10") in (None, "out", "gone") and machine.is_settled(), 60, "node-10 is out")
    finally:
        assert adding.end() == 0


def certificates(me):
    here = me.folder
    made = me.json("ca", "init", "ca")
    assert made["key"] == "ca/ca.key" and (here / "ca/ca.key").stat().st_mode & 0o777 == 0o600
    me.run("ca", "init", "ca", expect=5)
    issued = me.json("ca", "issue", "ca", "node-1", "--address", "192.0.2.7,2001:db8::7", "--days", 30)
    assert issued["ends_at"] < made["ends_at"] and (here / "ca/node-1.key").stat().st_mode & 0o777 == 0o600
    me.run("ca", "issue", "ca", "node-1", expect=5)
    me.run("ca", "issue", "nowhere", "node-1", expect=3)
    (here / "ca/ca.key").chmod(0o644)
    me.run("ca", "issue", "ca", "node-2", expect=6)


def words_for_all(me, machine):
    elsewhere = Ringbinder("http://127.0.0.1:1", me.folder)
    assert "ready" in elsewhere.run("status", "--url", machine.cluster.url).stdout
    me.run("status", "--url", "http://127.0.0.1:1", expect=4)
    assert me.run("get", "--help").stdout == me.run("get", "-h").stdout != ""
    os.mkfifo(me.folder / "pipe")
    me.run("put", "pipe", "--course", "MAN 9", expect=1)
    return elsewhere.tried


def test_every_command_and_every_option_of_the_manual_does_what_it_says(machine, tmp_path):
    if not PAGE.exists():
        pytest.skip("no manual page beside these programs")
    me = Ringbinder(machine.cluster.url, tmp_path)
    syllabi(me)
    folders(me, machine)
    machines(me, machine)
    guests(me, machine)
    certificates(me)
    tried = me.tried + words_for_all(me, machine)
    missing = named(PAGE) - set().union(*(used(words) for words, _ in tried))
    assert not missing, f"the manual names what was not tried: {sorted(missing)}"
    statuses = {int(n) for n in re.findall(r"^\.B (\d)$", PAGE.read_text(), re.M)}
    assert statuses == {0, 1, 2, 3, 4, 5, 6} == {status for _, status in tried}
