"""Who may do what (S9 to S13): every route for every role under every setting, sessions, signing in, other methods, share links."""
import hashlib
import itertools
import json
import random
import re
import statistics
import threading
import time
import urllib.parse

import pytest

from support.api import Api, course_path
from support.cluster import ROOT, resident_bytes, wait_for
from support.files import pdf
from support.people import ACTS, PASSWORD, Browser, client, make, raw, table, token
from support.raw import exchange

CELLS = table((ROOT / "lib/auth/README.md").read_text())
ROLES = ("nobody", "reader", "contributor", "maintainer", "admin")
# In the order of a cell's four answers.
SETTINGS = ({"public_read": True, "public_upload": False}, {"public_read": True, "public_upload": True},
            {"public_read": False, "public_upload": False}, {"public_read": False, "public_upload": True})
NO_RECORD = {"If-Match": '"0000000000001000000000000000000f"'}
NO_ID, NO_SHA = "0" * 16, "0" * 64


@pytest.fixture(scope="module")
def world(homes):
    """A cluster with people of each role: NAME may everything their role may, NAME-s only in CSEN; and a course of each, within and without."""
    return World(homes("access", RB_PROXIES="127.0.0.1/32").up())  # so that what this machine says of who signed in reaches the api


class World:
    def __init__(self, cluster):
        self.cluster, self.url = cluster, cluster.url
        self.admin = Api(cluster.url)
        self.clients = {"nobody": Api(cluster.url, self.admin.contract, token=""), "nobody-s": Api(cluster.url, self.admin.contract, token="")}
        for role in ROLES[1:]:
            for name, scopes in ((f"t-{role}", ()), (f"t-{role}-s", ("CSEN",))):
                make(self.admin, name, role, scopes)
                self.clients[name[2:]] = client(self.admin, name)
        self.settings(0)
        self.admin.change_settings(public_upload=True)
        self.versions = {}
        for owner in ("admin", *(f"t-{role}-s" for role in ROLES[1:])):
            uploader = self.admin if owner == "admin" else self.clients[owner[2:]]
            for field in ("CSEN", "MATH"):
                answer = uploader.upload(f"{field} {owner}", pdf(f"{field} {owner}"))
                assert answer.status_code == 201 and answer.json()["uploader"] == owner, answer.text
                self.versions[f"{field} {owner}"] = answer.json()["id"]
        self.links = {}
        for course in self.versions:
            answer = self.admin.post(course_path(course, "/links"), json={"expires_s": 3600})
            assert answer.status_code == 201, answer.text
            self.links[course] = answer.json()
        self.decided = {field: self.decide(field) for field in ("CSEN", "MATH")}

    def settings(self, number):
        assert self.admin.change_settings(moderate=False, **SETTINGS[number]).status_code == 200

    def decide(self, field):
        """An upload that had to wait and was rejected: nothing that is done to it has an effect."""
        make(self.admin, f"new-{field.lower()}", "contributor")
        assert self.admin.change_settings(moderate=True).status_code == 200
        answer = client(self.admin, f"new-{field.lower()}").upload(f"{field} 99", pdf(field))
        assert answer.status_code == 202 and answer.json()["state"] == "waiting", answer.text
        assert self.admin.post(f"/api/v1/pending/{answer.json()['id']}/reject", json={}).status_code == 204
        assert self.admin.change_settings(moderate=False).status_code == 200
        return answer.json()["id"]

    def course(self, role, what):
        """The course that a row of the table is about, as somebody of this role sees it."""
        owner = f"t-{role}-s" if what.startswith("own") and role != "nobody" else "admin"
        return ("MATH " if "out of scope" in what else "CSEN ") + owner


# ---- what each operation is asked, and what it answers who may

class Row:
    """How one operation is asked so that whoever may gets one of `ok`, and nothing is changed that the table stands on. on: which rows of the README's table it is held
    against. hides: a refusal that depends on what is there is a 404."""

    def __init__(self, ok, on="first", query=None, body=None, headers=None, hides=False, **path):
        self.ok, self.on, self.query, self.body, self.headers, self.hides, self.path = set(ok), on, query or {}, body, headers or {}, hides, path


FORM = {"files": {"file": ("a.pdf", pdf("form"), "application/pdf")}}
COURSE = ("another's", "own", "another's, out of scope", "own, out of scope")
TABLE = {
    "listCourses": Row([200]),
    "getCourse": Row([200], "course"),
    "getPlacement": Row([200], "course"),
    "getSyllabus": Row([200], "course"),
    "putSyllabus": Row([200, 201], "upload", query={"filename": "a.pdf"}, body=lambda w: {"data": pdf("cell")}),
    "postSyllabus": Row([200, 201], "upload", body=lambda w: FORM),
    "deleteSyllabus": Row([412], "course", headers=NO_RECORD),
    "restoreSyllabus": Row([412], "course", headers=NO_RECORD, query={"version": "1"}),
    "getAccess": Row([200], "course"),
    "listLinks": Row([200], "own list"),
    "makeLink": Row([201], "course", body=lambda w: {"json": {"expires_s": 60}}),
    "revokeLink": Row([204], "link", hides=True),
    "listPeers": Row([200]),
    "listPeerFiles": Row([200]),
    "getAdoptedFile": Row([404], sha256=NO_SHA),
    "getPeerSources": Row([404], sha256=NO_SHA),
    "getPeerFile": Row([404], peer="nobody", name="x"),
    "getCluster": Row([200]),
    "getRing": Row([200]),
    "setReplication": Row([200], "whole", query={"dry_run": "1"}, body=lambda w: {"json": {"k": 3}}),
    "drainNode": Row([200, 409], "whole", query={"dry_run": "1"}, node="node-1"),
    "undrainNode": Row([404], "whole", node="nobody"),
    "removeNode": Row([200, 409], "whole", query={"dry_run": "1"}, node="node-1"),
    "signOut": Row([409], "self"),
    "signOutEverywhere": Row([204], "self"),
    "listUsers": Row([200], "whole"),
    "makeUser": Row([409], "whole", body=lambda w: {"json": {"name": "admin", "role": "reader"}}),
    "getUser": Row([200], "account"),
    "changeUser": Row([200], "account", body=lambda w: {"json": {"shown": "Somebody"}}),
    "removeUser": Row([404], "stranger"),
    "setPassword": Row([204], "account", body=lambda w: {"json": {"old": PASSWORD, "new": PASSWORD}}),
    "exportUser": Row([200], "account"),
    "eraseUser": Row([200, 404], "stranger"),
    "listOwnPending": Row([200], "account"),
    "listTokens": Row([200], "self"),
    "makeToken": Row([201], "self", body=lambda w: {"json": {"label": "cell", "acts": ["read"], "expires_s": 60}}),
    "revokeToken": Row([404], "self", id=NO_ID),
    "listPending": Row([200]),
    "getPendingFile": Row([200, 404, 410], "pending", hides=True),
    "acceptPending": Row([409], "pending", hides=True),
    "rejectPending": Row([204], "pending", hides=True, body=lambda w: {"json": {}}),
    "getSettings": Row([200], "whole"),
    "putSettings": Row([200], "whole", body=lambda w: {"json": w.admin.get("/api/v1/settings").json()}),
    "rotateLinkKeys": Row([204], "whole"),
    "makeJoinToken": Row([201], "whole", body=lambda w: {"json": {"name": "node-9", "expires_s": 60}}),
    "getAudit": Row([200], "whole"),
}
OPEN = {"openLink", "openLinkWithForm", "signIn", "getSession", "join", "getContract", "healthz", "readyz", "metrics"}


