"""Bad input: the right status, a problem that a person understands, nothing stored (issue A, shows 8)."""
import json
import re
import urllib.parse

import pytest

from support.files import pdf
from support.raw import exchange

GOOD = pdf("good")
HTML = b"<!DOCTYPE html><html><head><title>x</title></head><body><script>alert(1)</script></body></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MAX = 1 << 31
TOKEN = "rb_0000000000000000_" + "A" * 43  # put in place of this: the cluster's own, once it runs


def put(path, body=GOOD, length=None, headers=(), method="PUT", version="HTTP/1.1"):
    """A request as bytes. length None: the true one; "" leaves the header out."""
    lines = [f"{method} {path} {version}", "Host: 127.0.0.1", "Connection: close", f"Authorization: Bearer {TOKEN}", *headers]
    if length is None:
        length = str(len(body))
    if length != "":
        lines.append(f"Content-Length: {length}")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def upload(course, query="filename=a.pdf", **kw):
    return put(f"/api/v1/courses/{course}/syllabus?{query}", **kw)


def get(path, headers=(), method="GET", version="HTTP/1.1"):
    return put(path, b"", "", headers, method, version)


def send(cluster, request_bytes, **options):
    return exchange(cluster.port, request_bytes.replace(TOKEN.encode(), cluster.token().encode()), **options)


NAMES = {
    "empty": "", "blank": "%20%20", "129 characters": "a" * 129, "129 wide characters": urllib.parse.quote("ä" * 129),
    "dot dot": "..", "encoded dot dot": "%2e%2e", "dashes": "--", "only separators": "-_.%20",
    "traversal, encoded": "..%2f..", "traversal and more": "%2e%2e%2f", "NUL": "a%00b", "line feed": "a%0ab", "carriage return": "a%0d%0aX-A:b",
    "escape character": "a%1bb", "DEL": "a%7fb", "lone surrogate": "a%ed%a0%80", "overlong slash": "%c0%ae%c0%ae", "cut UTF-8": "a%e2%82",
    "bad escape": "a%zz", "half escape": "a%2", "4,096 bytes": "b" * 4096, "C1 control": "a%c2%85b",
}

