"""What nginx keeps away from the api, and what it adds: S3, S4, S6, S7, S8, and TLS. No cluster runs here: behind nginx stands a recorder, so each test sees what came through."""
import json
import re
import socket
import ssl
import subprocess
import time

import pytest

from support.cluster import ROOT, free_port, wait_for
from support.lone_front import MAY, LoneFront, is_whole

BLOB = "0" * 64
SECRET = "A" * 43
LINK = f"l1.k1.0123456789abcdef.1790000000.{SECRET}"
POLICY = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin", "cross-origin-resource-policy": "same-origin"}


@pytest.fixture(scope="module")
def fronts(tmp_path_factory):
    """Makes fronts with settings, one for each set of them, and ends them all."""
    made = {}

    def make(**env):
        key = json.dumps(env, sort_keys=True)
        if key not in made:
            made[key] = LoneFront(tmp_path_factory.mktemp("front"), **env).__enter__()
        made[key].recorder.asked.clear()
        return made[key]

    yield make
    for front in made.values():
        front.__exit__()


@pytest.fixture
def front(fronts):
    """With the settings as installed: this machine is not held to the limits."""
    return fronts()


@pytest.fixture(scope="module")
def tls(fronts):
    return fronts(RB_TLS="self", RB_HTTP_PORT=str(free_port()))


# ---- S3: what a client says about itself, and places that are not for clients

FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9",
          "X-Accel-Redirect": f"/_blob/{BLOB}", "X-Accel-Mapping": "/=/", "X-Accel-Buffering": "no", "Proxy": "http://evil.example:1", "X-Remote-User": "admin",
          "X-Forwarded-User": "admin", "X-Forwarded-Port": "1", "X-Forwarded-Server": "evil.example"}


def test_what_a_client_says_about_itself_does_not_reach_the_api(front):
    assert front.get("/api/v1/cluster", *[f"{name}: {value}" for name, value in FORGED.items()]).status == 200
    asked = front.recorder.asked[-1]
    for name in FORGED:
        assert asked.params.get("HTTP_" + name.upper().replace("-", "_"), "") == "", name
    assert asked.params["REMOTE_ADDR"] == "127.0.0.1" and asked.params["REQUEST_SCHEME"] == "http"
    assert len(asked.names()) == len(set(asked.names())), "a parameter was said twice"


def test_names_with_underscores_are_no_second_spelling(front):
    front.get("/api/v1/cluster", "X_Remote_User: admin", "X_Forwarded_For: 203.0.113.9", "REMOTE_ADDR: 203.0.113.9", "Remote-Addr: 203.0.113.9")
    params = front.recorder.asked[-1].params
    assert params.get("HTTP_X_REMOTE_USER", "") == "" and params["REMOTE_ADDR"] == "127.0.0.1"
    assert params.get("RB_LOOPBACK") == "0"


def test_only_a_listed_proxy_may_say_who_signed_in_and_that_it_was_over_tls(fronts):
    front = fronts(RB_PROXIES="127.0.0.1/32")
    front.get("/api/v1/cluster", "X-Remote-User: amer", "X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.9")
    params = front.recorder.asked[-1].params
    assert params["HTTP_X_REMOTE_USER"] == "amer" and params["REQUEST_SCHEME"] == "https"
    assert params["REMOTE_ADDR"] == "127.0.0.1" and params.get("HTTP_X_FORWARDED_FOR", "") == ""
    front.get("/api/v1/cluster", "X-Forwarded-Proto: HTTPS, http")
    assert front.recorder.asked[-1].params["REQUEST_SCHEME"] == "http"


def test_several_cookie_headers_are_seen_as_one(front):
    front.get("/api/v1/session", "Cookie: sid=one", "Cookie: sid=two")
    assert front.recorder.asked[-1].params["HTTP_COOKIE"] == "sid=one; sid=two"


INTERNAL = [f"/_blob/{BLOB}", f"/_blob/../_blob/{BLOB}", f"/%5fblob/{BLOB}", f"/_small/{BLOB}", "/_shared", "/_file", "/_problem", "/_page", "/_missing", "/_nothing",
            "/_to_https", "/nginx.conf", "/README.md", "/.git/config", "/words", "/words/", "//etc/passwd", "/@blob_2"]