def document():
    return json.loads((ROOT / "fcgi/openapi.json").read_text())


def operations():
    """(path, method, operation) of every operation."""
    return [(path, method.upper(), item[method]) for path, item in document()["paths"].items() for method in item if method != "parameters"]


def test_every_operation_has_a_row_and_every_row_an_operation():
    named = {operation["operationId"]: operation["x-act"] for _, _, operation in operations()}
    assert {name for name, act in named.items() if act == "none"} == OPEN
    assert {name for name, act in named.items() if act != "none"} == set(TABLE)
    assert {act for act, _ in CELLS} == {"none", *ACTS}, "the table of lib/auth/README.md was not understood"


def cases(world, operation, row, role):
    """(who, path parameters, query, [cells of the table, first look and second]) of all that one role is asked."""
    act = operation["x-act"]
    first = {"read": "not known yet", "upload": "not known yet", "alter": "not known yet", "link": "not known yet", "moderate": "not known yet"}.get(act, "–")
    scoped = f"{role}-s"
    if row.on in ("first", "self"):
        yield scoped, row.path, row.query, [(act, first)]
    elif row.on == "whole":
        yield role, row.path, row.query, [(act, "–, the account has none")]
        yield scoped, row.path, row.query, [(act, "–, the account has a scope")]
    elif row.on in ("course", "upload", "own list"):
        for what in COURSE:
            course = world.course(role, what) if row.on != "upload" else f"{world.course(role, what)} {role} {what}"
            cell = what if row.on != "own list" else what.replace("another's", "own")
            yield scoped, {**row.path, "course": course}, row.query, [(act, first), (act, cell)]
    elif row.on == "link":
        for what in ("another's", "another's, out of scope"):
            yield scoped, {"link": world.links[world.course(role, what)]["id"]}, row.query, [(act, first), (act, what)]
    elif row.on == "pending":
        for field, what in (("CSEN", "another's"), ("MATH", "another's, out of scope")):
            yield scoped, {"id": world.decided[field]}, row.query, [(act, first), (act, what)]
    elif row.on in ("account", "stranger"):
        if row.on == "account" and role != "nobody":
            yield role, {"user": f"t-{role}"}, row.query, [("self", "–")]
        yield role, {"user": "new-math" if row.on == "account" else "nobody-at-all"}, row.query, [("self", "–"), ("accounts", "–, the account has none")]
        yield scoped, {"user": "new-math" if row.on == "account" else "nobody-at-all"}, row.query, [("self", "–"), ("accounts", "–, the account has a scope")]
    else:
        raise AssertionError(row.on)


def expected(row, role, setting, cells):
    """The statuses that the table allows: the first look's refusal stands; one that depends on what is there may be hidden."""
    for number, cell in enumerate(cells):
        said = CELLS[cell][role][setting]
        if said != "yes":
            return {404 if number and row.hides and said == "403" else int(said)}
    return row.ok


def ask(world, who, method, path, row, parameters, query, head=False):
    for name, value in parameters.items():
        path = path.replace("{" + name + "}", urllib.parse.quote(value, safe=""))
    body = row.body(world) if row.body else {}
    if parameters.get("user") == "new-math" and "old" in str(body):
        body = {"json": {"new": PASSWORD}}
    return world.clients[who].request("HEAD" if head else method, path, params=query, headers=row.headers, **({} if head else body))


@pytest.mark.parametrize("setting", [pytest.param(0, id="as installed"), pytest.param(1, id="both on", marks=pytest.mark.long), pytest.param(2, id="both off"),
                                     pytest.param(3, id="upload alone", marks=pytest.mark.long)])
def test_every_cell(world, setting):
    """Role × route × method, within scope and without, of one's own and of another's. A HEAD is answered as its GET."""
    world.settings(setting)
    wrong, asked = [], 0
    for (path, method, operation), role in itertools.product(operations(), ROLES):
        if operation["x-act"] == "none":
            continue
        row = TABLE[operation["operationId"]]
        for who, parameters, query, cells in cases(world, operation, row, role):
            good = expected(row, role, setting, cells)
            for head in (False, True) if method == "GET" else (False,):
                answer = ask(world, who, method, path, row, parameters, query, head)
                asked += 1
                if answer.status_code not in good:
                    wrong.append(f"{'HEAD' if head else method} {path} {parameters} by {who}: {answer.status_code}, not {sorted(good)}: {answer.text[:160]}")
                if answer.status_code == 401:
                    assert answer.headers["WWW-Authenticate"].startswith("Bearer"), path
    assert not wrong, f"{len(wrong)} of {asked} cells\n" + "\n".join(wrong[:40])
    assert asked > 350


