"""S6, S8, S11: floods against a whole cluster with nginx's real limits, the api and a node under small limits, and slowhttptest. While it goes on others are served as before, and after it
everything is as before, without anybody's doing.

The attackers have addresses of their own (127.66.0.0/16), each held to nginx's limits; of loopback only 127.0.0.1, whom the tests' own clients use, is exempt.

A process is given 64 descriptors by RLIMIT_NOFILE and 64 MiB by RLIMIT_DATA. Not by RLIMIT_AS: that counts addresses, among them libraries, mapped files and reservations that are no
memory. Not by a control group, which is what an operator would take: making one needs rights that those who run tests have not everywhere, and it counts only pages that are touched.
RLIMIT_DATA counts all memory that may be written, touched or not, so whoever stays within it stays within a group of that size."""
import itertools
import os
import pathlib
import resource
import signal
import subprocess
import time

import pytest

from support.api import Api
from support.cluster import ROOT, alive, resident_bytes, wait_for
from support.files import pdf
from support.flood import Flood, Floods, sign_in
from support.load import Load
from support.people import PASSWORD, make
from support.watch import Holdings, Others, descriptors

MIB = 1 << 20
ADDRESSES = 100
DESCRIPTORS, MEMORY = 64, 64 * MIB
HASH_BYTES = 19 * MIB  # of one password
LIMITS = {"descriptors": f"--nofile={DESCRIPTORS}", "memory": f"--data={MEMORY}", "of both": f"--nofile={DESCRIPTORS} --data={MEMORY}"}
WRAPPER = """#!/bin/sh
if [ -e "$0.limits" ]; then exec prlimit $(cat "$0.limits") -- {program} "$@"; fi
exec {program} "$@"
"""


