"""Bad input that reaches a parser (S1, S2, S15): odd JSON at every route that takes JSON, inside and out; odd names in every place of an address and as names
of files; names that would like to be headers."""
import json
import re
import struct
import urllib.parse

import pytest
import requests

from support.api import Api, course_path
from support.cluster import ROOT
from support.files import pdf
from support.inside import Inside, header
from support.raw import exchange

CONTRACT = json.loads((ROOT / "fcgi/openapi.json").read_text())
METHODS = ("get", "put", "post", "patch", "delete")
MIB = 1 << 20


@pytest.fixture(scope="module")
def cluster(homes):
    cluster = homes("input").up()
    api = Api(cluster.url)
    assert api.upload("CS 101", pdf("input")).status_code == 201
    return cluster


@pytest.fixture(scope="module")
def api(cluster):
    return Api(cluster.url)


# ---- S15: JSON

# A body that each route understands, where it is sent, and what it comes to: nothing that a later row stumbles over.
NOBODY, NO_ID = "0" * 16, "0" * 32
BODIES = {
    ("POST", "/api/v1/courses/{course}/links"): (course_path("CS 101", "/links"), {"expires_s": 60, "label": "x"}, 201),
    ("PUT", "/api/v1/cluster/replication"): ("/api/v1/cluster/replication?dry_run=1", {"k": 2}, 200),
    ("POST", "/api/v1/session"): ("/api/v1/session", {"name": "nobody", "password": "a wrong one"}, 401),
    ("POST", "/api/v1/users"): ("/api/v1/users", {"name": "admin", "role": "reader", "quota_bytes": 5}, 409),
    ("PATCH", "/api/v1/users/{user}"): ("/api/v1/users/admin", {"shown": "Admin", "quota_bytes": None}, 200),
    ("PUT", "/api/v1/users/{user}/password"): ("/api/v1/users/admin/password", {"old": "a wrong one", "new": "correct battery 7 staple"}, 403),
    ("POST", "/api/v1/tokens"): ("/api/v1/tokens", {"label": "x", "acts": ["read"], "expires_s": 60}, 201),
    ("POST", "/api/v1/pending/{id}/reject"): (f"/api/v1/pending/{NO_ID}/reject", {"reason": "x"}, 404),
    ("PUT", "/api/v1/settings"): ("/api/v1/settings", None, 200),  # what they are
    ("POST", "/api/v1/join-tokens"): ("/api/v1/join-tokens", {"name": "lab-7", "expires_s": 60}, 201),
    ("POST", "/api/v1/join"): ("/api/v1/join", {"id": NOBODY, "claim": "a" * 64, "proof": "b" * 64}, 401),
}


def json_routes():
    return {(method.upper(), path) for path, item in CONTRACT["paths"].items() for method in METHODS
            if "application/json" in item.get(method, {}).get("requestBody", {}).get("content", {})}