@pytest.mark.parametrize("path", INTERNAL)
def test_internal_places_are_not_there_for_clients(front, path):
    answer = front.get(path, f"X-Accel-Redirect: {path}")
    assert answer.status in ((400,) if ".." in path else (404,)) and not front.recorder.asked


DOTS = ["/..", "/../etc/passwd", "/a/../b", "/api/v1/..%2f..%2fx", "/api/v1/%2e%2e/x", "/api/v1/%2E./x", "/api/v1/.%2e%5cx", "/api/v1/..\\x", "/s/../../x", "/./x", "/b/%2e",
        "/api/v1/courses/..", "/api/v1/courses/..?x=1"]


@pytest.mark.parametrize("path", DOTS)
def test_dot_segments_are_refused_before_anything_is_looked_at(front, path):
    assert front.get(path).status == 400 and not front.recorder.asked


@pytest.mark.parametrize("name", ["@named", "%252e%252e", "....", "..a", "a..", "CON", "C%3A%5Cx"])
def test_names_that_only_look_odd_are_passed_as_they_are(front, name):
    assert front.get(f"/api/v1/courses/{name}").status == 200
    assert front.recorder.asked[-1].params["REQUEST_URI"] == f"/api/v1/courses/{name}"


@pytest.mark.parametrize("target", ["/_blob/" + BLOB[:-1], "/_blob/" + BLOB + "0", "/_blob/" + "G" * 64, "/_blob/%2e%2e/" + BLOB, "/_blob/" + BLOB + "/x", "/etc/passwd", "@blob_2", "/_blob/"])
def test_the_apis_own_redirect_leads_to_blobs_only(front, target):
    front.recorder.answer = f"X-Accel-Redirect: {target}\r\nContent-Type: application/pdf\r\n\r\n".encode()
    try:
        answer = front.get("/api/v1/courses/A/syllabus")
        assert answer.status in (400, 404, 500, 503) and b"root:" not in answer.body
    finally:
        front.recorder.answer = b"Content-Type: application/json\r\n\r\n{}"


# ---- S4: the same policy on every answer, once

PLACES = {
    "start page": ("/", 200), "style": ("/portal.css", 200), "script": ("/base.js", 200), "course page": ("/s/CSEN317", 200), "account": ("/account", 200), "a link's page": (f"/l/{LINK}", 200),
    "no page": ("/nothing-here", 404), "api": ("/api/v1/cluster", 200), "internal": (f"/_blob/{BLOB}", 404), "dots": ("/api/v1/../x", 400), "long": ("/api/v1/" + "c" * 9000, 414),
    "page method": ("/share", 405), "big header": ("/api/v1/cluster", 431), "chunked": ("/api/v1/courses/A/syllabus", 411), "too large": ("/api/v1/session", 413), "trace": ("/api/v1/cluster", 405),
}


def ask_place(front, name):
    path = PLACES[name][0]
    if name == "page method":
        return front.get(path, method="POST", body=b"x")
    if name == "big header":
        return front.get(path, "X-Big: " + "x" * 9000)
    if name == "chunked":
        return front.get(path, "Transfer-Encoding: chunked", method="PUT")
    if name == "too large":
        return front.get(path, method="POST", body=b"x" * 20000)
    return front.get(path, method="TRACE" if name == "trace" else "GET")


@pytest.mark.parametrize("name", PLACES)
def test_every_answer_carries_the_policy_once(front, name):
    answer = ask_place(front, name)
    assert answer.status == PLACES[name][1], (answer.status, answer.body[:200])
    for header, value in POLICY.items():
        assert answer.one(header) == value
    policy = answer.one("content-security-policy")
    assert "frame-ancestors" in policy and "'unsafe-inline'" not in policy.replace("style-src 'unsafe-inline'", "") and "unsafe-eval" not in policy
    assert "camera=()" in answer.one("permissions-policy") and re.fullmatch("[0-9a-f]{32}", answer.one("request-id"))
    assert answer.one("server") == "nginx" and not answer.all("x-powered-by") and not answer.all("strict-transport-security")
    assert b"nginx/" not in answer.body