def without_number(answer):
    return {key: value for key, value in answer.json().items() if key != "request_id"}


def test_what_one_must_not_know_of_is_like_what_is_not_there(world):
    """Out of scope, with public_read off: the course that is there and the one that is not are one answer, to every method; also for other people's accounts, tokens and links."""
    world.settings(2)
    member = world.clients["contributor-s"]
    for method, tail, body in (("GET", "", {}), ("GET", "/syllabus", {}), ("GET", "/placement", {}), ("PUT", "/syllabus", {"data": pdf("x")}), ("DELETE", "/syllabus", {}),
                               ("POST", "/restore", {}), ("GET", "/links", {}), ("POST", "/links", {"json": {"expires_s": 60}})):
        there, absent = (member.request(method, course_path(course, tail), **body) for course in ("MATH admin", "MATH nowhere"))
        assert there.status_code == absent.status_code == 404, (method, tail, there.status_code, absent.status_code)
        assert without_number(there) == without_number(absent) == without_number(member.get(course_path("CSEN nowhere"))), (method, tail)
    for path, absent in (("/api/v1/users/admin", "/api/v1/users/nobody-at-all"), ("/api/v1/users/admin/export", "/api/v1/users/nobody-at-all/export")):
        answers = member.get(path), member.get(absent)
        assert [a.status_code for a in answers] == [403, 403] and without_number(answers[0]) == without_number(answers[1])
    mine = world.cluster.token()[3:19]
    for kind, there in (("tokens", mine), ("links", world.links["MATH admin"]["id"])):
        answers = member.delete(f"/api/v1/{kind}/{there}"), member.delete(f"/api/v1/{kind}/{NO_ID}")
        assert [a.status_code for a in answers] == [404, 404] and without_number(answers[0]) == without_number(answers[1])
    listed = {row["key"] for row in member.get("/api/v1/courses", params={"limit": 200}).json()["items"]}
    assert listed and all(key.startswith("csen") for key in listed)
    assert "MATH" not in member.get("/api/v1/courses", params={"q": "math"}).text


def test_a_version_is_altered_by_its_owner_or_a_maintainer(world):
    """S12: another's delete, another course's version, a version id of another course; what is one's own may go and come back, with others' versions beside it."""
    world.settings(0)
    ada, bob, boss = (world.clients[who] for who in ("contributor", "contributor-s", "maintainer"))
    first = ada.upload("CSEN 800", pdf("ada"), title="A").json()
    second = bob.upload("CSEN 800", pdf("bob"), title="B").json()
    assert [first["uploader"], second["uploader"]] == ["t-contributor", "t-contributor-s"]
    assert ada.delete_course("CSEN 800").status_code == 403  # not all of it is theirs
    assert ada.delete_course("CSEN 800", version=second["id"]).status_code == 403
    assert ada.delete_course("CSEN 800", version="2").status_code == 403
    assert ada.restore("CSEN 800", version=second["id"]).status_code == 403
    assert ada.delete_course("CSEN 800", version=world.versions["CSEN admin"]).status_code == 404
    assert ada.delete_course("CSEN admin", version=first["id"]).status_code == 404
    assert bob.bytes("CSEN 800").content == pdf("bob")
    assert bob.delete_course("CSEN 800", version=second["id"]).status_code == 204
    assert bob.bytes("CSEN 800").content == pdf("ada")
    assert ada.delete_course("CSEN 800", version=first["id"], headers={"If-Match": f'"{second["id"]}"'}).status_code in (204, 412)
    assert boss.restore("CSEN 800", version=second["id"]).status_code == 201
    assert boss.delete_course("CSEN 800").status_code == 204
    alone = ada.upload("CSEN 801", pdf("alone")).json()
    assert ada.delete_course("CSEN 801").status_code == 204
    assert ada.restore("CSEN 801", version=alone["id"]).status_code == 201


def test_nobody_says_who_they_are_in_words(world):
    """S12: what a client says of itself is nothing: uploader fields, X-Remote-User, X-HTTP-Method-Override, a role in a body."""
    world.settings(1)
    assert world.clients["nobody"].upload("CSEN 810", pdf("x")).json()["uploader"] == ""
    assert raw(world.url, "PUT", course_path("CSEN 810", "/syllabus") + "?uploader=admin", data=pdf("x")).status_code == 400
    world.settings(0)
    for headers in ({"X-Remote-User": "admin"}, {"X-Forwarded-User": "admin"}, {"X_Remote_User": "admin"}, {"REMOTE_USER": "admin"}, {"X-Real-IP": "127.0.0.1", "X-Remote-User": "admin"}):
        assert raw(world.url, "GET", "/api/v1/users", headers).status_code == 401, headers
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert raw(world.url, "GET", course_path("CSEN admin"), {header: "DELETE"}).status_code == 200
        assert raw(world.url, "POST", course_path("CSEN admin"), {header: "DELETE"}).status_code == 405
    assert world.clients["contributor"].patch("/api/v1/users/t-contributor", json={"role": "admin"}).status_code == 400
    assert world.clients["contributor"].patch("/api/v1/users/t-contributor", json={"shown": "C", "role": "admin"}).status_code == 400
    assert world.admin.get("/api/v1/users/t-contributor").json()["role"] == "contributor"


