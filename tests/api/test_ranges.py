"""Range, HEAD and conditions behave as RFC 9110 says (issue A, shows 7)."""
import email.utils

import pytest

from support.api import course_path
from support.files import pdf

BODY = pdf("ranges", padding=300_000)
SIZE = len(BODY)


@pytest.fixture(scope="module")
def shared(cluster, contract):
    from support.api import Api
    api = Api(cluster.url, contract)
    record = api.upload("RANGES 1", BODY)
    assert record.status_code in (200, 201)
    return record.json()


@pytest.mark.parametrize("spec, first, last", [
    ("bytes=0-0", 0, 0),
    ("bytes=0-99", 0, 99),
    (f"bytes={SIZE - 1}-{SIZE - 1}", SIZE - 1, SIZE - 1),
    (f"bytes={SIZE - 10}-{SIZE + 10}", SIZE - 10, SIZE - 1),
    ("bytes=1000-1999", 1000, 1999),
    ("bytes=299000-", 299000, SIZE - 1),
    ("bytes=-500", SIZE - 500, SIZE - 1),
    (f"bytes=-{SIZE + 500}", 0, SIZE - 1),
])
def test_one_range_is_206(api, shared, spec, first, last):
    answer = api.bytes("RANGES 1", headers={"Range": spec})
    assert answer.status_code == 206
    assert answer.content == BODY[first:last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["ETag"] == f'"{shared["sha256"]}"'


@pytest.mark.parametrize("spec", [f"bytes={SIZE}-", "bytes=-0", f"bytes={SIZE + 5}-{SIZE + 9}"])
def test_a_range_behind_the_end_is_416(api, shared, spec):
    answer = api.bytes("RANGES 1", headers={"Range": spec})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize("spec", ["bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=", "bytes=1-2-3", "bytes=0-9,20-29", "bytes=" + ",".join(["0-0"] * 1000), "bytes=" + "0-," * 1000])
def test_what_is_no_single_range_gets_the_whole(api, shared, spec):
    answer = api.bytes("RANGES 1", headers={"Range": spec})
    assert answer.status_code == 200 and answer.content == BODY


def test_head_has_the_headers_of_get_and_no_body(api, shared):
    get, head = api.bytes("RANGES 1"), api.head(course_path("RANGES 1", "/syllabus"))
    assert head.status_code == 200 and head.content == b""
    for name in ("Content-Type", "Content-Length", "ETag", "Last-Modified", "Accept-Ranges", "Record-Id", "Content-Disposition"):
        assert head.headers[name] == get.headers[name], name
    assert get.headers["Content-Length"] == str(SIZE) and get.headers["Accept-Ranges"] == "bytes"


def test_if_none_match(api, shared):
    tag = f'"{shared["sha256"]}"'
    for value in (tag, "*", f'"x", {tag}', f"W/{tag}"):
        answer = api.bytes("RANGES 1", headers={"If-None-Match": value})
        assert answer.status_code == 304 and answer.content == b"", value
        assert answer.headers["ETag"] == tag
    assert api.bytes("RANGES 1", headers={"If-None-Match": '"other"'}).status_code == 200
    assert api.head(course_path("RANGES 1", "/syllabus"), headers={"If-None-Match": tag}).status_code == 304


def test_if_modified_since(api, shared):
    modified = api.bytes("RANGES 1").headers["Last-Modified"]
    seconds = email.utils.parsedate_to_datetime(modified).timestamp()
    earlier = email.utils.formatdate(seconds - 60, usegmt=True)
    later = email.utils.formatdate(seconds + 60, usegmt=True)
    assert api.bytes("RANGES 1", headers={"If-Modified-Since": modified}).status_code == 304
    assert api.bytes("RANGES 1", headers={"If-Modified-Since": later}).status_code == 304
    assert api.bytes("RANGES 1", headers={"If-Modified-Since": earlier}).status_code == 200
    assert api.bytes("RANGES 1", headers={"If-Modified-Since": "yesterday"}).status_code == 200
    assert api.bytes("RANGES 1", headers={"If-Modified-Since": modified, "If-None-Match": '"other"'}).status_code == 200


def test_if_range(api, shared):
    tag = f'"{shared["sha256"]}"'
    modified = api.bytes("RANGES 1").headers["Last-Modified"]
    part = {"Range": "bytes=10-19"}
    assert api.bytes("RANGES 1", headers={**part, "If-Range": tag}).status_code == 206
    assert api.bytes("RANGES 1", headers={**part, "If-Range": modified}).status_code == 206
    assert api.bytes("RANGES 1", headers={**part, "If-Range": '"other"'}).status_code == 200
    assert api.bytes("RANGES 1", headers={**part, "If-Range": f"W/{tag}"}).status_code == 200
    assert api.bytes("RANGES 1", headers={**part, "If-Range": "Mon, 01 Jan 2001 00:00:00 GMT"}).status_code == 200


def test_served_bytes_are_locked_up(api, shared):
    headers = api.bytes("RANGES 1").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