def test_an_api_that_sets_the_policy_itself_does_not_double_it(front):
    front.recorder.answer = (b"Status: 404 Not Found\r\nContent-Type: application/problem+json\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: unsafe-url\r\n"
                             b"Permissions-Policy: camera=*\r\nCross-Origin-Resource-Policy: cross-origin\r\nStrict-Transport-Security: max-age=1\r\n\r\n{}")
    try:
        answer = front.get("/api/v1/courses/A")
        assert answer.status == 404 and not answer.all("strict-transport-security")
        for header, value in POLICY.items():
            assert answer.one(header) == value
        assert answer.one("permissions-policy") != "camera=*" and answer.one("content-security-policy") == "default-src 'none'; frame-ancestors 'none'"
    finally:
        front.recorder.answer = b"Content-Type: application/json\r\n\r\n{}"


@pytest.mark.parametrize("path", ["/", "/share", "/peers", "/cluster", "/account", "/people", "/waiting", "/s/X", "/l/X"])
def test_pages_need_nothing_but_their_own_origin(front, path):
    policy = front.get(path).one("content-security-policy")
    assert policy.startswith("default-src 'self';") and "object-src 'none'" in policy and "base-uri 'none'" in policy and "form-action 'self'" in policy
    assert "frame-ancestors 'self'" in policy


# ---- methods

@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "PROPFIND", "DELETE", "PUT", "POST", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/portal.css", "/s/CSEN317"])
def test_the_portal_is_read_only(front, method, path):
    assert front.get(path, method=method).status in (400, 405) and not front.recorder.asked


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_give_back_or_tunnel_do_not_reach_the_api(front, method):
    assert front.get("/api/v1/cluster", "Cookie: sid=secret", method=method).status in (400, 405) and not front.recorder.asked


