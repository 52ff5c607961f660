"""What a killed peer, a killed leader and a Redis that forgot everything cost those who search; on a cluster of this module's own."""
import threading
import time

import pytest

from support.api import Api
from support.cluster import free_ports, wait_for
from support.crowd import digest_of
from support.peers import Peer, files_of, listed, lists_in_redis, peer_of, redis_of
from support.plain import Greeted

TTL_SECONDS = 1.5
BACK_SECONDS = 10


@pytest.fixture(scope="module")
def net(homes):
    return homes("sharing-faults", RB_COORDINATORS=3, RB_INDEX_PORT=free_ports(8), RB_ADOPT_AFTER=0).up()


class Silent:
    """Judges nothing: a refused search is counted, not a failure by itself."""

    def check(self, _answer):
        pass


@pytest.fixture(scope="module")
def api(net):
    return Api(net.url, Silent())


@pytest.fixture(scope="module")
def peers(net, api, full):
    made = []
    for number, count in enumerate((10_000, 7_000, 5_000) if full else (600, 300, 100)):
        files = {f"area {i // 1000}/thing {i} of {number}.txt": b"%d %d" % (number, i) for i in range(count)}
        files[f"needle {number}.txt"] = b"%d" % number
        made.append(Peer(net, net.home / "folders" / str(number), files))
    wait_for(lambda: all_back(net, made), 120, "all lists are there with their hashes")
    assert all(peer_of(api, peer.name)["files"] == len(peer.names()) for peer in made)
    return made


def all_back(net, peers):
    """Whether the index has just what the folders hold, hashes and all."""
    lists = {peer.split(".")[0]: row for peer, row in lists_in_redis(net).items()}
    return all(lists.get(p.name) == want for p, want in ((p, expected(p)) for p in peers))


def expected(peer):
    if not hasattr(peer, "expected"):
        rows = files_of(peer.folder)
        peer.expected = (len(rows), digest_of(rows))
    return peer.expected


def told_anew(net, peers):
    return sum(net.log(peer.name).count("told anew") for peer in peers)


def leader(api):
    answer = api.get("/api/v1/cluster")
    found = answer.json()["leader"] if answer.status_code == 200 else None
    return found["name"] if found else None


class Searches:
    """A search every 50 ms until it is stopped. `ask` gives the holders found; each try goes to `failed` when it fails or does not find what it should."""

    def __init__(self, ask, want):
        self.ask, self.want, self.failed, self.count, self.over = ask, want, [], 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.over.wait(0.05):
            began = time.monotonic()
            try:
                found = self.ask()
                what = None if found == self.want else found
            except (OSError, ValueError, AssertionError, AttributeError) as problem:
                what = repr(problem)[:200]
            self.count += 1
            if what is not None:
                self.failed.append((f"{time.monotonic() - began:.2f} s", what))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(60)


class LineClient:
    """Searches by the line protocol over one connection, to another coordinator when that breaks."""

    def __init__(self, net, first, name):
        self.net, self.name, self.line = net, name, None
        self.order = [first, *(n for n in net.names("coordinator") if n != first)]

    def __call__(self):
        try:
            self.line = self.line or Greeted(self.net, self.order[0])
            return len(self.line.search(-1, self.name))
        except (OSError, ValueError, AttributeError):
            self.line = None
            self.order.append(self.order.pop(0))
            raise


def one_name(api, q):
    rows = api.get("/api/v1/peers/files", params={"q": q})
    return sorted(h["name"] for row in rows.json()["items"] for h in row["holders"]) if rows.status_code == 200 else rows.status_code


def test_the_entries_of_a_killed_peer_are_gone_within_the_ttl_and_a_second(net, api, peers):
    victim = peers[2]
    name = "needle 2.txt"
    assert one_name(api, name) == [victim.name]
    net.kill(victim.name)
    killed = time.monotonic()
    wait_for(lambda: one_name(api, name) == [], TTL_SECONDS + 1, "its entries are gone", pause=0.05)
    print(f"gone after {time.monotonic() - killed:.2f} s")
    assert listed(api, victim.name) == []
    before = told_anew(net, peers)
    net.start(victim.name)
    wait_for(lambda: one_name(api, name) == [victim.name], 10, "it is back", pause=0.05)
    time.sleep(1)
    assert told_anew(net, peers) == before, "its list was still there, so that nothing had to be told"


def test_a_killed_leader_costs_at_most_one_search_and_no_list(net, api, peers):
    name, before = "needle 1.txt", told_anew(net, peers)
    victim = wait_for(lambda: leader(api), 20, "somebody leads")
    other = next(n for n in net.names("coordinator") if n != victim)
    with Greeted(net, other) as keeper:
        assert keeper.ask(f"LISTEN:{keeper.id}:9000") == "DONE" and keeper.ask(f"REGISTER:{keeper.id}:by lines.txt") == "DONE"
        rest = Searches(lambda: one_name(api, name), [peers[1].name])
        with rest, Searches(LineClient(net, victim, "by lines.txt"), 1) as at_leader, Searches(LineClient(net, other, "by lines.txt"), 1) as at_other:
            time.sleep(1)
            net.kill(victim)
            wait_for(lambda: leader(api) not in (None, victim), 15, "another leads")
            time.sleep(3)
        print(f"searches and failures: REST {rest.count} {rest.failed}, by lines at the leader {at_leader.count} {at_leader.failed}, "
              f"at another {at_other.count} {at_other.failed}")
        assert min(rest.count, at_leader.count, at_other.count) > 30
        assert len(rest.failed) <= 1 and len(at_leader.failed) <= 1 and not at_other.failed
    assert all_back(net, peers) and told_anew(net, peers) == before
    assert all(peer_of(api, peer.name)["files"] == expected(peer)[0] for peer in peers)
    net.start(victim)
    # The new leader takes changes on top of what it found.
    peers[0].write("after the change.txt", b"new")
    wait_for(lambda: one_name(api, "after the change.txt") == [peers[0].name], 3, "a change is listed")
    assert told_anew(net, peers) == before
    del peers[0].expected


def test_after_flushall_all_lists_are_back_within_ten_seconds(net, api, peers):
    wait_for(lambda: all_back(net, peers), 10, "all is there before")
    before = told_anew(net, peers)
    redis_of(net).flushall()
    flushed = time.monotonic()
    counts = {peer.name: expected(peer)[0] for peer in peers}

    def counted():
        answer = api.get("/api/v1/peers", params={"limit": 200})
        rows = {row["name"]: row["files"] for row in answer.json()["items"]} if answer.status_code == 200 else {}
        return all(rows.get(name) == count for name, count in counts.items())

    wait_for(counted, 60, "the API counts all files")
    names = time.monotonic() - flushed
    wait_for(lambda: all_back(net, peers), 60, "the digests agree")
    print(f"{sum(counts.values())} files of three peers are back after {names:.2f} s, the digests agree after {time.monotonic() - flushed:.2f} s")
    assert names <= BACK_SECONDS
    wait_for(lambda: told_anew(net, peers) == before + 3, 5, "each told its list once")