def test_other_methods_are_405_for_everybody(world):
    paths = document()["paths"]
    for path, item in paths.items():
        plain = re.sub(r"\{[a-z0-9]+\}", "x", path)
        known = {m.upper() for m in item if m != "parameters"} | ({"HEAD"} if "get" in item else set())
        for method in {"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND"} - known:
            line = "x:443" if method == "CONNECT" else plain
            status, headers, _ = exchange(world.cluster.port, f"{method} {line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            assert status == 405 or (method == "CONNECT" and status in (400, 405)), (method, plain, status)
            if status == 405 and method not in ("TRACE", "CONNECT"):
                assert set(headers["allow"].replace(" ", "").split(",")) == known, (method, plain, headers["allow"])


# ---- S9

def test_forged_requests_of_strangers_pages_are_refused(world):
    """Cross-site by any sign of it, a null origin, a missing or foreign RB-CSRF, JSON as text; bearer calls are exempt, and a cookie beside a token is 400."""
    me = Browser(world.url, world.admin.contract)
    assert me.sign_in("t-contributor").status_code == 201
    other = Browser(world.url, world.admin.contract)
    assert other.sign_in("t-maintainer").status_code == 201
    cookie, origin = {"Cookie": f"sid={me.secret}"}, {"Origin": world.url}
    good = {**cookie, **origin, "RB-CSRF": me.csrf}
    post = lambda headers, path="/api/v1/tokens", **body: raw(world.url, "POST", path, headers, **(body or {"json": {"label": "x", "acts": ["read"], "expires_s": 60}}))
    assert post(good).status_code == 201
    for change in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": world.url + ".evil.example"},
                   {"Origin": world.url.replace("http:", "https:")}, {"RB-CSRF": ""}, {"RB-CSRF": other.csrf}, {"RB-CSRF": "0" * 64}, {"RB-CSRF": me.csrf.upper()}):
        assert post({**good, **change}).status_code == 403, change
    assert post(cookie).status_code == post({**cookie, "RB-CSRF": me.csrf}).status_code == post({**cookie, **origin}).status_code == 403
    assert post(good, data=json.dumps({"label": "x", "acts": ["read"]}), ).status_code == 415
    assert post({**good, "Content-Type": "text/plain"}, data=json.dumps({"label": "x", "acts": ["read"]})).status_code == 415
    assert post({**good, "Content-Type": "application/x-www-form-urlencoded"}, data="label=x").status_code == 415
    form = {"file": ("a.pdf", pdf("csrf"), "application/pdf")}
    assert post({**cookie, "Sec-Fetch-Site": "cross-site"}, course_path("CSEN 820", "/syllabus"), files=form).status_code == 403
    world.settings(1)
    assert post({"Sec-Fetch-Site": "cross-site"}, course_path("CSEN 820", "/syllabus"), files=form).status_code == 403  # nor in nobody's name
    world.settings(0)
    bearer = {"Authorization": f"Bearer {world.cluster.token()}"}
    assert post({**bearer, "Sec-Fetch-Site": "cross-site", "Origin": "null"}).status_code == 201
    assert post({**bearer, **cookie}).status_code == 400
    assert raw(world.url, "GET", "/api/v1/courses", {**bearer, **cookie}).status_code == 400
    assert raw(world.url, "POST", "/api/v1/session", {"Origin": "https://evil.example"}, json={"name": "t-reader", "password": PASSWORD}).status_code == 403
    assert me.delete("/api/v1/session").status_code == other.delete("/api/v1/session").status_code == 204


# ---- S10

def status_with(world, cookie, path="/api/v1/tokens"):
    return raw(world.url, "GET", path, {"Cookie": cookie}).status_code


def test_sessions_begin_anew_and_end_for_good(world):
    """Fixation, replay after signing out, changed ids, two cookies of one name, a cookie of 5 KiB; the cookie's attributes."""
    me, fixed = Browser(world.url, world.admin.contract), "A" * 43
    me.cookies.set("sid", fixed)
    answer = me.sign_in("t-reader")
    assert answer.status_code == 201 and answer.json()["user"] == "t-reader" and answer.json()["role"] == "reader"
    said = answer.headers["Set-Cookie"]
    secret = re.match(r"sid=([0-9A-Za-z_-]{43});", said).group(1)
    assert secret != fixed and "HttpOnly" in said and "SameSite=Lax" in said and "Path=/" in said and "Domain" not in said and "Secure" not in said
    me.cookies.clear()
    assert status_with(world, f"sid={fixed}") == 401 and status_with(world, f"sid={secret}") == 200
    for place in range(0, 43, 7):
        for bit in (1, 2):
            changed = secret[:place] + chr(ord(secret[place]) ^ bit) + secret[place + 1:]
            assert status_with(world, f"sid={changed}") == 401, changed
    for cookie in (f"sid={secret}; sid={secret}", f"sid={secret}; sid={fixed}", f"sid={secret}A", f'sid="{secret}"', "sid=", f"x={'y' * 5000}; sid={secret}", f"sid={'A' * 5120}"):
        assert status_with(world, cookie) == 401, cookie[:80]
    assert status_with(world, f"__Host-sid={secret}") == 401 and status_with(world, f"a=b; sid={secret}") == 200
    digest = hashlib.sha256(secret.encode()).hexdigest()
    keys = [key.decode() for key in world.cluster.redis().scan_iter("rb:ses:*")]
    assert f"rb:ses:{digest}" in keys and not any(secret in key for key in keys)
    headers = {"Cookie": f"sid={secret}", "Origin": world.url, "RB-CSRF": answer.json()["csrf"]}
    gone = raw(world.url, "DELETE", "/api/v1/session", headers)
    assert gone.status_code == 204 and "Max-Age=0" in gone.headers["Set-Cookie"]
    replayed = raw(world.url, "GET", "/api/v1/tokens", {"Cookie": f"sid={secret}"})
    assert replayed.status_code == 401 and "Max-Age=0" in replayed.headers["Set-Cookie"]
    assert raw(world.url, "DELETE", "/api/v1/session", headers).status_code == 401