def broken(good):
    """(what is wrong, body) of each row of S15, made from a body that is right but for that. The limits of bodies may come first: 413."""
    text = json.dumps(good)
    name, value = next(iter(good.items()))
    number = next((key for key, one in good.items() if isinstance(one, int) and not isinstance(one, bool)), name)
    first, rest = json.dumps(name), json.dumps({k: v for k, v in good.items() if k != name})[1:]
    comma = "" if rest == "}" else ", "

    def with_number(word):
        return json.dumps({k: v for k, v in good.items() if k != number} | {number: "@"}).replace('"@"', word).encode()

    return {
        "1,000,000 [": b"[" * 1_000_000, "as many [ as fit": b"[" * 4000, "deep in a member": (text[:-1] + ', "x": ' + "[" * 3000 + "]" * 3000 + "}").encode(),
        "a member twice": f"{{{first}: {json.dumps(value)}, {first}: {json.dumps(value)}{comma}{rest}".encode(),
        "a member twice, once escaped": f'{{"\\u{ord(name[0]):04x}{name[1:]}": {json.dumps(value)}, {text[1:]}'.encode(),
        "a member in capitals besides": f"{{{json.dumps(name.upper())}: {json.dumps(value)}, {text[1:]}".encode(),
        "a member in capitals instead": f"{{{json.dumps(name.upper())}: {json.dumps(value)}{comma}{rest}".encode(),
        "NUL in a text": f'{{{first}: "a\\u0000b"{comma}{rest}'.encode(), "NUL in a name": f'{{"a\\u0000": 1, {text[1:]}'.encode(),
        "a raw NUL": text.encode()[:-1] + b"\0}", "invalid UTF-8": f"{{{first}: ".encode() + b'"a\xff"' + f"{comma}{rest}".encode(),
        "overlong UTF-8": f"{{{first}: ".encode() + b'"\xc0\xae"' + f"{comma}{rest}".encode(),
        "a lone surrogate": f'{{{first}: "\\ud83d"{comma}{rest}'.encode(), "an encoded surrogate": f"{{{first}: ".encode() + b'"\xed\xa0\x80"' + f"{comma}{rest}".encode(),
        "1e999": with_number("1e999"), "2^53 + 1": with_number(str((1 << 53) + 1)), "-1": with_number("-1"), "NaN": with_number("NaN"), "Infinity": with_number("-Infinity"),
        "01": with_number("01"), "trailing bytes": text.encode() + b" x", "two values": text.encode() * 2, "a byte order mark": b"\xef\xbb\xbf" + text.encode(),
        "nothing": b"", "blank": b" ", "cut": text.encode()[:-1], "a list": b"[" + text.encode() + b"]", "a number": b"1", "null": b"null",
        "64 MiB of text": f'{{{first}: "'.encode() + b"a" * (64 * MIB) + f'"{comma}{rest}'.encode(),
    }


def fill(api, path):
    """Where to send a route's body, the body and what it comes to."""
    where, good, status = BODIES[path]
    return where, api.get("/api/v1/settings").json() if good is None else good, status


def test_every_route_that_takes_json_is_here():
    assert json_routes() == set(BODIES)


@pytest.mark.parametrize("method, path", sorted(BODIES))
def test_a_route_takes_the_json_it_is_meant_for(api, method, path):
    where, good, status = fill(api, (method, path))
    answer = api.request(method, where, json=good)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("method, path", sorted(BODIES))
def test_odd_json_is_400_with_a_sentence(api, method, path):
    where, good, _ = fill(api, (method, path))
    for label, body in broken(good).items():
        answer = api.request(method, where, data=body, headers={"Content-Type": "application/json"})
        fits = {400} if len(body) <= 4096 else {400, 413}
        if len(body) > MIB:
            fits = {413}
        elif not body:
            fits |= {411}
        assert answer.status_code in fits, (label, answer.status_code, answer.text)
        problem = answer.json()
        assert problem["status"] == answer.status_code and len(problem["detail"]) > 10 and problem["request_id"], (label, problem)


def test_what_odd_json_asked_for_was_not_done(api):
    assert {user["name"] for user in api.get("/api/v1/users").json()["items"]} == {"admin"}
    assert api.get("/api/v1/settings").json()["public_read"] is True


# ---- S15 inside: every signed route that reads a body

AT_NODE = {"api": ("POST /scrub", f"POST /staging/{'5a' * 16}/commit"), "coordinator": ("POST /leader/promise", "POST /leader/install", "POST /leader/command", "POST /settle/holds"),
           "node": ("POST /entropy/look", "POST /entropy/keys", "POST /settle/list", "POST /settle/blobs", "POST /settle/prepare", "POST /settle/accept", "POST /settle/holds", "POST /audit/head")}
FRAMES = {"api": [f"/records/cs%20101/{verb}" for verb in ("store", "prepare", "accept", "learn", "pull", "hint")], "node": ["/records/cs%20101/fetch"]}
AT_COORDINATOR = {"node": ("POST /join", "POST /heartbeat", "POST /leave", "POST /files"), "api": ("POST /admin/drain", "POST /admin/undrain", "POST /admin/remove", "POST /admin/replication")}
# What is no JSON at all, or not to be trusted as such. What is JSON and only says nothing of use here differs from route to route: the fuzz targets have it.
NO_JSON = {label: body for label, body in broken({"odd": "x", "n": 3}).items() if label not in ("-1", "a list", "a number", "null", "a member in capitals besides", "a member in capitals instead")}


def sender(cluster, role):
    return Inside(cluster, f"node:{Inside(cluster).node_id('node-2')}" if role == "node" else f"{role}:test")