ROWS = [(f"course name: {label}", upload(name), {400, 404} if label == "empty" else {400}) for label, name in NAMES.items()]
ROWS += [
    ("raw dot segments", put("/api/v1/courses/../syllabus?filename=a.pdf"), {400}),
    ("dot segments that leave the api", get("/api/v1/courses/..%2f..%2fs/"), {400}),
    ("double encoding stays a name", upload("%252e%252e"), {201}),
    ("a name with RTL mark is only text", upload("BAD%E2%80%AE101"), {201}),
    ("CON is a course like another", upload("CON"), {201}),
    ("file name with CR LF", upload("BAD1", "filename=a%0d%0aX-Evil%3A1.pdf"), {400}),
    ("file name with NUL", upload("BAD1", "filename=a%00.pdf"), {400}),
    ("file name of invalid UTF-8", upload("BAD1", "filename=%ff%fe"), {400}),
    ("file name of 256 characters", upload("BAD1", "filename=" + "a" * 256), {422}),
    ("title of 256 characters", upload("BAD1", "filename=a.pdf&title=" + "t" * 256), {422}),
    ("note with a control character", upload("BAD1", "filename=a.pdf&note=a%07b"), {400}),
    ("unknown query parameter", upload("BAD1", "filename=a.pdf&colour=red"), {400}),
    ("query parameter twice", upload("BAD1", "filename=a.pdf&filename=b.pdf"), {400}),
    ("unknown parameter of a list", get("/api/v1/courses?size=3"), {400}),
    ("limit 0", get("/api/v1/courses?limit=0"), {400}),
    ("limit 201", get("/api/v1/courses?limit=201"), {400}),
    ("limit that is no number", get("/api/v1/courses?limit=%2B5"), {400}),
    ("unknown sort", get("/api/v1/courses?sort=size"), {400}),
    ("cursor that is none of ours", get("/api/v1/courses?cursor=!!"), {400}),
    ("version that is neither number nor id", get("/api/v1/courses/BAD1/syllabus?version=latest"), {400, 404}),
    ("no length", upload("BAD1", length=""), {411}),
    ("negative length", upload("BAD1", length="-1"), {400}),
    ("length with a sign", upload("BAD1", length="+5"), {400}),
    ("hexadecimal length", upload("BAD1", length="0x10"), {400}),
    ("exponent length", upload("BAD1", length="1e9"), {400}),
    ("length one above the limit", upload("BAD1", length=str(MAX + 1)), {413}),
    ("length 2^63", upload("BAD1", length=str(1 << 63)), {400, 413}),
    ("length 2^64", upload("BAD1", length=str(1 << 64)), {400, 413}),
    ("two different lengths", upload("BAD1", headers=["Content-Length: 3"]), {400}),
    ("length and chunked", upload("BAD1", headers=["Transfer-Encoding: chunked"]), {400, 411}),
    ("chunked without length", upload("BAD1", body=b"5\r\nhello\r\n0\r\n\r\n", length="", headers=["Transfer-Encoding: chunked"]), {411}),
    ("chunked and identity", upload("BAD1", body=b"0\r\n\r\n", length="", headers=["Transfer-Encoding: chunked, identity"]), {400, 501}),
    ("blank before the colon", upload("BAD1", length="", headers=["Content-Length : 5"]), {400, 411}),
    ("empty file", upload("BAD1", body=b""), {422}),
    ("HTML named .pdf", upload("BAD1", body=HTML), {415}),
    ("SVG named .pdf", upload("BAD1", body=SVG), {415}),
    ("program named .pdf", upload("BAD1", body=b"MZ" + bytes(200)), {415}),
    ("PDF claimed to be a picture", upload("BAD1", "filename=a", headers=["Content-Type: image/png"]), {415}),
    ("HTML claimed to be a PDF", upload("BAD1", "filename=a", body=HTML, headers=["Content-Type: application/pdf"]), {415}),
    ("%PDF at offset 1,025", upload("BAD1", body=b"x" * 1025 + GOOD), {415}),
    ("If-Match that is no id", upload("BAD1", headers=["If-Match: \"abc\""]), {400}),
    ("If-Match without quotes", upload("BAD1", headers=["If-Match: abc"]), {400}),
    ("If-Match of nothing there", upload("BAD1", headers=["If-Match: \"" + "0" * 31 + "1\""]), {412}),
    ("If-Match and If-None-Match", upload("BAD1", headers=["If-Match: \"" + "0" * 31 + "1\"", "If-None-Match: *"]), {400}),
    ("If-None-Match with a tag", upload("BAD1", headers=["If-None-Match: \"abc\""]), {400}),
    ("Idempotency-Key of 129 characters", upload("BAD1", headers=["Idempotency-Key: " + "k" * 129]), {400}),
    ("an empty Idempotency-Key is none", upload("BAD2", headers=["Idempotency-Key: "]), {201}),
    ("malformed Content-Digest", upload("BAD1", headers=["Content-Digest: sha-256=abc"]), {400}),
    ("Content-Digest of other bytes", upload("BAD1", headers=["Content-Digest: sha-256=:" + "A" * 43 + "=:"]), {400}),
    ("form without a boundary", put("/api/v1/courses/BAD1/syllabus", b"x", headers=["Content-Type: multipart/form-data"], method="POST"), {400}),
    ("form that never ends", put("/api/v1/courses/BAD1/syllabus", b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n" + GOOD,
                                 headers=["Content-Type: multipart/form-data; boundary=b"], method="POST"), {400}),
    ("form without a file", put("/api/v1/courses/BAD1/syllabus", b"--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nx\r\n--b--\r\n",
                                headers=["Content-Type: multipart/form-data; boundary=b"], method="POST"), {400}),
    ("form that is JSON", put("/api/v1/courses/BAD1/syllabus", b"{}", headers=["Content-Type: application/json"], method="POST"), {400, 415}),
    ("wrong method on a list", put("/api/v1/courses", b"", method="POST"), {405}),
    ("wrong method on a course", get("/api/v1/courses/BAD1", method="DELETE"), {405}),
    ("PATCH", put("/api/v1/courses/BAD1/syllabus", method="PATCH"), {405}),
    ("TRACE", get("/api/v1/courses/BAD1/syllabus", method="TRACE"), {405}),
    ("method override is ignored", get("/api/v1/courses/NEVER%20SEEN%2099", headers=["X-HTTP-Method-Override: DELETE"]), {404}),
    ("unknown path", get("/api/v1/nothing"), {404}),
    ("unknown path below a course", get("/api/v1/courses/BAD1/secret"), {404}),
    ("unknown version of the api", get("/api/v2/courses"), {404}),
    ("unknown course", get("/api/v1/courses/NEVER%20SEEN%2099/syllabus"), {404}),
    ("delete of an unknown course", get("/api/v1/courses/NEVER%20SEEN%2099/syllabus", method="DELETE"), {404}),
    ("restore of an unknown course", put("/api/v1/courses/NEVER%20SEEN%2099/restore", b"", method="POST"), {404}),
    ("internal location", get("/_blob/" + "0" * 64), {404}),
    ("internal location of small ones", get("/_small/" + "0" * 64), {404}),
    ("internal location, encoded", get("/%5fblob/" + "0" * 64), {404}),
    ("client-sent X-Accel-Redirect", get("/api/v1/courses/NEVER%20SEEN%2099/syllabus", headers=["X-Accel-Redirect: /_blob/" + "0" * 64]), {404}),
    ("64 KiB header", get("/api/v1/courses", headers=["X-Big: " + "x" * 65536]), {400, 431, 494}),
    ("10,000-byte address", get("/api/v1/courses/" + "c" * 40000), {400, 414}),
    ("no Host", b"GET /api/v1/courses HTTP/1.1\r\nConnection: close\r\n\r\n", {400}),
    ("HTTP/0.9", b"GET /api/v1/courses\r\n", {0, 400, 404, 505}),
    ("rubbish", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {0, 400}),
]


