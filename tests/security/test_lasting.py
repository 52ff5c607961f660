"""What was decided about people lasts, and holds everywhere at once: through a second front, without Redis, after Redis forgot everything, after every process was killed. What is erased is gone."""
import time

import pytest

from support.api import Api, course_path
from support.cluster import wait_for
from support.files import noise, pdf
from support.fill import blobs_on
from support.fronts import Front
from support.people import PASSWORD, Browser, client, make, raw, token

NODES = ("node-1", "node-2", "node-3")


class Two:
    """A cluster with two fronts."""

    def __init__(self, cluster, front):
        self.cluster, self.front = cluster, front
        self.urls = cluster.url, front.url
        self.admin = Api(cluster.url)

    def status(self, front, path, headers):
        return raw(self.urls[front], "GET", path, headers).status_code

    def lists_are_back(self):
        wait_for(lambda: all(Api(url, self.admin.contract).get("/api/v1/users").status_code == 200 for url in self.urls), 60, "lists are back")


@pytest.fixture(scope="module")
def two(homes):
    cluster = homes("lasting", RB_NODE_COLLECT_S=1).up()  # what is erased is looked for each second, as each hour otherwise
    with Front(cluster, 2) as front:
        yield Two(cluster, front)


@pytest.fixture
def without_redis(two):
    """Redis is away, and both fronts have noticed."""
    two.cluster.command("stop", "redis")
    try:
        for url in two.urls:
            wait_for(lambda url=url: Api(url, two.admin.contract).get("/api/v1/courses").status_code == 503, 10, "Redis is missed")
        yield
    finally:
        two.cluster.command("start", "redis")
        two.lists_are_back()


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def within(seconds, check, what):
    """Like wait_for, but says how long it took."""
    began = time.monotonic()
    wait_for(check, seconds, what, pause=0.02)
    return time.monotonic() - began