def send(who, name, path, data):
    return who.send("POST", name, path, data, header(who.key_to(name), who.sender, "POST", path, data))


def refused(answer, label, body):
    """400, or 413 of what is larger than any such message; the connection may be gone before a body that is refused for its size was sent."""
    assert answer.status_code in ({400} if len(body) <= 1024 else {400, 413}), (label, answer.status_code, answer.text[:200])
    assert answer.json()["title"]


def inside_rows():
    return [(name, role, route.split()[1]) for name, table in (("node-1", AT_NODE), ("coordinator-1", AT_COORDINATOR)) for role, routes in table.items() for route in routes]


def test_every_route_inside_that_reads_a_body_is_here():
    """By the sources: a signed POST of a node or a coordinator."""
    known = {"/records/{}/" + path.rsplit("/", 1)[1] for paths in FRAMES.values() for path in paths} | \
        {re.sub("5a5a[5a]*", "{}", path) if "staging" in path else re.sub("/admin/.*", "/admin/{}", path) for _, _, path in inside_rows()}
    sources = (ROOT / "node/server.c").read_text() + (ROOT / "coordinator/serve.c").read_text()
    assert set(re.findall(r'\{"POST", "([^"]+)", HTTP_AUTH_SIGNED', sources)) == known


@pytest.mark.parametrize("name, role, path", inside_rows())
def test_odd_json_inside_is_400(cluster, name, role, path):
    who = sender(cluster, role)
    for label, body in NO_JSON.items():
        if len(body) > MIB:
            continue  # below
        refused(send(who, name, path, body), label, body)


@pytest.mark.parametrize("path, body", [("/admin/drain", {"NODE": "node-1"}), ("/admin/remove", {"Node": "node-1", "force": True}), ("/admin/replication", {"K": 1})])
def test_a_member_in_capitals_is_another_member(cluster, path, body):
    answer = Inside(cluster, "api:test").post("coordinator-1", path, body)
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("role, path", [(role, path) for role, paths in FRAMES.items() for path in paths])
def test_odd_json_in_a_frame_is_400(cluster, role, path):
    who = sender(cluster, role)
    for label, body in NO_JSON.items():
        if len(body) <= 60_000:
            refused(send(who, "node-1", path, b"RBF1" + struct.pack(">I", len(body)) + body), label, body)
    for length in (0, 1, 0xffffffff, 1 << 20):
        refused(send(who, "node-1", path, b"RBF1" + struct.pack(">I", length) + b"{}"), length, b"")


@pytest.mark.parametrize("name, role, path", inside_rows())
def test_64_mib_inside_are_refused_before_they_are_read(cluster, name, role, path):
    """By the length that was announced alone: not a byte of the body follows."""
    who = sender(cluster, role)
    port = int(cluster.processes()[name]["url"].rsplit(":", 1)[1])
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {64 * MIB}",
             f"Authorization: {header(who.key_to(name), who.sender, 'POST', path, b'x')}", "", ""]
    status, _, body = exchange(port, "\r\n".join(lines).encode())
    assert status == 413, (status, body)


# ---- S1: names where addresses have places for them

NAMES = {
    "up": "../../etc/passwd", "up, half encoded": "..%2f..%2fetc", "up, encoded": "%2e%2e%2fetc", "up, with backslashes": "..%5c..%5cx", "encoded dots and a backslash": "%2e%2e%5c",
    "encoded twice": "%252e%252e", "four dots": "....%2f%2f", "absolute": "%2fetc%2fpasswd", "of a drive": "C:%5cx", "NUL": "a%00.pdf", "only NUL": "%00", "dot": ".", "dot dot": "..",
    "encoded dot": "%2e", "256 bytes": "b" * 256, "4,096 bytes": "b" * 4096, "dash": "-x", "trailing dot": "x.", "trailing blank": "x%20", "device": "CON",
    "right to left": "a%e2%80%aefdp.exe", "overlong": "%c0%ae%c0%ae", "overlong slash": "..%c0%af", "lone surrogate": "a%ed%a0%80", "cut UTF-8": "a%e2%82", "bad escape": "a%zz", "line": "a%0d%0ab",
    "wild card": "*", "query": "a%3fb", "quote": "a%22b", "semicolon": "a%3bb", "of ours": "sys%2fuser%2fadmin", "of ours, in capitals": "SYS%2fUser%2fadmin", "a peer's": "peer%2f" + "0" * 64,
}
PLACES = sorted({(method.upper(), path, place) for path, item in CONTRACT["paths"].items() for place in re.findall(r"{(\w+)}", path) for method in METHODS if method in item})
PRESENT = {"course": "CS%20101", "user": "admin", "id": "0" * 32, "link": "l1.x", "sha256": "0" * 64, "peer": "lab", "name": "a.pdf", "node": "node-1"}