def test_the_table_is_long_enough():
    assert len(ROWS) >= 60 and len({label for label, _, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("label, request_bytes, statuses", ROWS, ids=[label for label, _, _ in ROWS])
def test_bad_input(cluster, label, request_bytes, statuses):
    status, headers, body = send(cluster, request_bytes)
    assert status in statuses, (label, status, body[:300])
    assert not any(name.startswith("x-evil") or name == "x-a" for name in headers)
    under_api = b" /api/" in request_bytes.split(b"\r\n")[0] and status not in (0, 201)
    if under_api and not request_bytes.startswith((b"GET /api/v1/courses\r\n", b"TRACE")):
        assert headers["content-type"] == "application/problem+json", (label, headers)
        problem = json.loads(body)
        assert problem["status"] == status and problem["title"] and problem["type"] and problem["request_id"]
        assert len(problem.get("detail", "")) > 10, problem
    if status == 405:
        assert headers["allow"]


def test_nothing_bad_was_stored(cluster, api):
    """After the whole table the course that its bad rows name must not exist."""
    for _, request_bytes, _ in ROWS:
        send(cluster, request_bytes)
    assert api.get("/api/v1/courses/BAD1").status_code == 404


def test_a_short_body_is_never_stored(cluster, api):
    status, _, _ = send(cluster, upload("SHORT1", body=GOOD[:100], length=str(len(GOOD))), timeout=3, half_close=True)
    assert status in (0, 400)
    assert api.course("SHORT1").status_code == 404


def test_a_file_name_with_path_and_quotes_is_display_text_only(api, course):
    answer = api.upload(course, GOOD, filename='../../etc/pa"ss;filename*=x.pdf')
    assert answer.status_code == 201
    name = answer.json()["filename"]
    assert "/" not in name
    value = api.bytes(course).headers["Content-Disposition"]
    outside_quotes = re.sub(r'"[^"]*"', '""', value)
    assert outside_quotes.count("filename*=") == 1 and outside_quotes.count(";") == 2 and "/" not in value, value


@pytest.mark.parametrize("body, name", [(HTML, "page.html"), (SVG, "drawing.svg"), (b"var x = 1;\n" * 20, "code.js")])
def test_active_content_is_served_as_a_locked_attachment(api, course, body, name):
    answer = api.upload(course, body, filename=name)
    assert answer.status_code == 201, answer.text
    back = api.bytes(course)
    assert back.content == body
    assert back.headers["Content-Disposition"].startswith("attachment") or back.headers["Content-Type"].startswith("text/plain")
    assert back.headers["Content-Type"].split(";")[0] not in ("text/html", "image/svg+xml", "text/javascript", "application/javascript", "application/xhtml+xml", "text/xml", "application/xml")
    assert "sandbox" in back.headers["Content-Security-Policy"] and back.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("method, path", [("POST", "/records/x/store"), ("POST", "/records/x/pull"), ("PUT", "/staging/" + "0" * 32), ("GET", "/inventory"),
                                          ("GET", "/blobs/" + "0" * 64), ("POST", "/leader/promise"), ("GET", "/lookup/x")])
def test_an_unsigned_request_to_a_node_is_401(cluster, method, path):
    port = int(cluster.processes()["node-1"]["url"].rsplit(":", 1)[1])
    for extra in ([], ["Authorization: RB1 sender=x, time=1, nonce=" + "0" * 32 + ", epoch=1, body=" + "0" * 64 + ", mac=" + "0" * 64], ["Authorization: Bearer x"]):
        status, _, body = exchange(port, put(path, b"{}" if method != "GET" else b"", headers=extra, method=method))
        assert status == 401, (extra, status, body)


@pytest.mark.parametrize("path", ["/join", "/heartbeat", "/leave", "/ring"])
def test_an_unsigned_request_to_a_coordinator_is_401(cluster, path):
    port = int(cluster.processes()["coordinator-1"]["url"].rsplit(":", 1)[1])
    status, _, _ = exchange(port, put(path, b"{}", method="GET" if path == "/ring" else "POST"))
    assert status == 401