class World:
    """The cluster, whose programs may be started with limits."""

    def __init__(self, homes, folder, full):
        real = pathlib.Path(os.environ.get("RB_BIN", ROOT / "build/release/bin"))
        self.folder = folder
        for program in real.iterdir():
            (folder / program.name).write_text(WRAPPER.format(program=program))
            (folder / program.name).chmod(0o755)
        self.cluster = homes("floods", RB_BIN=folder, RB_EXEMPT="127.0.0.1/32").up()
        self.front = f"127.0.0.1:{self.cluster.port}"
        self.api = Api(self.cluster.url)
        self.others = Others(self.cluster, full)
        assert self.api.upload("WATCHED", pdf("watched", 20_000)).status_code == 201
        make(self.api, "honest", "reader")
        make(self.api, "visitor", "reader")
        self.sign_in("honest", "127.0.0.10")
        self.warm_up()

    def warm_up(self):
        """Everything was asked once, by as many at once as there are threads, and there were once more connections than glibc keeps stacks for (40 MiB of them, a few pages each): what a process
        needs for good it has from here on."""
        with Load(self.cluster.url, writers=20, readers=20, size=20_000, retries=5):
            with Flood(self.front, "guesses", 40, 40, rate=40), self.uploads(20), Flood(self.front, "idle", 100, 20), self.inside_idle(200):
                time.sleep(3)

    def uploads(self, count):
        return Flood(self.front, "uploads", count, max(count // 10, 1), token=self.cluster.token())

    def inside_idle(self, count):
        """Idle connections to every node and coordinator."""
        rows = self.cluster.processes().values()
        return Floods(*(Flood(row["url"].removeprefix("http://"), "idle", count, ADDRESSES) for row in rows if row["role"] in ("node", "coordinator")))

    def limited(self, name, limit):
        """The same process, with so little."""
        program = "ringbinder-" + name.split("-")[0]
        note = self.folder / f"{program}.limits"
        self.cluster.command("stop", name)
        note.write_text(limit)
        try:
            self.cluster.start(name)
        finally:
            note.unlink()
        if name.startswith("node"):
            self.api_sees(name)

    def freed(self, name):
        """As it was before."""
        self.cluster.command("stop", name)
        self.cluster.start(name)
        if name.startswith("node"):
            self.api_sees(name)
        self.warm_up()

    def api_sees(self, name):
        def is_up():
            return any(node["name"] == name and node["state"] == "up" for node in self.api.get("/api/v1/cluster").json()["nodes"])
        wait_for(is_up, 20, f"{name} is back")

    def sign_in(self, name, source, seconds=20):
        """Somebody honest, who tries again when told so; how many tries it took."""
        end, tries = time.monotonic() + seconds, 1
        while (status := sign_in(("127.0.0.1", self.cluster.port), source, name, PASSWORD)) != 201:
            assert status in (429, 503) and time.monotonic() < end, f"nobody signs in any more: {status}"
            time.sleep(1)
            tries += 1
        return tries


@pytest.fixture(scope="module")
def world(homes, tmp_path_factory, full):
    return World(homes, tmp_path_factory.mktemp("bin"), full)


@pytest.fixture
def holdings(world):
    """All comes back by itself, after each test."""
    held = Holdings(world.cluster)
    yield held
    held.come_back()


# ---- the whole service

def test_idle_connections_hold_nobody_up(world, holdings, full):
    count = 1000 if full else 400
    told = world.others.go_on(lambda: Flood(world.front, "idle", count, ADDRESSES), 10 if full else 2, f"{count} idle connections")
    assert told["opened"] >= count and told["held at the end"] + told.get("closed", 0) >= count * 0.9, "nginx closes them after ten seconds, and others come"


def test_slow_uploads_hold_nobody_up(world, holdings, full):
    """Ten from each address: nginx lets so many in at once. They have a right to upload; who has none is refused before the body."""
    count = 200 if full else 100
    told = world.others.go_on(lambda: world.uploads(count), 10 if full else 2, f"{count} slow uploads")
    assert told["opened"] >= count and told["dripped"] >= count
    told = world.others.go_on(lambda: Flood(world.front, "uploads", count, count // 10), 2, f"{count} slow uploads by nobody")
    assert told["401"] >= count * 0.9 and "dripped" not in told, told


def test_guesses_from_one_address_reach_nobody(world, holdings, full):
    count = 10_000 if full else 500
    with Flood(world.front, "guesses", count, 1, rate=1000, known="honest") as flood:
        world.others.watch(1)
        told = flood.wait(300)
    assert set(told) <= {"401", "429"} and sum(told.values()) == count, told
    assert told["401"] <= 10 + count // 100, "five at once, and then five a minute"
    print(f"\nguesses from one address: {told}")


def test_guesses_from_everywhere_take_nothing_from_others(world, holdings, full):
    """Each address is within what nginx lets in, so all reach the api. Every other guess is at a name that nobody has, which costs a hash each; the rest are at somebody's, who gets in all the
    same, from where they have been before."""
    count, rate = (10_000, 100) if full else (200, 50)
    pid = world.cluster.pid("api-1")
    before = resident_bytes(pid)
    pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # its peak begins anew

    addresses = itertools.count(1000, count // 4)  # new ones each time: nginx remembers them

    def flood():
        return Flood(world.front, "guesses", count, count // 4, rate=rate, known="honest", first=next(addresses))

    with flood() as on:
        tries = world.sign_in("visitor", "127.0.0.11"), world.sign_in("honest", "127.0.0.10")
        told = on.wait(300)
    assert set(told) <= {"401", "429", "503"} and sum(told.values()) == count, told
    assert told.get("401", 0) > 5, "the passwords were looked at"
    peak = resident_bytes(pid, peak=True) - before
    print(f"\nguesses from {count // 4} addresses: {told}; honest sign-ins took {tries} tries; the api's peak {peak >> 20} MiB above before")
    assert peak < 3 * HASH_BYTES, "more than two at once"
    if full:  # asks for a machine of its own: each try is two writes of Redis, flushed to the disk that all share
        world.others.go_on(flood, 10, "guesses from everywhere")


def test_uploads_of_nothing_leave_nothing(world, holdings, full):
    count = 10_000 if full else 300
    for _ in range(count):
        assert world.api.upload("NOTHING", b"", headers={"Content-Length": "0"}).status_code == 422
    assert world.api.course("NOTHING").status_code == 404


def test_idle_connections_to_the_inside_hold_nobody_up(world, holdings, full):
    """Ports of nodes and coordinators are for nobody but us, but on loopback whoever is on this machine reaches them, and a connection has to prove nothing."""
    count = 1000 if full else 450
    world.others.go_on(lambda: world.inside_idle(count), 10 if full else 3, f"{count} idle connections to each process inside")
    assert world.api.upload("WATCHED", pdf(f"inside {time.time()}", 20_000)).status_code == 201
    assert {node["state"] for node in world.api.get("/api/v1/cluster").json()["nodes"]} == {"up"}


# ---- one process with little

def in_force(pid):
    """(descriptors, bytes of memory) that a process may have."""
    return resource.prlimit(pid, resource.RLIMIT_NOFILE)[0], resource.prlimit(pid, resource.RLIMIT_DATA)[0]


def everything(world, name, full):
    floods = [Flood(world.front, "idle", 1000 if full else 200, ADDRESSES), world.uploads(200 if full else 50),
              Flood(world.front, "guesses", 10_000 if full else 100, 50, rate=100 if full else 20)]
    if name.startswith("node"):
        floods.append(Flood(world.cluster.processes()[name]["url"].removeprefix("http://"), "idle", 1000 if full else 200, ADDRESSES))
    return Floods(*floods)


def press(world, seconds):
    """Many at once who have every right to: what has no room waits or is told to come back, nothing is lost or mixed up."""
    with Load(world.cluster.url, writers=8, readers=8, size=300_000, retries=40, retry_after=0.2) as load:
        time.sleep(seconds)
    load.check_all()
    assert load.count("upload") > 0 and load.count("read") > 0
    return f"{load.count('upload')} uploads, {load.count('read')} reads, tries and retries"


def check_little(world, name, limit, full):
    world.limited(name, LIMITS[limit])
    pid = world.cluster.pid(name)
    descriptors_max, memory_max = in_force(pid)
    assert (limit == "memory" or descriptors_max == DESCRIPTORS) and (limit == "descriptors" or memory_max == MEMORY)
    worked = press(world, 5 if full else 1)
    world.warm_up()
    held = Holdings(world.cluster)
    world.others.go_on(lambda: everything(world, name, full), 10 if full else 2, f"{name} with little {limit}")
    worked += f"; {press(world, 5 if full else 1)}"
    print(f"{name}, {limit}: {worked}; {resident_bytes(pid, peak=True) >> 20} MiB at most, {descriptors(pid)} descriptors now")
    assert alive(pid) and world.cluster.pid(name) == pid
    assert limit == "descriptors" or resident_bytes(pid, peak=True) < MEMORY
    held.come_back()


@pytest.mark.parametrize("name", ["api-1", pytest.param("node-1", marks=pytest.mark.long)])
def test_with_little_the_service_goes_on(world, name, full):
    try:
        for limit in LIMITS if full else ["of both"]:
            check_little(world, name, limit, full)
    finally:
        world.freed(name)


@pytest.mark.parametrize("name", ["api-1", pytest.param("node-1", marks=pytest.mark.long)])
def test_what_loses_its_descriptors_gets_over_it(world, holdings, name, full):
    """An operator lowers the limit of a process that runs, below what it has open already; and takes it back."""
    pid = world.cluster.pid(name)
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with Load(world.cluster.url, writers=4, readers=4, size=20_000, retries=60, retry_after=0.2) as load:
        time.sleep(0.5)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, hard))
        time.sleep(5 if full else 2)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        time.sleep(1)
    load.check_all()
    assert alive(pid)
    world.others.watch(1)


# ---- slowhttptest

SLOW_MODES = {
    "header": ("/", ["-H", "-i", "5", "-x", "24"]),
    "body": ("/api/v1/courses/SLOW/syllabus?filename=a.pdf", ["-B", "-i", "5", "-s", "1048576", "-x", "10", "-t", "PUT"]),
    "read": ("/api/v1/courses/LARGE/syllabus", ["-X", "-w", "1", "-y", "64", "-n", "5", "-z", "8"]),
}


class Slow:
    """slowhttptest. It cannot choose its address and so comes from the one that is exempt: no limit of an address holds it, only time-outs and the way requests are taken."""

    def __init__(self, front, mode, count, folder):
        path, words = SLOW_MODES[mode]
        self.report = folder / mode
        self.words = ["nice", "-n", "10", "slowhttptest", *words, "-c", str(count), "-r", str(count), "-l", "240", "-p", "5", "-g", "-o", str(self.report), "-u", f"http://{front}{path}"]

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        time.sleep(2)
        assert self.process.poll() is None, self.process.communicate()[0][-500:]
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Its report: a row for each second. What it says in the end, and whether its own probe was always answered."""
        if self.process.stdout.closed:
            return None
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=30)[0]
        rows = [[int(cell) for cell in row.split(",")] for row in self.report.with_suffix(".csv").read_text().splitlines()[1:]]
        assert rows, said[-500:]
        return {"seconds": len(rows), "held": max(row[3] for row in rows), "closed": rows[-1][1], "available": all(row[4] > 0 for row in rows)}


@pytest.mark.long
def test_slowhttptest_finds_the_service_available(world, holdings, tmp_path):
    """Mode by mode."""
    assert world.api.upload("LARGE", pdf("large", 4 * MIB)).status_code in (200, 201)
    for mode in SLOW_MODES:
        told = world.others.go_on(lambda mode=mode: Slow(world.front, mode, 1000, tmp_path), 30, f"slowhttptest, {mode}")
        assert told["available"] and told["held"] > 0, told