# Where any name that may be one is as good as another; and what there is to tell of what is not there.
ANY_NAME = {("PUT", "/api/v1/courses/{course}/syllabus"), ("GET", "/api/v1/courses/{course}/placement")}
NOTHING = ({"items": [], "next": None}, {"versions": 0, "failed": 0, "more": False})


def allowed(method, path, place):
    """The statuses of a place with an odd name in it."""
    refused = {400, 404, 405, 409, 411, 412, 413, 414, 415, 422} | ({403} if place == "link" else set())
    if (method, path) in ANY_NAME:
        return refused | {200, 201}
    return refused | ({200} if method == "GET" or path.endswith("/erase") else set())


def test_every_place_has_a_name_that_is_none(cluster):
    assert {place for _, _, place in PLACES} <= set(PRESENT)


@pytest.mark.parametrize("method, path, place", [row for row in PLACES])
def test_an_odd_name_in_a_place_of_an_address_reaches_nothing(cluster, method, path, place):
    """Refused as a name, or the name of nothing that there is; and never our own fault. What is a name like any other is stored under a hash (below)."""
    token = f"Authorization: Bearer {cluster.token()}"
    for label, name in NAMES.items():
        target = path.replace("{%s}" % place, name)
        for other, present in PRESENT.items():
            target = target.replace("{%s}" % other, present)
        lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", token, "If-Match: \"" + "0" * 31 + "1\"", "Content-Type: application/json"]
        body = b"" if method == "GET" else b"{"  # wrong wherever it is read
        lines += [f"Content-Length: {len(body)}"] if method != "GET" else []
        status, headers, got = exchange(cluster.port, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        assert status in allowed(method, path, place), (label, status, got[:300])
        if status == 200 and (method, path) not in ANY_NAME:
            assert json.loads(got) in NOTHING, (label, got)
        if status >= 400 and method != "HEAD":
            assert headers["content-type"].startswith("application/problem+json"), (label, headers)


def files_below(folder):
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


FILE_NAMES = ["../../etc/passwd", "/etc/passwd", "C:\\x\\y.pdf", "..\\..\\boot.ini", ".", "..", "...", "-rf", "x.", "x ", "CON", "nul.pdf", "a\u202efdp.exe", ".hidden", "~root", "$(id)", "`id`", "a;b", "a|b", "*",
              "%2e%2e%2fx", "a" * 255, "\u00e4\u6f22\U0001f600.pdf", " ", "a/../b", "//", "aux.pdf:stream"]


@pytest.mark.parametrize("how", ["put", "form"])
def test_the_name_of_a_file_is_only_shown(cluster, api, how):
    for i, name in enumerate(FILE_NAMES):
        course, data = f"NAMES {how} {i}", pdf(f"{how} {i}")
        if how == "put":
            answer = api.upload(course, data, filename=name)
        else:
            answer = api.post(course_path(course, "/syllabus"), files={"file": (name, data, "application/pdf")})
        assert answer.status_code in (201, 400, 422), (name, answer.text)
        if answer.status_code == 201:
            shown = answer.json()["filename"]
            assert "/" not in shown and "\\" not in shown and shown not in (".", ".."), (name, shown)
            assert api.bytes(course).content == data


def test_what_is_stored_is_named_by_its_hash(cluster):
    """After all uploads above: no file of a node has a name that came from outside."""
    for folder in (cluster.home / "data").glob("node-*"):
        for path in files_below(folder / "blobs"):
            assert re.fullmatch(r"[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}", path), path
        known = {"node.json", "node.key", "pairs.json", "marker.json", "nodes.json", "lock", "records.db", "records.db-wal", "records.db-shm", "join.json"}
        for path in files_below(folder):
            top = path.split("/")[0]
            assert path in known or top in ("blobs", "tmp", "quarantine", "audit"), path


# ---- S2: names that would like to be headers

HEADERS = {
    "CR LF": 'a"\r\nX-Accel-Redirect: /etc/', "CR LF and a cookie": "a\r\nSet-Cookie: x=1", "LF": "a\nX-Evil: 1", "CR": "a\rX-Evil: 1", "NEL": "a\u0085X-Evil: 1", "NUL": "a\0b", "ESC": "a\x1b[31m",
    "a second name": "x;filename*=UTF-8''evil.exe", "a quote": 'a"; filename="evil.exe', "a backslash": 'a\\', "a backslash and a quote": 'a\\"; filename=evil.exe', "percents": "a%0d%0aX-Evil: 1.pdf",
    "half a percent": "a%.pdf", "line separators": "a\u2028X-Evil: 1\u2029.pdf", "wide": "\u00e4\u6f22\U0001f600.pdf", "an encoded word": "=?utf-8?q?evil=0d=0a?=", "a comma": "a, b.pdf", "100 KiB": "n" * 102400,
}


def raw_head(cluster, course, **params):
    """The header lines of a download, as they came: (name, value), in order."""
    with requests.Session() as http:
        http.trust_env = False
        answer = http.get(cluster.url + course_path(course, "/syllabus"), params=params, headers={"Authorization": f"Bearer {cluster.token()}"}, timeout=30)
        assert answer.status_code == 200
        return [(name.lower(), value) for name, value in answer.raw.headers.items()]


def disposition(value):
    """(type, {parameter: value}) by RFC 6266 and 8187; fails when it is not of that form."""
    kind, _, rest = value.partition(";")
    found = {}
    while rest.strip():
        match = re.match(r'\s*([a-z]+\*?)=("(?:[^"\\\x00-\x1f]|\\.)*"|[!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(;|$)', rest)
        assert match, value
        name, text = match[1], match[2]
        assert name not in found, value
        found[name] = re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] == '"' else text
        rest = rest[match.end():]
    return kind.strip(), found


