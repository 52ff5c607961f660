"""Who did what, as admins see it: GET /audit, newest first; each line says who it was, also of what was refused, and no line says a secret."""
import json
import time

import pytest

from support.api import Api, course_path
from support.cluster import wait_for
from support.files import pdf
from support.people import PASSWORD, Browser, client, make, raw, token


@pytest.fixture(scope="module")
def noted(homes):
    cluster = homes("noted").up()
    admin = Api(cluster.url)
    for name, role in (("ada", "contributor"), ("mia", "maintainer")):
        make(admin, name, role)
    return cluster, admin


def pages(admin, limit=200):
    """All lines, newest first."""
    after = None
    while True:
        page = admin.get("/api/v1/audit", params={"limit": limit, **({"after": after} if after else {})}).json()
        assert page["process"] == "api:api-1" and page["verified"] is None
        yield from page["items"]
        after = page["next"]
        if after is None:
            return


def line_of(admin, answer):
    """The line of one request; lines are written within a fifth of a second."""
    number = answer.headers["Request-Id"]
    return wait_for(lambda: next((line for line in pages(admin) if line["kind"] == "event" and line["request"] == number), None), 5, "its line")


def told(admin, answer):
    line = line_of(admin, answer)
    return line["who"], line["what"], line["on"], line["result"]


def test_each_line_says_who_it_was(noted):
    cluster, admin = noted
    me = Browser(cluster.url, admin.contract)
    assert told(admin, me.sign_in("ada")) == ("ada", "sign-in", "-", "201")
    mine = me.upload("NOTED 1", pdf("noted"))
    assert told(admin, mine) == ("ada", "upload", "NOTED 1", "201") and line_of(admin, mine)["detail"] == mine.json()["id"]
    text = token(admin, "ada")
    assert told(admin, raw(cluster.url, "DELETE", course_path("NOTED 2", "/syllabus"), {"Authorization": f"Bearer {text}"})) == (f"token:{text[3:19]}", "delete", "NOTED 2", "404")
    link = me.post(course_path("NOTED 1", "/links"), json={"expires_s": 600, "password": "open sesame"})
    assert told(admin, link) == ("ada", "link-new", "NOTED 1", "201")
    ident, address = link.json()["id"], "/api/v1/links/" + link.json()["text"]
    assert told(admin, raw(cluster.url, "POST", address, data={"password": "open sesame"})) == (f"link:{ident}", "link-open", ident, "200")
    assert told(admin, raw(cluster.url, "GET", address)) == ("nobody", "link-open", ident, "403")
    assert told(admin, raw(cluster.url, "PUT", course_path("NOTED 1", "/syllabus") + "?filename=a.pdf", data=pdf("x"))) == ("nobody", "upload", "NOTED 1", "401")
    assert told(admin, me.get("/api/v1/users")) == ("ada", "GET /api/v1/users", "-", "403")
    assert told(admin, raw(cluster.url, "DELETE", "/api/v1/session", {"Cookie": f"sid={me.secret}", "Origin": "https://evil.example"})) == ("ada", "sign-out", "-", "403")
    assert told(admin, me.delete("/api/v1/session")) == ("ada", "sign-out", "-", "204")


def test_refused_sign_ins_say_which_name_was_tried_and_refused_tokens_which_token(noted):
    cluster, admin = noted
    guess = lambda name: raw(cluster.url, "POST", "/api/v1/session", json={"name": name, "password": "Quite-Wrong-Indeed"})
    assert told(admin, guess("Mia")) == ("mia", "sign-in", "-", "401")
    assert told(admin, guess("nobody-of-that-name")) == ("nobody-of-that-name", "sign-in", "-", "401")
    assert told(admin, guess("This is rather a password!")) == ("-", "sign-in", "-", "401")
    text = token(admin, "mia")
    assert admin.delete(f"/api/v1/tokens/{text[3:19]}").status_code == 204
    line = line_of(admin, raw(cluster.url, "GET", "/api/v1/pending", {"Authorization": f"Bearer {text}"}))
    assert (line["who"], line["result"], line["detail"]) == ("nobody", "401", f"token:{text[3:19]} was refused")