def test_sessions_end_with_time_with_a_new_password_and_with_the_account(world):
    world.settings(0)
    make(world.admin, "fleeting", "reader")
    one, two = (Browser(world.url, world.admin.contract) for _ in range(2))
    assert one.sign_in("fleeting").status_code == two.sign_in("fleeting").status_code == 201
    fresh = "another battery 8 staple"
    assert one.put("/api/v1/users/fleeting/password", json={"old": "wrong", "new": fresh}).status_code == 403
    assert one.put("/api/v1/users/fleeting/password", json={"new": fresh}).status_code == 403
    assert one.put("/api/v1/users/fleeting/password", json={"old": PASSWORD, "new": fresh}).status_code == 204
    assert one.get("/api/v1/tokens").status_code == 200 and two.get("/api/v1/tokens").status_code == 401
    two = Browser(world.url, world.admin.contract)
    assert two.sign_in("fleeting").status_code == 401 and two.sign_in("fleeting", fresh).status_code == 201
    assert one.delete("/api/v1/sessions").status_code == 204 and two.get("/api/v1/tokens").status_code == 401
    two = Browser(world.url, world.admin.contract)
    assert two.sign_in("fleeting", fresh).status_code == 201
    world.cluster.redis().expire(f"rb:ses:{hashlib.sha256(two.secret.encode()).hexdigest()}", 0)  # as time does
    assert two.get("/api/v1/tokens").status_code == 401
    two = Browser(world.url, world.admin.contract)
    assert two.sign_in("fleeting", fresh).status_code == 201
    assert world.admin.patch("/api/v1/users/fleeting", json={"disabled": True}).status_code == 200
    assert two.get("/api/v1/tokens").status_code == 401
    assert Browser(world.url, world.admin.contract).sign_in("fleeting", fresh).status_code == 401
    assert world.admin.delete("/api/v1/users/fleeting").status_code == 204


def test_a_session_in_use_ends_all_the_same(world, full):
    """The absolute end: a minute here, the least that the settings take. In the short form the minute is taken off in Redis, as time does."""
    world.settings(0)
    before = world.admin.get("/api/v1/settings").json()
    assert world.admin.change_settings(session_idle_s=60, session_end_s=59).status_code == 422
    assert world.admin.change_settings(session_idle_s=60, session_end_s=60).status_code == 200
    try:
        me, began = Browser(world.url, world.admin.contract), time.time()
        answer = me.sign_in("t-reader")
        assert answer.status_code == 201 and 55 <= int(re.search(r"Max-Age=(\d+)", answer.headers["Set-Cookie"])[1]) <= 60
        key, redis = f"rb:ses:{hashlib.sha256(me.secret.encode()).hexdigest()}", world.cluster.redis()
        assert 55_000 <= redis.pttl(key) <= 60_000
        if not full:
            redis.hset(key, "end", int(redis.hget(key, "end")) - 58_000)
            redis.hset(key, "seen", int(redis.hget(key, "seen")) - 58_000)  # so that its use is noted again
        while me.get("/api/v1/tokens").status_code == 200:
            assert time.time() < began + (65 if full else 8), "it is used all the time, and ends"
            time.sleep(0.2)
        assert not full or time.time() > began + 58
    finally:
        assert world.admin.change_settings(session_idle_s=before["session_idle_s"], session_end_s=before["session_end_s"]).status_code == 200


def test_tokens_do_no_more_than_they_were_made_for_and_end_at_once(world):
    world.settings(0)
    narrow = client(world.admin, "t-maintainer", acts=["read", "upload"], scopes=["CSEN 83"])
    assert narrow.upload("CSEN 830", pdf("n")).status_code == 201
    assert narrow.upload("CSEN 840", pdf("n")).status_code in (403, 404)
    assert narrow.delete_course("CSEN 830").status_code == 403 and narrow.get("/api/v1/tokens").status_code == 403
    maker = client(world.admin, "t-maintainer", acts=["read", "self"])
    assert maker.post("/api/v1/tokens", json={"label": "more", "acts": ["read", "alter"]}).status_code == 403
    assert maker.post("/api/v1/tokens", json={"label": "as much", "acts": ["read"]}).status_code == 201
    made = world.admin.post("/api/v1/tokens", json={"label": "brief", "acts": ["self"], "expires_s": 1}).json()
    brief = Api(world.url, world.admin.contract, made["token"])
    assert brief.get("/api/v1/tokens").status_code == 200
    wait_for(lambda: brief.get("/api/v1/tokens").status_code == 401, 5, "it expires")
    made = world.admin.post("/api/v1/tokens", json={"label": "gone", "acts": ["self"]}).json()
    lost = Api(world.url, world.admin.contract, made["token"])
    assert lost.get("/api/v1/tokens").status_code == 200
    assert world.admin.delete(f"/api/v1/tokens/{made['id']}").status_code == 204
    assert lost.get("/api/v1/tokens").status_code == 401
    text = made["token"]
    for changed in (text[:-1], text + "A", text.upper(), text.replace("rb_", "rbj_"), text[:20] + "A" * 43, " " + text):
        assert raw(world.url, "GET", "/api/v1/courses", {"Authorization": "Bearer " + changed}).status_code == 401, changed
    listed = world.admin.get("/api/v1/tokens").json()["items"]
    assert made["id"] in {row["id"] for row in listed} and made["token"] not in json.dumps(listed)


# ---- S11

def forget_rates(world):
    redis = world.cluster.redis()
    for key in redis.scan_iter("rb:rate:*"):
        redis.delete(key)


def guess(world, name, password):
    return raw(world.url, "POST", "/api/v1/session", json={"name": name, "password": password})


def test_guesses_have_to_wait_and_others_need_not(world, full):
    """Wrong passwords: after a few each has to wait, and nobody gets in by trying. Whoever is signed in, and every token, goes on."""
    make(world.admin, "target", "reader")
    forget_rates(world)
    inside = Browser(world.url, world.admin.contract)
    assert inside.sign_in("target").status_code == 201
    statuses = [guess(world, "target", f"wrong {n}").status_code for n in range(10_000 if full else 300)]
    assert set(statuses) == {401, 429} and statuses.count(401) <= 30, {s: statuses.count(s) for s in set(statuses)}
    waiting = guess(world, "target", PASSWORD)
    assert waiting.status_code == 429 and int(waiting.headers["Retry-After"]) >= 1
    assert world.admin.get("/api/v1/users/target").status_code == inside.get("/api/v1/users/target").status_code == 200
    forget_rates(world)
    assert guess(world, "target", PASSWORD).status_code == 201