def new_token(two, user, **more):
    answer = two.admin.post("/api/v1/tokens", json={"user": user, "label": "lasting", "acts": ["read", "upload", "alter", "link", "self"], **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"], answer.json()["token"]


def new_link(two, course, **more):
    answer = two.admin.post(course_path(course, "/links"), json={"expires_s": 3600, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


# ---- through another front

def test_another_front_knows_within_a_second(two):
    make(two.admin, "quick", "contributor")
    ident, text = new_token(two, "quick")
    assert two.status(1, "/api/v1/tokens", bearer(text)) == 200
    assert two.admin.delete(f"/api/v1/tokens/{ident}").status_code == 204
    within(1, lambda: two.status(1, "/api/v1/tokens", bearer(text)) == 401, "a revoked token opens nothing there")

    _, text = new_token(two, "quick")
    assert two.status(1, "/api/v1/users", bearer(text)) == 403
    assert two.admin.patch("/api/v1/users/quick", json={"role": "reader"}).status_code == 200
    within(1, lambda: raw(two.urls[1], "PUT", course_path("LAST 1", "/syllabus") + "?filename=a.pdf", bearer(text), data=pdf("x")).status_code == 403, "a lower role")
    assert two.admin.patch("/api/v1/users/quick", json={"disabled": True}).status_code == 200
    within(1, lambda: two.status(1, "/api/v1/tokens", bearer(text)) == 401, "a locked account")
    assert two.admin.patch("/api/v1/users/quick", json={"disabled": False}).status_code == 200

    assert two.admin.upload("LAST 2", pdf("linked")).status_code == 201
    link = new_link(two, "LAST 2")
    assert two.status(1, "/api/v1/links/" + link["text"], {}) == 200
    assert two.admin.delete(f"/api/v1/links/{link['id']}").status_code == 204
    within(1, lambda: two.status(1, "/api/v1/links/" + link["text"], {}) == 403, "a revoked link")

    assert two.admin.change_settings(public_read=False).status_code == 200
    within(2, lambda: two.status(1, "/api/v1/courses", {}) == 401, "a closed binder (settings are asked for each second)")
    assert two.admin.change_settings(public_read=True).status_code == 200


def test_a_session_ends_on_all_fronts(two):
    me = Browser(two.urls[0], two.admin.contract)
    make(two.admin, "everywhere", "reader")
    assert me.sign_in("everywhere").status_code == 201
    cookie = {"Cookie": f"sid={me.secret}"}
    assert two.status(1, "/api/v1/tokens", cookie) == 200
    assert me.delete("/api/v1/session").status_code == 204
    assert two.status(1, "/api/v1/tokens", cookie) == 401


def test_revoking_holds_everywhere_without_redis_too(two, without_redis):
    make_account = two.admin.post("/api/v1/users", json={"name": "offline", "role": "contributor", "password": PASSWORD})
    assert make_account.status_code == 201, make_account.text
    ident, text = new_token(two, "offline")
    assert two.status(1, "/api/v1/session", bearer(text)) == 200
    assert raw(two.urls[1], "PUT", course_path("LAST 3", "/syllabus") + "?filename=a.pdf", bearer(text), data=pdf("3")).status_code == 201
    link = new_link(two, "LAST 3", password="open sesame")
    opened = lambda: raw(two.urls[1], "GET", "/api/v1/links/" + link["text"], {"RB-Link-Password": "open sesame"}).status_code
    assert opened() == 200
    assert two.admin.delete(f"/api/v1/tokens/{ident}").status_code == 204
    within(1, lambda: two.status(1, "/api/v1/session", bearer(text)) == 401, "a revoked token, without Redis")
    assert two.admin.delete(f"/api/v1/links/{link['id']}").status_code == 204
    within(1, lambda: opened() == 403, "a revoked link, without Redis")
    assert two.admin.change_settings(public_read=False).status_code == 200
    within(2, lambda: two.status(1, course_path("LAST 3"), {}) == 401, "a closed binder, without Redis")
    assert two.admin.change_settings(public_read=True).status_code == 200


def test_sessions_that_end_without_redis_are_over_when_it_is_back(two):
    """Redis keeps what it was not told to forget: a new password has to hold all the same."""
    make(two.admin, "robbed", "reader")
    thief, owner = (Browser(url, two.admin.contract) for url in two.urls)
    assert thief.sign_in("robbed").status_code == owner.sign_in("robbed").status_code == 201
    two.cluster.command("stop", "redis")
    try:
        wait_for(lambda: two.admin.get("/api/v1/courses").status_code == 503, 10, "Redis is missed")
        assert two.admin.put("/api/v1/users/robbed/password", json={"new": "quite another 9 staple"}).status_code == 204
    finally:
        two.cluster.command("start", "redis")
    two.lists_are_back()
    keys = [key for key in two.cluster.redis().scan_iter("rb:ses:*") if not key.startswith(b"rb:ses:u:")]
    assert len(keys) >= 2, "Redis still has them, or this proves nothing"
    assert thief.get("/api/v1/tokens").status_code == 401 and owner.get("/api/v1/tokens").status_code == 401
    assert Browser(two.urls[0], two.admin.contract).sign_in("robbed", "quite another 9 staple").status_code == 201


# ---- what Redis forgets, and what no process kept

class Decided:
    """Something of each kind, decided; holds() asks for all of it again."""

    def __init__(self, two, mark):
        self.two, self.name, self.mark = two, f"lasting-{mark}", mark
        admin = two.admin
        self.room = 5_000_000_000 + len(mark)
        make(admin, self.name, "contributor", ("LAST",), quota_bytes=12_345_678)
        make(admin, f"gone-{mark}", "reader")
        self.ident, self.token = new_token(two, self.name)
        revoked, self.revoked = new_token(two, self.name)
        assert admin.delete(f"/api/v1/tokens/{revoked}").status_code == 204
        self.course = f"LAST {mark}"
        assert admin.upload(self.course, pdf(mark)).status_code == 201
        self.link, closed = new_link(two, self.course, password="open sesame", label=mark), new_link(two, self.course)
        self.closed = closed["text"]
        assert admin.delete(f"/api/v1/links/{closed['id']}").status_code == 204
        assert admin.post("/api/v1/link-keys").status_code == 204  # the key before this one still opens
        assert admin.delete(f"/api/v1/users/gone-{mark}").status_code == 204
        assert admin.change_settings(quota_cluster_bytes=self.room, moderate=True).status_code == 200
        waits = client(admin, self.name).upload(f"{self.course} W", pdf("waits"))
        assert waits.status_code == 202, waits.text
        self.waits = waits.json()["id"]

    def holds(self):
        """By name, at once: nothing of this needs a list."""
        two, admin = self.two, self.two.admin
        account = admin.get(f"/api/v1/users/{self.name}").json()
        assert (account["role"], account["scopes"], account["quota_bytes"]) == ("contributor", ["last"], 12_345_678)
        assert admin.get(f"/api/v1/users/gone-{self.mark}").status_code == 404
        for front in (0, 1):
            assert two.status(front, "/api/v1/session", bearer(self.token)) == 200
            assert two.status(front, "/api/v1/tokens", bearer(self.revoked)) == 401
            assert raw(two.urls[front], "GET", "/api/v1/links/" + self.link["text"], {"RB-Link-Password": "open sesame"}).content == pdf(self.mark)
            assert two.status(front, "/api/v1/links/" + self.link["text"], {"RB-Link-Password": "open sesam"}) == 403
            assert two.status(front, "/api/v1/links/" + self.closed, {}) == 403
        settings = admin.get("/api/v1/settings").json()
        assert settings["quota_cluster_bytes"] == self.room and settings["moderate"] is True

    def is_listed(self):
        """Once the index is back."""
        admin = self.two.admin
        names = [row["name"] for row in everything(admin, "/api/v1/users")]
        assert self.name in names and f"gone-{self.mark}" not in names
        assert {(row["id"], row["revoked"]) for row in everything(admin, "/api/v1/tokens", user=self.name)} >= {(self.ident, False)}
        assert {(row["id"], row["revoked"]) for row in everything(admin, course_path(self.course, "/links"))} >= {(self.link["id"], False)}
        assert self.waits in [row["id"] for row in everything(admin, "/api/v1/pending")]
        assert Browser(self.two.urls[0], admin.contract).sign_in(self.name).status_code == 201


def everything(api, path, **query):
    items, cursor = [], None
    while True:
        page = api.get(path, params={"limit": 200, **query, **({"cursor": cursor} if cursor else {})}).json()
        items, cursor = items + page["items"], page["next"]
        if not cursor:
            return items


def as_installed(two):
    assert two.admin.change_settings(moderate=False, quota_cluster_bytes=None).status_code == 200


def test_what_redis_forgets_is_sessions_rates_and_counts(two):
    decided = Decided(two, "flushed")
    me = Browser(two.urls[0], two.admin.contract)
    assert me.sign_in(decided.name).status_code == 201
    two.cluster.redis().flushall()
    decided.holds()
    assert me.get("/api/v1/tokens").status_code == 401, "a session is only there"
    two.lists_are_back()
    wait_for(lambda: decided.name in [row["name"] for row in everything(two.admin, "/api/v1/users")], 30, "documents are listed again")
    decided.holds()
    decided.is_listed()
    as_installed(two)


def test_everything_holds_while_redis_is_away(two):
    decided = Decided(two, "away")
    two.cluster.command("stop", "redis")
    try:
        wait_for(lambda: two.admin.get("/api/v1/courses").status_code == 503, 10, "Redis is missed")
        decided.holds()
        refused = raw(two.urls[0], "POST", "/api/v1/session", json={"name": decided.name, "password": PASSWORD})
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) >= 1
    finally:
        two.cluster.command("start", "redis")
    two.lists_are_back()
    decided.is_listed()
    as_installed(two)


def test_everything_holds_after_every_process_was_killed(two):
    decided = Decided(two, "killed")
    for name in two.cluster.processes():
        two.cluster.kill(name)
    two.cluster.up()
    wait_for(two.front.ready, 30, "the second front found them again")
    decided.holds()
    two.lists_are_back()
    decided.is_listed()
    as_installed(two)


# ---- what is erased

def copies(two, sha256):
    return sum(sha256 in blobs_on(two.cluster, name) for name in NODES)


def test_what_is_erased_is_hidden_at_once_and_its_bytes_go(two):
    """The node's collector looks each second here, for blobs that are a second old; else each hour, for those a day old: 25 h. What is only deleted stays for its 30 days."""
    for name in ("leaver", "stayer"):
        make(two.admin, name, "contributor", known=True)
    leaver, stayer = client(two.admin, "leaver"), client(two.admin, "stayer")
    first = leaver.upload("LAST 10", noise(40_000, 1), filename="a.bin").json()
    kept = stayer.upload("LAST 10", noise(40_000, 2), filename="a.bin").json()
    deleted = leaver.upload("LAST 11", noise(40_000, 3), filename="a.bin").json()
    assert leaver.delete_course("LAST 11").status_code == 204  # it could still be brought back
    gone = stayer.upload("LAST 12", noise(40_000, 4), filename="a.bin").json()
    assert stayer.delete_course("LAST 12").status_code == 204
    both = leaver.upload("LAST 13", noise(40_000, 5), filename="a.bin").json()
    assert stayer.upload("LAST 14", noise(40_000, 5), filename="a.bin").status_code == 201
    link = leaver.post(course_path("LAST 13", "/links"), json={"expires_s": 600}).json()
    assert two.admin.change_settings(moderate=True).status_code == 200
    make(two.admin, "leaver-new", "contributor")
    waits = client(two.admin, "leaver-new").upload("LAST 15", noise(40_000, 6), filename="a.bin")
    assert waits.status_code == 202
    as_installed(two)
    sent = (first, kept, deleted, gone, both, waits.json()["record"])
    wait_for(lambda: all(copies(two, record["sha256"]) == 3 for record in sent), 10, "three copies of each")

    assert leaver.post("/api/v1/users/leaver/erase").json() == {"versions": 3, "failed": 0, "more": False}
    assert client(two.admin, "leaver-new").post("/api/v1/users/leaver-new/erase").json()["versions"] == 1
    for url in two.urls:
        http = Api(url, two.admin.contract)
        assert http.bytes("LAST 10", version=first["id"]).status_code in (404, 410) and http.bytes("LAST 13").status_code in (404, 410)
        assert http.bytes("LAST 10").content == noise(40_000, 2) and http.bytes("LAST 14").content == noise(40_000, 5)
        assert raw(url, "GET", "/api/v1/links/" + link["text"]).status_code == 403
        assert waits.json()["id"] not in [row["id"] for row in everything(http, "/api/v1/pending") if row["state"] == "waiting"]
    for course, record in (("LAST 10", first), ("LAST 11", deleted), ("LAST 13", both)):
        assert two.admin.restore(course, version=record["id"]).status_code in (404, 410), course
    wait_for(lambda: all(copies(two, record["sha256"]) == 0 for record in (first, deleted, waits.json()["record"])), 30, "the bytes are gone from all disks")
    time.sleep(3)
    assert copies(two, kept["sha256"]) == 3 and copies(two, gone["sha256"]) == 3, "what was not erased is kept"
    assert copies(two, both["sha256"]) == 3, "somebody else has the same bytes"
    assert stayer.restore("LAST 12", version=gone["id"]).status_code == 201 and stayer.bytes("LAST 12").content == noise(40_000, 4)
    assert leaver.post("/api/v1/users/leaver/erase").json() == {"versions": 0, "failed": 0, "more": False}
    assert leaver.upload("LAST 10", noise(40_000, 7), filename="a.bin").status_code == 201, "the account stays"