def test_what_admins_and_maintainers_decide_is_noted_with_what_it_was_about(noted):
    _, admin = noted
    mine = f"token:{admin.headers['Authorization'][10:26]}"
    assert admin.change_settings(moderate=True).status_code == 200
    waits = client(admin, "ada").upload("NOTED 3", pdf("waits"))
    assert waits.status_code == 202 and line_of(admin, waits)["detail"] == waits.json()["id"]
    mia = client(admin, "mia")
    assert told(admin, mia.post(f"/api/v1/pending/{waits.json()['id']}/reject", json={"reason": "no"}))[1:] == ("reject", waits.json()["id"], "204")
    settings = admin.change_settings(moderate=False)
    assert told(admin, settings) == (mine, "settings", "-", "200")
    made = admin.post("/api/v1/users", json={"name": "brief", "role": "reader"})
    assert told(admin, made)[:2] == (mine, "account-new") and line_of(admin, made)["detail"] == "brief"
    assert told(admin, admin.patch("/api/v1/users/brief", json={"disabled": True})) == (mine, "account-change", "brief", "200")
    assert told(admin, admin.post("/api/v1/users/brief/erase")) == (mine, "erase", "brief", "200")
    assert told(admin, admin.delete("/api/v1/users/brief")) == (mine, "account-remove", "brief", "204")
    assert told(admin, admin.post("/api/v1/link-keys")) == (mine, "link-keys", "-", "204")


def test_pages_go_back_without_gap_and_without_doubles(noted):
    cluster, admin = noted
    for number in range(30):
        raw(cluster.url, "GET", f"/api/v1/users/page-{number}")
    time.sleep(0.5)
    whole = list(pages(admin))
    wanted = [line["n"] for line in whole]
    assert wanted == sorted(set(wanted), reverse=True) and len(wanted) >= 30
    some = []
    for line in pages(admin, limit=7):
        some.append(line["n"])
    assert some[-len(wanted):] == wanted
    assert admin.get("/api/v1/audit", params={"after": "../seed:0"}).status_code == 400
    assert admin.get("/api/v1/audit", params={"after": "AUDIT-0000000000001-000001.jsonl:0"}).status_code == 410


def test_only_admins_without_a_scope_see_it(noted):
    cluster, admin = noted
    make(admin, "local", "admin", ("CSEN",))
    for who in ("ada", "mia", "local"):
        assert client(admin, who).get("/api/v1/audit").status_code == 403
    assert raw(cluster.url, "GET", "/api/v1/audit").status_code == 401


def test_the_log_says_whether_it_was_changed(noted):
    """Last: it harms the log."""
    cluster, admin = noted
    time.sleep(0.5)
    verified = admin.get("/api/v1/audit", params={"verify": "1", "limit": 1}).json()["verified"]
    assert verified["whole"] and verified["all"] and verified["findings"] == [] and verified["lines"] > 30
    text = json.dumps(list(pages(admin)))
    assert not any(word in text for word in (PASSWORD, "open sesame", "Quite-Wrong", "rather a password", "rb_", "l1."))
    file = sorted((cluster.data("api-1") / "audit").glob("AUDIT-*.jsonl"))[-1]
    lines = file.read_text().splitlines(keepends=True)
    number = next(i for i, line in enumerate(lines) if '"who":"mia"' in line)
    with open(file, "r+", encoding="utf-8") as log:  # in place: the api writes on behind it
        log.seek(sum(len(line.encode()) for line in lines[:number]))
        log.write(lines[number].replace('"who":"mia"', '"who":"eve"'))
    verified = admin.get("/api/v1/audit", params={"verify": "1", "limit": 1}).json()["verified"]
    assert not verified["whole"]
    assert [(f["file"], f["line"], f["fault"]) for f in verified["findings"]] == [(file.name, number + 1, "changed")]