def test_unknown_names_take_as_long_as_known_ones(world, full):
    """Medians of alternating tries; a hash is computed for names that nobody has. Where others compute beside this they swing."""
    make(world.admin, "timed", "reader")
    times = {"timed": [], "nobody-of-that-name": [], "Not a name!": []}
    for n in range(200 if full else 20):
        for name, taken in times.items():
            forget_rates(world)
            started = time.perf_counter()
            assert guess(world, name, f"wrong {n}").status_code == 401
            taken.append(time.perf_counter() - started)
    known, *others = (statistics.median(taken) for taken in times.values())
    assert known > 0.005, "no hash takes so little"
    for other in others:
        assert abs(other - known) <= (0.2 if full else 0.5) * known, {name: statistics.median(taken) for name, taken in times.items()}


def test_hashes_take_turns(world):
    """One at once, two where there are four processors, of 19 MiB each, and eight that wait: however many try, the api never has a third; more are told to come back."""
    forget_rates(world)
    pid = world.cluster.pid("api-1")
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as refs:
        refs.write("5")  # the peak begins anew
    before, statuses = resident_bytes(pid), []
    jobs = [threading.Thread(target=lambda n=n: statuses.append(guess(world, f"many-{n}", "wrong battery").status_code)) for n in range(16)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert len(statuses) == 16 and statuses.count(401) >= 9 and set(statuses) <= {401, 503}, statuses
    assert resident_bytes(pid, peak=True) - before < 2 * 19.5 * 2 ** 20 + 4 * 2 ** 20
    forget_rates(world)


def test_passwords_are_taken_exactly_or_refused(world):
    forget_rates(world)
    longest = "".join(random.Random(5).choices("abcdefghijklmnopqrstuvwxyz 0123456789", k=1024))
    for number, password in enumerate(("64 characters " + longest[:50], longest, "Пароль з літерами ñ 7", "  blanks count  9x", "päss" + longest[:60])):
        name = f"exact-{number}"
        make(world.admin, name, "reader", password=password)
        assert guess(world, name, password).status_code == 201, password[:20]
        for near in (password[:-1], password + "x", password.swapcase(), password.strip() if password != password.strip() else password[1:]):
            assert guess(world, name, near).status_code == 401, near[:20]
        forget_rates(world)
    refuse = lambda password: world.admin.post("/api/v1/users", json={"name": "refused", "role": "reader", "password": password}).status_code
    assert [refuse(p) for p in (longest + "x", "1234567", "password1", "qwertyuiop", "refused", "refused12", "aaaaaaaaaaaa")] == [422] * 7
    assert guess(world, "exact-0", "x" * (1 << 20)).status_code == 413 and guess(world, "exact-0", "x" * 5000).status_code == 401
    bad = (b'{"name":"exact-0","password":"a\\u0000b"}', b'{"name":"exact-0"}', b'{"name":"exact-0","password":1}', b'{"name":"exact-0","password":"x","password":"x"}',
           b'{"name":"exact-0","password":"x","role":"admin"}', b'["exact-0","x"]', b"{", b"")
    for body in bad:
        assert raw(world.url, "POST", "/api/v1/session", {"Content-Type": "application/json"}, data=body).status_code in (400, 411), body
    assert world.admin.get("/api/v1/users/refused").status_code == 404


def test_the_most_frequent_passwords_are_refused(world, full):
    """The first 3,000 of at least 8 characters (a sample in the short form)."""
    import zxcvbn.frequency_lists as lists
    words = [word for word in lists.FREQUENCY_LISTS["passwords"] if len(word) >= 8][:3000]
    for word in words if full else words[::60]:
        answer = world.admin.post("/api/v1/users", json={"name": "frequent", "role": "reader", "password": word})
        assert answer.status_code == 422, word


# ---- S13

def opened(world, text, method="GET", **options):
    return raw(world.url, method, "/api/v1/links/" + text, **options)


@pytest.fixture(scope="module")
def linked(world):
    world.settings(2)
    assert world.admin.upload("CSEN 850", pdf("linked")).status_code == 201
    assert world.admin.upload("CSEN 851", pdf("other")).status_code == 201
    return world.admin.post(course_path("CSEN 850", "/links"), json={"expires_s": 600, "label": "for B"}).json()


def test_a_link_opens_its_course_and_nothing_else(world, linked):
    answer = opened(world, linked["text"])
    assert answer.status_code == 200 and answer.content == pdf("linked")
    assert raw(world.url, "GET", course_path("CSEN 850", "/syllabus")).status_code == 401
    assert raw(world.url, "GET", course_path("CSEN 850", "/syllabus"), {"Authorization": "Bearer " + linked["text"]}).status_code == 401
    part = opened(world, linked["text"], headers={"Range": "bytes=0-9"})
    assert part.status_code == 206 and part.content == pdf("linked")[:10]
    assert opened(world, linked["text"], "HEAD").status_code == 200
    assert opened(world, linked["text"], "PUT").status_code == opened(world, linked["text"], "PATCH").status_code == 405
    assert opened(world, linked["text"], "DELETE").status_code == 401


def test_every_changed_link_is_the_same_403(world, linked):
    """Another path, key id, expiry (also 2^63, negative, past), a cut or foreign MAC, other spellings."""
    other = world.admin.post(course_path("CSEN 851", "/links"), json={"expires_s": 600}).json()["text"]
    version, key, ident, expiry, mac = linked["text"].split(".")
    make_text = lambda **part: ".".join({"version": version, "key": key, "ident": ident, "expiry": expiry, "mac": mac, **part}.values())
    changed = [make_text(key="0" * 8), make_text(key=key.upper() + "0"), make_text(ident=other.split(".")[2]), make_text(ident="0" * 16), make_text(mac=other.split(".")[4]),
               make_text(expiry=str(int(expiry) + 1)), make_text(expiry=str(int(expiry) - 1)), make_text(expiry=str(2 ** 63)), make_text(expiry=str(2 ** 64 + int(expiry))), make_text(expiry="-1"),
               make_text(expiry="0" + expiry), make_text(expiry="+" + expiry), make_text(expiry="1"), make_text(mac=mac[:-1]), make_text(mac=mac + "A"), make_text(mac=mac[:22]), make_text(mac=""),
               make_text(version="l2"), make_text(version="L1"), "", "x", "l1....", linked["text"] + ".", linked["text"] + "%2F", "%2F" + linked["text"], linked["text"].replace(".", "%2F", 1),
               linked["text"] + "%20", linked["text"].upper()]
    for place in range(0, len(mac), 3):
        changed.append(make_text(mac=mac[:place] + ("A" if mac[place] != "A" else "B") + mac[place + 1:]))
    bodies = set()
    for text in changed:
        answer = opened(world, text)
        if text == "":
            assert answer.status_code in (403, 404)
            continue
        assert answer.status_code == 403, text
        bodies.add(json.dumps(without_number(answer)))
    assert len(bodies) == 1
    assert opened(world, linked["text"].replace("l1", "%6C1")).status_code == 200  # one decoding of the path, as everywhere


def test_links_end_by_time_by_count_by_hand_and_with_their_course(world, linked):
    world.settings(2)
    forget_rates(world)
    make_one = lambda **what: world.admin.post(course_path("CSEN 850", "/links"), json={"expires_s": 600, **what}).json()
    refused = without_number(opened(world, "x"))
    brief = make_one(expires_s=1)
    wait_for(lambda: opened(world, brief["text"]).status_code == 403, 5, "it expires")
    counted = make_one(downloads_max=2)
    assert [opened(world, counted["text"], "HEAD").status_code for _ in range(4)] == [200] * 4
    assert [opened(world, counted["text"]).status_code for _ in range(4)] == [200, 200, 403, 403]
    locked = make_one(password="open sesame")
    assert opened(world, locked["text"]).status_code == opened(world, locked["text"], headers={"RB-Link-Password": "open sesam"}).status_code == 403
    assert opened(world, locked["text"], headers={"RB-Link-Password": "open sesame"}).content == pdf("linked")
    assert opened(world, locked["text"], "POST", data={"password": "open sesame"}).content == pdf("linked")
    assert opened(world, locked["text"], "POST", data={"password": "shut"}).status_code == 403
    assert opened(world, locked["text"], "POST", json={"password": "open sesame"}).status_code == 415
    revoked = make_one()
    assert world.admin.delete(f"/api/v1/links/{revoked['id']}").status_code == 204
    assert without_number(opened(world, revoked["text"])) == refused
    assert "open sesame" not in world.admin.get(course_path("CSEN 850", "/links")).text
    for what in ({"expires_s": 0}, {"expires_s": 31622401}, {"expires_s": 2 ** 63}, {"expires_s": -1}, {"expires_s": 1.5}, {"downloads_max": 0}, {"record": "x"}, {"course": "CSEN 851"}):
        assert world.admin.post(course_path("CSEN 850", "/links"), json={"expires_s": 60, **what}).status_code in (400, 422), what
    fixed = make_one(record=world.admin.course("CSEN 850").json()["current"]["id"])
    assert world.admin.upload("CSEN 850", pdf("newer")).status_code == 201
    assert opened(world, fixed["text"]).content == pdf("linked") and opened(world, linked["text"]).content == pdf("newer")
    assert world.admin.post("/api/v1/link-keys").status_code == 204
    assert opened(world, linked["text"]).status_code == 200
    assert world.admin.post("/api/v1/link-keys").status_code == 204
    assert opened(world, linked["text"]).status_code == 403
    last = make_one()
    assert world.admin.delete_course("CSEN 850").status_code == 204
    assert without_number(opened(world, last["text"])) == refused


def test_the_text_of_a_link_is_in_no_log_of_ours(world, linked):
    mac = linked["text"].rsplit(".", 1)[1]
    opened(world, linked["text"] + "x")
    time.sleep(0.5)
    for log in (*world.cluster.home.glob("data/*/audit/*"), *world.cluster.home.glob("logs/api-*.log")):
        assert mac not in log.read_text(errors="replace"), log


# ---- moderation, quotas, what is theirs

def test_uploads_of_people_not_known_wait_for_a_maintainer(world):
    world.settings(0)
    assert world.admin.change_settings(moderate=True).status_code == 200
    make(world.admin, "fresh", "contributor")
    fresh, boss = client(world.admin, "fresh"), world.clients["maintainer"]
    answer = fresh.upload("CSEN 860", pdf("fresh"), title="Fresh")
    assert answer.status_code == 202 and answer.json()["record"]["course"] == "CSEN 860"
    assert fresh.course("CSEN 860").status_code == 404
    waiting = answer.json()["id"]
    assert waiting in {row["id"] for row in boss.get("/api/v1/pending").json()["items"]}
    assert [row["state"] for row in fresh.get("/api/v1/users/fresh/pending").json()["items"]] == ["waiting"]
    assert boss.get(f"/api/v1/pending/{waiting}/file").content == pdf("fresh")
    assert fresh.get(f"/api/v1/pending/{waiting}/file").status_code == fresh.post(f"/api/v1/pending/{waiting}/accept").status_code == 403
    accepted = boss.post(f"/api/v1/pending/{waiting}/accept")
    assert accepted.status_code in (200, 201) and accepted.json()["uploader"] == "fresh"
    assert fresh.bytes("CSEN 860").content == pdf("fresh")
    assert fresh.upload("CSEN 861", pdf("known now")).status_code == 201
    assert world.admin.change_settings(moderate=False).status_code == 200


def test_a_quota_holds_for_all_of_somebodys_uploads_together(world):
    world.settings(0)
    make(world.admin, "small", "contributor", quota_bytes=11_000)  # their tokens are documents of theirs, of some 300 bytes each
    small = client(world.admin, "small")
    assert small.upload("CSEN 870", b"%PDF-1.4 " + b"a" * 6000).status_code == 201
    answers = []
    jobs = [threading.Thread(target=lambda n=n: answers.append(client(world.admin, "small").upload(f"CSEN 87{n}", b"%PDF-1.4 " + bytes([65 + n]) * 3000).status_code)) for n in (1, 2, 3)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert sorted(answers) == [201, 507, 507]
    assert small.get("/api/v1/users/small").json()["quota"]["limit"] == 11_000


def test_a_quota_holds_for_everybody_together(world):
    """The cluster's own: it is full for all, also for nobody; what an account may have does not matter then."""
    world.settings(1)
    used = sum(row["record"]["size"] for row in map(json.loads, world.admin.get("/api/v1/users/admin/export").text.splitlines()) if row["is"] == "version")
    assert world.admin.change_settings(quota_cluster_bytes=used).status_code == 200  # others have some besides
    try:
        for who in ("contributor", "nobody", "admin"):
            refused = world.clients[who].upload("CSEN 875", pdf("too much"))
            assert refused.status_code == 507 and "all together" in refused.json()["detail"], refused.text
        assert world.clients["contributor"].course("CSEN 875").status_code == 404
    finally:
        assert world.admin.change_settings(quota_cluster_bytes=None).status_code == 200
    assert world.clients["contributor"].upload("CSEN 875", pdf("fits now")).status_code == 201


def test_what_is_theirs_can_be_taken_along_and_removed(world):
    world.settings(0)
    make(world.admin, "leaver", "contributor")
    leaver = client(world.admin, "leaver")
    mine = leaver.upload("CSEN 880", pdf("mine")).json()
    assert world.clients["contributor"].upload("CSEN 880", pdf("theirs")).status_code == 201
    lines = [json.loads(line) for line in leaver.get("/api/v1/users/leaver/export").text.splitlines()]
    assert [line["name"] for line in lines if line["is"] == "account"] == ["leaver"]
    versions = [line for line in lines if line["is"] == "version"]
    assert [line["record"]["id"] for line in versions] == [mine["id"]]
    assert leaver.get(versions[0]["href"]).content == pdf("mine")
    assert not any(word in json.dumps(lines) for word in ("argon2", "digest"))
    assert leaver.post("/api/v1/users/leaver/erase").json()["versions"] == 1
    assert leaver.bytes("CSEN 880", version=mine["id"]).status_code in (404, 410)
    assert leaver.bytes("CSEN 880").content == pdf("theirs")
    assert world.clients["maintainer"].restore("CSEN 880", version=mine["id"]).status_code in (404, 410)
    assert leaver.delete("/api/v1/users/leaver").status_code == 204
    assert leaver.get("/api/v1/tokens").status_code == 401


def test_the_last_admin_stays(world):
    world.settings(0)
    for name in ("t-admin", "t-admin-s"):
        world.admin.patch(f"/api/v1/users/{name}", json={"role": "reader"})
    try:
        assert world.admin.delete("/api/v1/users/admin").status_code == 409
        assert world.admin.patch("/api/v1/users/admin", json={"role": "maintainer"}).status_code == 409
        assert world.admin.patch("/api/v1/users/admin", json={"disabled": True}).status_code == 409
        assert world.admin.patch("/api/v1/users/admin", json={"scopes": ["CSEN"]}).status_code == 409
    finally:
        for name in ("t-admin", "t-admin-s"):
            assert world.admin.patch(f"/api/v1/users/{name}", json={"role": "admin"}).status_code == 200


def test_a_trusted_proxy_signs_people_in_and_no_other(world):
    world.settings(0)
    assert world.admin.change_settings(trusted_proxies=["192.0.2.1"]).status_code == 200
    assert raw(world.url, "GET", "/api/v1/tokens", {"X-Remote-User": "t-reader"}).status_code == 401
    assert world.admin.change_settings(trusted_proxies=["127.0.0.1"]).status_code == 200
    try:
        said = raw(world.url, "GET", "/api/v1/session", {"X-Remote-User": "T-Reader"}).json()
        assert (said["user"], said["how"], said["csrf"]) == ("t-reader", "proxy", None)
        assert raw(world.url, "DELETE", "/api/v1/sessions", {"X-Remote-User": "t-reader"}).status_code == 403
        assert raw(world.url, "DELETE", "/api/v1/sessions", {"X-Remote-User": "t-reader", "Sec-Fetch-Site": "cross-site"}).status_code == 403
        assert raw(world.url, "DELETE", "/api/v1/sessions", {"X-Remote-User": "t-reader", "Sec-Fetch-Site": "same-origin"}).status_code == 204
        assert raw(world.url, "GET", "/api/v1/tokens", {"X-Remote-User": "nobody-at-all"}).status_code == 401
    finally:
        assert world.admin.change_settings(trusted_proxies=[]).status_code == 200


def test_without_redis_tokens_work_and_nobody_signs_in(world):
    """Last: it takes the index away for a moment."""
    world.settings(0)
    me = Browser(world.url, world.admin.contract)
    forget_rates(world)
    assert me.sign_in("t-contributor").status_code == 201
    world.cluster.command("stop", "redis")
    try:
        wait_for(lambda: me.get("/api/v1/courses").status_code == 503, 10, "Redis is missed")
        assert world.clients["contributor"].upload("CSEN 890", pdf("away")).status_code in (200, 201)
        assert me.bytes("CSEN admin").status_code == 200  # reading goes on, as nobody
        assert me.upload("CSEN 891", pdf("away")).status_code == 503
        assert me.get("/api/v1/session").json()["unsure"] is True
        assert guess(world, "t-reader", PASSWORD).status_code == 503
        assert world.admin.delete(f"/api/v1/tokens/{NO_ID}").status_code == 404
        made = world.admin.post("/api/v1/tokens", json={"label": "without Redis", "acts": ["self"]})
        assert made.status_code == 201
        assert world.admin.delete(f"/api/v1/tokens/{made.json()['id']}").status_code == 204
        assert Api(world.url, world.admin.contract, made.json()["token"]).get("/api/v1/sessions").status_code in (401, 405)
    finally:
        world.cluster.command("start", "redis")
    wait_for(lambda: me.get("/api/v1/courses").status_code == 200, 60, "lists are back")