@pytest.mark.parametrize("label", HEADERS)
@pytest.mark.parametrize("how", ["put", "form"])
def test_a_name_is_no_header(cluster, api, how, label):
    name, course = HEADERS[label], f"HEADER {how} {label}"
    if how == "put":
        answer = api.upload(course, pdf(label), filename=name)
    else:  # as it is, quoted as browsers do
        quoted = name.replace('"', "%22")
        body = (f'--b\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\nContent-Type: application/pdf\r\n\r\n').encode() + pdf(label) + b"\r\n--b--\r\n"
        answer = api.post(course_path(course, "/syllabus"), data=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code in (201, 400, 413, 414, 422, 431), answer.text
    if answer.status_code != 201:
        assert api.course(course).status_code == 404
        return
    shown = answer.json()["filename"]
    assert not re.search("[\x00-\x1f\x7f-\x9f]", shown)
    for params in ({}, {"download": 1}):
        lines = raw_head(cluster, course, **params)
        names = [one for one, _ in lines]
        assert not {"x-evil", "set-cookie", "x-accel-redirect"} & set(names), lines
        assert names.count("content-disposition") == 1
        value = dict(lines)["content-disposition"]
        assert re.fullmatch("[ -~]*", value), value
        kind, found = disposition(value)
        assert kind in ("attachment", "inline") and set(found) <= {"filename", "filename*"}, value
        if "filename*" in found:
            charset, _, encoded = found["filename*"].split("'", 2)
            assert charset.upper() == "UTF-8" and urllib.parse.unquote(encoded, errors="strict") == shown
        else:
            assert found["filename"] == shown


@pytest.mark.parametrize("label", [label for label in HEADERS if label != "100 KiB"])
def test_the_name_of_a_course_is_no_header(cluster, api, label):
    """It comes back in Location."""
    answer = api.upload("L " + HEADERS[label][:100], pdf(label), title="T", note="a; b: c")
    assert answer.status_code in (201, 400), answer.text
    if answer.status_code == 201:
        assert re.fullmatch(r"/api/v1/courses/[A-Za-z0-9%._~-]+/syllabus\?version=[0-9a-f]{32}", answer.headers["Location"]), answer.headers["Location"]
        assert api.get(answer.headers["Location"]).status_code == 200