def test_a_method_in_a_header_changes_nothing(front):
    front.get("/api/v1/courses/A/syllabus", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE")
    assert front.recorder.asked[-1].params["REQUEST_METHOD"] == "GET"


# ---- S6, S7: one request is one request

TAIL = b"GET /api/v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /api/v1/courses/A/syllabus?filename=a.pdf HTTP/1.1\r\nHost: x\r\n"
SMUGGLING = {
    "CL.TE": (PUT + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (5 + len(TAIL)) + TAIL, {400}),
    "TE.CL": (PUT + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2b\r\n" + TAIL + b"\r\n0\r\n\r\n", {400}),
    "TE, blank before the colon": (PUT + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + TAIL, {400}),
    "TE, tab before the colon": (PUT + b"Transfer-Encoding\t: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + TAIL, {400}),
    "TE, vertical tab": (PUT + b"Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + TAIL, {400, 501}),
    "TE: chunked, identity": (PUT + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + TAIL, {501}),
    "TE: identity": (PUT + b"Transfer-Encoding: identity\r\n\r\n" + TAIL, {400, 411, 501}),
    "TE: xchunked": (PUT + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + TAIL, {501}),
    "TE twice": (PUT + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + TAIL, {400, 411, 501}),
    "chunked": (PUT + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {411}),
    "TE in HTTP/1.0": (PUT.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + TAIL, {400, 411}),
    "two lengths": (PUT + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(TAIL) + TAIL, {400}),
    "two equal lengths": (PUT + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", {400}),
    "a list of lengths": (PUT + b"Content-Length: 0, %d\r\n\r\n" % len(TAIL) + TAIL, {400}),
    "length with blanks inside": (PUT + b"Content-Length: 1 0\r\n\r\n" + TAIL, {400}),
    "length with a sign": (PUT + b"Content-Length: +%d\r\n\r\n" % len(TAIL) + TAIL, {400}),
    "length, blank before the colon": (PUT + b"Content-Length : 0\r\n\r\n", {400, 411}),
    "obs-fold": (PUT + b"X-A: b\r\n Content-Length: %d\r\nContent-Length: 0\r\n\r\n" % len(TAIL) + TAIL, {400}),
    "bare CR": (PUT + b"X-A: b\rContent-Length: %d\r\nContent-Length: 0\r\n\r\n" % len(TAIL), {400}),
    "NUL in a header": (PUT + b"X-A: b\0c\r\nContent-Length: 0\r\n\r\n", {400}),
    "header without a colon": (PUT + b"Content-Length 5\r\nContent-Length: 0\r\n\r\n", {400}),
    "two Hosts": (b"GET /api/v1/cluster HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", {400}),
    "no Host": (b"GET /api/v1/cluster HTTP/1.1\r\n\r\n", {400}),
    "Host with a path": (b"GET /api/v1/cluster HTTP/1.1\r\nHost: a/b\r\n\r\n", {400}),
    "HTTP/2.0 in words": (b"GET /api/v1/cluster HTTP/2.0\r\nHost: a\r\n\r\n", {400, 505}),
    "HTTP/1.1 with more behind": (b"GET /api/v1/cluster HTTP/1.1 x\r\nHost: a\r\n\r\n", {400}),
    "HTTP/0.9": (b"GET /api/v1/cluster\r\n", {0}),
    "HTTP/0.9 of a page": (b"GET /\r\n", {0}),
    "blank line first, then HTTP/0.9": (b"\r\nGET /\r\n", {0}),
}
@pytest.mark.parametrize("name", SMUGGLING)
def test_nothing_is_smuggled(front, name):
    data, statuses = SMUGGLING[name]
    answer = front.ask(data, timeout=3, read_all=True)
    assert answer.status in statuses, (name, answer.status, answer.body[:200])
    assert not any("smuggled" in asked.params["REQUEST_URI"] for asked in front.recorder.asked), name
    assert answer.raw.count(b"HTTP/1.1 ") <= 1 or answer.status == 411, answer.raw


def test_line_feeds_alone_end_lines_as_the_standard_allows(front):
    """RFC 9112, 2.2: a recipient may take a lone LF as a line's end. Nothing else does so here: nginx writes the request anew."""
    answer = front.ask(b"GET /api/v1/cluster HTTP/1.1\nHost: x\nConnection: close\n\n")
    assert answer.status == 200 and len(front.recorder.asked) == 1


@pytest.mark.parametrize("length, statuses", [("-1", {400}), ("0x10", {400}), ("1e9", {400}), (str(1 << 63), {400, 413}), (str(1 << 64), {400, 413}), ("", {400, 411}), ((1 << 31) + 1, {413})])
def test_lengths_that_are_none_are_refused_before_the_body(front, length, statuses):
    answer = front.ask(PUT + f"Content-Length: {length}\r\n\r\n".encode(), timeout=3)
    assert answer.status in statuses and not front.recorder.asked


def test_a_body_that_ends_early_never_reaches_the_api(front):
    with front.connect() as s:
        s.sendall(PUT + b"Content-Length: 100\r\n\r\nshort")
        s.shutdown(socket.SHUT_WR)
        s.settimeout(5)
        s.recv(4096)
    assert not front.recorder.asked


def test_bytes_behind_a_body_are_another_request_and_no_part_of_it(front):
    answer = front.ask(PUT + b"Content-Length: 3\r\n\r\nabcGARBAGE\r\n\r\n", timeout=3, read_all=True)
    assert [asked.body for asked in front.recorder.asked] == [b"abc"]
    assert b" 400 " in answer.raw


# ---- S8: slow and greedy clients

def test_a_header_that_does_not_end_costs_ten_seconds(front):
    """A line every 2 s: the time is for the header as a whole, not from byte to byte."""
    began = time.monotonic()
    with front.connect(timeout=30) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        s.settimeout(2)
        while time.monotonic() - began < 25:
            try:
                if s.recv(1) == b"":
                    break
            except TimeoutError:
                pass
            except ConnectionResetError:
                break
            try:
                s.sendall(b"X-A: b\r\n")
            except (BrokenPipeError, ConnectionResetError):
                break
    assert 8 < time.monotonic() - began < 16


def test_a_body_that_stops_costs_fifteen_seconds_and_no_thread_of_the_api(front):
    began = time.monotonic()
    with front.connect(timeout=30) as s:
        s.sendall(PUT + b"Content-Length: 1000\r\n\r\nabc")
        try:
            s.recv(4096)
        except ConnectionResetError:
            pass
    assert 12 < time.monotonic() - began < 22 and not front.recorder.asked


LARGE = 5 << 20


@pytest.mark.parametrize("status, kind", [(401, "auth"), (403, "denied")])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_who_may_not_upload_is_told_before_the_body(front, method, status, kind):
    """While not a byte of the five megabytes was sent."""
    front.recorder.may = f"Status: {status} No\r\nContent-Type: application/problem+json\r\n\r\n{{}}".encode()
    try:
        answer = front.ask(PUT.replace(b"PUT", method.encode()) + b"Content-Length: %d\r\n\r\n" % LARGE, timeout=5)
    finally:
        front.recorder.may = MAY
    assert answer.status == status and json.loads(answer.body)["type"] == f"urn:ringbinder:error:{kind}"
    question, = front.recorder.asked
    assert question.params["RB_ONLY_MAY"] == "1" and question.params["REQUEST_METHOD"] == method and question.params["CONTENT_LENGTH"] == "0" and question.body == b""


def test_who_may_upload_is_taken_in_whole(front):
    assert front.get("/api/v1/courses/A/syllabus?filename=a.pdf", method="PUT", body=b"x" * LARGE).status == 200
    question, upload = front.recorder.asked
    assert question.params["RB_ONLY_MAY"] == "1" and question.body == b"" and "RB_ONLY_MAY" not in upload.params and upload.body == b"x" * LARGE
    assert len(upload.names()) == len(set(upload.names()))


def test_small_uploads_are_not_asked_for_first(front):
    assert front.get("/api/v1/courses/A/syllabus?filename=a.pdf", "RB-Only-May: 1", "RB_ONLY_MAY: 1", method="PUT", body=b"x" * 999_999).status == 200
    assert len(front.recorder.asked) == 1 and "RB_ONLY_MAY" not in front.recorder.asked[0].params


def test_an_api_that_is_away_is_a_503_for_large_uploads_too(tmp_path):
    with LoneFront(tmp_path / "front") as front:
        front.recorder.close()
        time.sleep(0.1)
        answer = front.ask(PUT + b"Content-Length: %d\r\n\r\n" % LARGE, timeout=5)
        assert answer.status == 503 and answer.one("retry-after") == "1" and json.loads(answer.body)["type"] == "urn:ringbinder:error:unavailable"


def test_an_answer_that_is_read_slowly_is_off_the_apis_hands(front):
    """Ten megabytes for somebody who reads nothing: nginx has all of it in no time."""
    front.recorder.answer, before = b"Content-Type: application/json\r\n\r\n" + b"x" * (10 << 20), front.recorder.given
    try:
        with front.connect() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(b"GET /api/v1/courses/A HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(lambda: front.recorder.given > before, 5, "nginx has the answer")
    finally:
        front.recorder.answer = b"Content-Type: application/json\r\n\r\n{}"


def test_headers_have_a_size(front):
    assert front.get("/api/v1/cluster", "X-Big: " + "x" * 7000).status == 200
    assert front.get("/api/v1/cluster", "X-Big: " + "x" * 65536).status == 431
    assert front.get("/api/v1/cluster", *[f"X-{i}: " + "x" * 1000 for i in range(64)]).status == 431
    assert front.get("/api/v1/cluster", "Cookie: sid=" + "x" * 8200).status == 431


def test_a_thousand_ranges_are_one_answer(front):
    whole = front.get("/portal.css").body
    ranges = ",".join(f"{i}-{i}" for i in range(0, 2000, 2))
    answer = front.get("/portal.css", f"Range: bytes={ranges[:7000]}")
    assert answer.status == 200 and answer.body == whole


def limited(fronts):
    """Nobody is exempt here."""
    return fronts(RB_EXEMPT="", RB_LOGINS_PER_MIN=5, RB_CONNECTIONS=20, RB_CHANGES_PER_S=1000)


def test_one_address_has_twenty_connections(fronts):
    front = fronts(RB_EXEMPT="", RB_CONNECTIONS=20, RB_CHANGES_PER_S=1000)
    held = []
    try:
        for _ in range(20):
            s = front.connect()
            s.sendall(PUT + b"Content-Length: 10\r\n\r\nabc")
            held.append(s)
            time.sleep(0.02)  # changes have a limit of their own
        time.sleep(0.5)
        answer = front.get("/api/v1/cluster")
        assert answer.status == 429 and answer.one("retry-after") == "1" and json.loads(answer.body)["type"] == "urn:ringbinder:error:rate"
    finally:
        for s in held:
            s.close()
    wait_for(lambda: front.get("/api/v1/cluster").status == 200, 5, "it is let in again")


def test_guesses_at_a_password_are_few(fronts):
    front = limited(fronts)
    tries = [front.get("/api/v1/session", "Content-Type: application/json", method="POST", body=b"{}") for _ in range(12)]
    assert [answer.status for answer in tries].count(200) == 5 and len(front.recorder.asked) == 5
    assert {answer.status for answer in tries[5:]} == {429} and tries[-1].one("retry-after") == "12"
    assert front.get("/api/v1/session").status == 200, "asking who is signed in is no guess"
    assert front.get("/api/v1/sess%69on", method="POST", body=b"{}").status == 429, "another spelling is the same place"


def test_changes_have_a_rate(fronts):
    front = fronts(RB_EXEMPT="", RB_CHANGES_PER_S=1)
    statuses = [front.get(f"/api/v1/courses/A{i}/restore", method=method, body=b"").status for i in range(8) for method in ("POST", "DELETE", "PATCH")]
    assert 10 <= statuses.count(200) <= 15 and statuses.count(429) >= 9
    assert front.get("/api/v1/courses/A").status == 200, "reading is no change"


def test_this_machine_is_not_held_to_the_limits(front):
    assert {front.get("/api/v1/session", method="POST", body=b"{}").status for _ in range(30)} == {200}


def test_a_thousand_idle_connections_do_not_keep_others_waiting(front, full):
    held = [front.connect() for _ in range(1000 if full else 300)]
    try:
        for s in held:
            s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        times = []
        for _ in range(100):
            began = time.monotonic()
            assert front.get("/portal.css").status == 200
            times.append(time.monotonic() - began)
        assert sorted(times)[98] < 1.0, sorted(times)[-5:]
    finally:
        for s in held:
            s.close()


# ---- logs: no secret of a link, whoever fails

@pytest.mark.parametrize("path", [f"/api/v1/links/{LINK}", f"/l/{LINK}", f"/api/v1/links/{LINK}?download=1", f"/api/v1/links/{LINK.replace('.', '%2E')}", f"/api/v1/lin%6bs/{LINK}"])
def test_the_secret_of_a_link_is_in_no_log(front, path):
    front.get(path)
    # A node that cannot be reached is nginx's own complaint, with the request in it.
    front.recorder.answer = f"X-Accel-Redirect: /_blob/{BLOB}\r\nX-Node-1: 127.0.0.1:{free_port()}\r\nX-Cap-1: x\r\nContent-Type: application/pdf\r\n\r\n".encode()
    try:
        assert front.get(path).status == (200 if path.startswith("/l/") else 503)
    finally:
        front.recorder.answer = b"Content-Type: application/json\r\n\r\n{}"
    time.sleep(0.2)
    assert SECRET not in front.log("access") and SECRET not in front.log("nginx")


def test_an_api_that_is_away_does_not_make_nginx_tell_a_links_secret(tmp_path):
    with LoneFront(tmp_path / "front") as front:
        front.recorder.close()
        time.sleep(0.1)
        assert front.get(f"/api/v1/links/{LINK}").status == 503
        time.sleep(0.2)
        assert SECRET not in front.log("access") and SECRET not in front.log("nginx")
        assert '"path":"/api/v1/links/l1.k1.0123456789abcdef.1790000000.-"' in front.log("access")


def test_queries_are_in_no_log(front):
    front.get("/api/v1/courses?q=geheimnis")
    time.sleep(0.2)
    assert "geheimnis" not in front.log("access")


# ---- TLS

def test_https_tells_the_api_and_the_browser(tls):
    answer = tls.get("/api/v1/cluster")
    assert answer.status == 200 and tls.recorder.asked[-1].params["REQUEST_SCHEME"] == "https"
    assert answer.one("cross-origin-opener-policy") == "same-origin"
    assert not answer.all("strict-transport-security"), "a self-signed certificate is no promise"


def test_plain_http_on_the_port_of_https_moves_on_and_changes_nothing(tls):
    tls.recorder.asked.clear()
    answer = tls.get("/share?course=a", tls=False)
    assert answer.status == 308 and answer.one("location") == f"https://127.0.0.1:{tls.port}/share?course=a"
    answer = tls.get("/api/v1/session", "Content-Type: application/json", method="POST", body=b'{"name": "a", "password": "secret"}', tls=False)
    assert answer.status == 403 and not tls.recorder.asked
    for header, value in POLICY.items():
        assert answer.one(header) == value


def test_the_port_of_http_sends_to_https(tls):
    port = int(tls.env["RB_HTTP_PORT"])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        s.sendall(b"GET /s/CSEN317?version=2 HTTP/1.1\r\nHost: syllabi.example:80\r\nConnection: close\r\n\r\n")
        received = b""
        while piece := s.recv(4096):
            received += piece
    assert b" 308 " in received.split(b"\r\n")[0] and f"Location: https://syllabi.example:{tls.port}/s/CSEN317?version=2\r\n".encode() in received
    assert b"Strict-Transport-Security" not in received


def handshake(port, **limits):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(limits.pop("alpn", ["h2", "http/1.1"]))
    for name, value in limits.items():
        setattr(context, name, value)
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s, context.wrap_socket(s, server_hostname="localhost") as t:
        return t.version(), t.selected_alpn_protocol(), t.cipher()[0]


def test_old_tls_is_not_spoken(tls):
    assert handshake(tls.port)[0] == "TLSv1.3"
    version, _, cipher = handshake(tls.port, maximum_version=ssl.TLSVersion.TLSv1_2)
    assert version == "TLSv1.2" and cipher.startswith("ECDHE-") and ("GCM" in cipher or "CHACHA20" in cipher)
    for old in ("-tls1", "-tls1_1"):
        done = subprocess.run(["openssl", "s_client", old, "-cipher", "ALL:@SECLEVEL=0", "-connect", f"127.0.0.1:{tls.port}"], input=b"", capture_output=True, timeout=10, check=False)
        assert done.returncode != 0 and b"Cipher is (NONE)" in done.stdout
    done = subprocess.run(["openssl", "s_client", "-tls1_2", "-cipher", "AES128-SHA:AES256-SHA256:ECDHE-ECDSA-AES128-SHA", "-connect", f"127.0.0.1:{tls.port}"],
                          input=b"", capture_output=True, timeout=10, check=False)
    assert b"Cipher is (NONE)" in done.stdout


def curl(front, *words):
    done = subprocess.run(["curl", "-sS", "--cacert", str(front.folder / "keys/portal.crt"), *words], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_http_2_is_spoken_and_held_to_the_same_rules(tls):
    base = f"https://localhost:{tls.port}"
    assert handshake(tls.port)[1] == "h2"
    said = curl(tls, "--http2", "-o", "/dev/null", "-D", "-", "-w", "%{http_version} %{http_code}", base + "/api/v1/cluster", "-H", "X-Remote-User: admin", "-H", "X-Forwarded-For: 203.0.113.9")
    assert said.endswith("2 200") and said.lower().count("x-content-type-options: nosniff") == 1
    params = tls.recorder.asked[-1].params
    assert params.get("HTTP_X_REMOTE_USER", "") == "" and params["HTTP_HOST"] == f"localhost:{tls.port}" and params["SERVER_PROTOCOL"] == "HTTP/2.0"
    assert curl(tls, "--http2", "--path-as-is", "-o", "/dev/null", "-w", "%{http_code}", base + "/api/v1/../x") == "400"
    said = curl(tls, "--http2", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "--data-binary", "abc", base + "/api/v1/courses/A/syllabus?filename=a.pdf")
    assert said == "200" and tls.recorder.asked[-1].body == b"abc" and tls.recorder.asked[-1].params["CONTENT_LENGTH"] == "3"


def make_pair(folder, name="pair", days=30):
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", str(days), "-subj", f"/CN={name}",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", str(cert), "-keyout", str(key)], check=True, capture_output=True)
    key.chmod(0o600)
    return cert, key


def certificate(front):
    with front.connect() as s:
        return ssl.DER_cert_to_PEM_cert(s.getpeercert(binary_form=True))


def test_a_certificate_of_ones_own_is_kept_to_and_may_be_renewed(tmp_path):
    cert, key = make_pair(tmp_path)
    with LoneFront(tmp_path / "front", RB_TLS_CERT=cert, RB_TLS_KEY=key) as front:
        answer = front.get("/")
        assert answer.one("strict-transport-security") == "max-age=31536000"
        assert front.get("/nothing").one("strict-transport-security") == "max-age=31536000"
        assert not front.get("/", tls=False).all("strict-transport-security")
        first = certificate(front)
        assert first.strip() == cert.read_text().strip()
        fresh = make_pair(tmp_path, "fresh")
        cert.write_bytes(fresh[0].read_bytes())
        key.write_bytes(fresh[1].read_bytes())
        with front.connect() as held:
            front.reload()
            wait_for(lambda: certificate(front) != first, 5, "the renewed certificate is shown")
            held.sendall(b"GET /portal.css HTTP/1.1\r\nHost: x\r\n\r\n")
            received = b""
            while not is_whole(received) and (piece := held.recv(65536)):
                received += piece
            assert received.startswith(b"HTTP/1.1 200"), "a connection from before goes on"


def unfit(tmp_path):
    cert, key = make_pair(tmp_path)
    other = make_pair(tmp_path, "other")
    loose = tmp_path / "loose.key"
    loose.write_bytes(key.read_bytes())
    loose.chmod(0o640)
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "ec", "-in", str(key), "-aes256", "-passout", "pass:secret", "-out", str(locked)], check=True, capture_output=True)
    locked.chmod(0o600)
    rubbish = tmp_path / "rubbish.crt"
    rubbish.write_text("no certificate\n")
    return {
        "no key": ({"RB_TLS_CERT": cert}, "RB_TLS_KEY is not set"),
        "no certificate": ({"RB_TLS_KEY": key}, "RB_TLS_CERT is not set"),
        "not there": ({"RB_TLS_CERT": tmp_path / "none.crt", "RB_TLS_KEY": key}, "no file that you can read"),
        "not a whole path": ({"RB_TLS_CERT": "pair.crt", "RB_TLS_KEY": key}, "must be a whole path"),
        "read by others": ({"RB_TLS_CERT": cert, "RB_TLS_KEY": loose}, "can be read by others"),
        "of another certificate": ({"RB_TLS_CERT": cert, "RB_TLS_KEY": other[1]}, "no certificate with its key"),
        "with a password": ({"RB_TLS_CERT": cert, "RB_TLS_KEY": locked}, "without a password"),
        "rubbish": ({"RB_TLS_CERT": rubbish, "RB_TLS_KEY": key}, "no certificate with its key"),
        "two wishes": ({"RB_TLS_CERT": cert, "RB_TLS_KEY": key, "RB_TLS": "self"}, "exclude each other"),
        "an unknown wish": ({"RB_TLS": "yes"}, "RB_TLS is 'yes'"),
        "http without https": ({"RB_HTTP_PORT": "8081"}, "without TLS there is nowhere"),
        "open without TLS": ({"RB_LISTEN": "0.0.0.0"}, "takes TLS"),
        "an address that is none": ({"RB_LISTEN": "everywhere"}, "takes a numeric address"),
        "a network that is none": ({"RB_PROXIES": "10.0.0.0/99"}, "RB_PROXIES is a list of networks"),
    }


def test_settings_that_would_not_be_safe_are_refused_with_a_sentence(tmp_path):
    for name, (env, words) in unfit(tmp_path).items():
        done = LoneFront(tmp_path / name.replace(" ", "-"), **env).render()
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr, (name, done.stderr)


def test_the_self_signed_pair_is_for_the_owner_only_and_stays(tls):
    key = tls.folder / "keys/portal.key"
    before = key.read_bytes()
    assert key.stat().st_mode & 0o077 == 0
    assert tls.render().returncode == 0 and key.read_bytes() == before
    text = subprocess.run(["openssl", "x509", "-in", str(tls.folder / "keys/portal.crt"), "-noout", "-text"], capture_output=True, text=True, check=True).stdout
    assert "DNS:localhost" in text and "IP Address:127.0.0.1" in text and "CA:FALSE" in text


def test_the_containers_fill_the_same_templates():
    """docker/front is a second hand that fills them: a name that only one knows would come out as it stands."""
    templates = "".join(path.read_text() for path in (ROOT / "nginx").glob("*.conf.in") if path.name != "nodes_tls.conf.in")  # containers have nodes.conf: a network of their own
    wanted = set(re.findall("@([A-Z_]+)@", templates))
    known = set(re.findall(r"s\|@([A-Z_]+)@\|", (ROOT / "docker/front").read_text()))
    assert wanted == known, wanted ^ known
