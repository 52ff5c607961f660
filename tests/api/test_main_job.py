"""Share a syllabus, find it, get it back, with its history (issue A, shows 2 and 9)."""
import hashlib
import json
import pathlib
import subprocess
import time
import urllib.parse

import pytest

from support.api import course_path
from support.cluster import wait_for
from support.files import docx, noise, pdf


def blob_path(data, sha256):
    return data / "blobs" / sha256[:2] / sha256[2:4] / sha256


def test_the_readme_upload_is_on_three_disks_and_comes_back_identical(cluster, api, tmp_path):
    body = pdf("CSEN 317")
    file = tmp_path / "syllabus.pdf"
    file.write_bytes(body)
    done = subprocess.run(["curl", "-sS", "-T", str(file), "-H", "Authorization: Bearer " + cluster.token(), "-w", "\n%{http_code}",
                           cluster.url + "/api/v1/courses/CSEN317/syllabus?filename=syllabus.pdf&term=2026+Fall"],
                          capture_output=True, text=True, check=True, timeout=30)
    text, status = done.stdout.rsplit("\n", 1)
    record = json.loads(text)
    assert status == "201"
    sha256 = hashlib.sha256(body).hexdigest()
    assert (record["sha256"], record["size"], record["term"], record["version"]) == (sha256, len(body), "2026 Fall", 1)
    assert len(record["id"]) == 32
    assert sorted(c["name"] for c in record["copies"] if c["state"] == "stored") == ["node-1", "node-2", "node-3"]
    for name in cluster.names("node"):
        assert blob_path(cluster.data(name), sha256).read_bytes() == body
    answer = api.bytes("CSEN317")
    assert answer.status_code == 200 and answer.content == body
    assert answer.headers["ETag"] == f'"{sha256}"'
    assert answer.headers["Record-Id"] == record["id"]
    assert answer.headers["Content-Type"] == "application/pdf"


def test_the_same_again_is_200_and_no_new_version(api, course):
    first = api.upload(course, pdf("one"), term="2026 Fall")
    again = api.upload(course, pdf("one"), term="2026 Fall")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]
    assert len(api.course(course).json()["versions"]) == 1


def test_a_changed_file_is_version_2_and_both_can_be_read(api, course):
    bodies = [pdf("first"), pdf("second")]
    ids = [api.upload(course, body).json()["id"] for body in bodies]
    versions = api.course(course).json()["versions"]
    assert [(v["version"], v["id"]) for v in versions] == [(2, ids[1]), (1, ids[0])]
    assert versions[0]["parent"] == ids[0]
    assert api.bytes(course).content == bodies[1]
    for number, body in enumerate(bodies, 1):
        assert api.bytes(course, version=number).content == body
        assert api.bytes(course, version=ids[number - 1]).content == body


def test_changed_fields_alone_make_a_new_version(api, course):
    api.upload(course, pdf("one"), term="2026 Fall")
    second = api.upload(course, pdf("one"), term="2027 Winter")
    assert second.status_code == 201 and second.json()["version"] == 2
    assert api.bytes(course, term="2026 Fall").status_code == 200
    assert api.bytes(course, term="2030 Fall").status_code == 404


def test_all_spellings_of_a_name_are_one_course(api):
    api.upload("Spell 101", pdf("one"))
    for spelling in ("SPELL101", "spell-101", "ＳＰＥＬＬ 101", " spell_1.01 "):
        assert api.course(spelling).status_code == 200, spelling
    api.upload("SPELL-101", pdf("two"))
    found = api.course("spell101").json()
    assert found["course"] == "SPELL-101" and len(found["versions"]) == 2


def test_a_name_with_a_slash_is_one_segment(api):
    name = "CRJU/POSC 320"
    body = pdf(name)
    assert api.upload(name, body).status_code == 201
    answer = api.get("/api/v1/courses/CRJU%2FPOSC%20320/syllabus")
    assert answer.status_code == 200 and answer.content == body
    assert api.get("/api/v1/courses/CRJU/POSC%20320/syllabus").status_code == 404


def test_a_form_upload_is_the_same_as_a_put(api, course):
    body = docx("by form")
    answer = api.post(course_path(course, "/syllabus"), files={"file": ("plan.docx", body)},
                      data={"title": "Operating Systems", "instructor": "Å. Ångström", "term": "2026 Fall", "note": "room changed"})
    assert answer.status_code == 201, answer.text
    record = answer.json()
    assert (record["title"], record["instructor"], record["filename"], record["note"]) == ("Operating Systems", "Å. Ångström", "plan.docx", "room changed")
    assert record["type"].endswith("wordprocessingml.document")
    assert api.bytes(course).content == body


def test_any_file_type_is_taken(api, course):
    body = noise(70_000)
    answer = api.upload(course, body, filename="data.bin")
    assert answer.status_code == 201 and answer.json()["type"] == "application/octet-stream"
    back = api.bytes(course)
    assert back.content == body and back.headers["Content-Disposition"].startswith("attachment")


def test_download_as_attachment_keeps_the_file_name(api, course):
    api.upload(course, pdf("x"), filename="Übung 1.pdf")
    inline = api.bytes(course)
    assert inline.headers["Content-Disposition"].startswith("inline")
    saved = api.bytes(course, download="1")
    value = saved.headers["Content-Disposition"]
    assert value.startswith("attachment") and "filename*=UTF-8''%C3%9Cbung%201.pdf" in value


def test_delete_hides_and_restore_brings_back(api, course):
    body = pdf("to be deleted")
    first = api.upload(course, body).json()
    assert api.delete_course(course).status_code == 204
    assert api.bytes(course).status_code == 410
    gone = api.course(course)
    assert gone.status_code == 200 and gone.json()["current"]["deleted"] is True
    assert course not in [item["course"] for item in api.get("/api/v1/courses", params={"q": course}).json()["items"]]
    back = api.restore(course, version=first["id"])
    assert back.status_code == 201 and back.json()["sha256"] == first["sha256"]
    assert api.bytes(course).content == body
    assert api.delete_course("never seen 42").status_code == 404


def test_deleting_one_version_leaves_the_others(api, course):
    ids = [api.upload(course, pdf(text)).json()["id"] for text in ("a", "b", "c")]
    assert api.delete_course(course, version=ids[2]).status_code == 204
    assert api.bytes(course).content == pdf("b")
    assert api.bytes(course, version=ids[2]).status_code == 410
    assert api.bytes(course, version=ids[0]).content == pdf("a")


def test_if_match_takes_the_record_id_or_the_hash(api, course):
    first = api.upload(course, pdf("one")).json()
    second = api.upload(course, pdf("two"), headers={"If-Match": f'"{first["id"]}"'})
    assert second.status_code == 201 and second.json()["parent"] == first["id"]
    late = api.upload(course, pdf("three"), headers={"If-Match": f'"{first["id"]}"'})
    assert late.status_code == 412
    by_hash = api.upload(course, pdf("four"), headers={"If-Match": f'"{second.json()["sha256"]}"'})
    assert by_hash.status_code == 201
    assert api.delete_course(course, headers={"If-Match": f'"{first["id"]}"'}).status_code == 412
    assert api.delete_course(course, headers={"If-Match": f'"{by_hash.json()["id"]}"'}).status_code == 204


def test_if_none_match_star_means_only_when_nothing_is_there(api, course):
    star = {"If-None-Match": "*"}
    assert api.upload(course, pdf("one"), headers=star).status_code == 201
    assert api.upload(course, pdf("two"), headers=star).status_code == 412
    api.delete_course(course)
    assert api.upload(course, pdf("three"), headers=star).status_code == 201


def test_the_same_again_is_200_also_with_a_condition_and_a_key(api, course):
    first = api.upload(course, pdf("one"), headers={"Idempotency-Key": "k1"}).json()
    again = api.upload(course, pdf("one"), headers={"If-Match": f'"{first["id"]}"', "Idempotency-Key": "k2"})
    assert again.status_code == 200 and again.json()["id"] == first["id"]
    assert len(api.course(course).json()["versions"]) == 1


def test_an_idempotency_key_finds_its_answer_again(api, course):
    key = {"Idempotency-Key": "form-77"}
    first = api.upload(course, pdf("one"), headers=key)
    api.upload(course, pdf("between"))
    again = api.upload(course, pdf("one"), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert len(api.course(course).json()["versions"]) == 2
    assert api.upload(course, pdf("other"), headers=key).status_code == 422
    assert api.upload(course, pdf("one"), headers=key, term="other").status_code == 422


def test_a_content_digest_is_checked(api, course):
    import base64
    body = pdf("digest")
    good = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert api.upload(course, body, headers={"Content-Digest": f"sha-256=:{good}:"}).status_code == 201
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    assert api.upload(course, pdf("x"), headers={"Content-Digest": f"sha-256=:{wrong}:"}).status_code == 400
    assert len(api.course(course).json()["versions"]) == 1


@pytest.mark.parametrize("query", ["Zyg", "zygomorphic", "zyg flo", "flora", "lindqv", "zyg900", "ZYG 9", "blühend", "bluhend"])
def test_typing_a_few_letters_finds_the_course(api, query):
    api.upload("ZYG 900", pdf("z"), title="Zygomorphic Flora, blühend", instructor="S. Lindqvist", term="2026 Fall")
    items = api.get("/api/v1/courses", params={"q": query}).json()["items"]
    assert "ZYG 900" in [item["course"] for item in items]


def test_words_that_do_not_match_find_nothing(api):
    api.upload("ZYG 900", pdf("z"), title="Zygomorphic Flora, blühend", instructor="S. Lindqvist", term="2026 Fall")
    for query in ("zyg rocks", "ygomorphic", "flora 900x"):
        assert api.get("/api/v1/courses", params={"q": query}).json()["items"] == [], query
    found = api.get("/api/v1/courses", params={"q": "zyg", "term": "2026 fall"}).json()["items"]
    assert len(found) == 1
    assert api.get("/api/v1/courses", params={"q": "zyg", "term": "1999 fall"}).json()["items"] == []


def test_a_new_title_replaces_the_words_of_the_old_one(api, course):
    api.upload(course, pdf("1"), title="Xenolith Studies")
    api.upload(course, pdf("2"), title="Quartz Studies")
    assert api.get("/api/v1/courses", params={"q": "xenolith"}).json()["items"] == []
    assert len(api.get("/api/v1/courses", params={"q": "quartz stud"}).json()["items"]) == 1


@pytest.mark.parametrize("sort", ["name", "newest"])
def test_pages_by_cursor_show_everything_once_and_in_order(api, sort):
    names = [f"PAGE {letter}{number}" for letter in "CAB" for number in range(5)]
    for name in names:
        api.upload(name, pdf(name))
    seen, cursor = [], None
    for _ in range(100):
        params = {"sort": sort, "limit": 4, "q": "page"} | ({"cursor": cursor} if cursor else {})
        page = api.get("/api/v1/courses", params=params).json()
        assert len(page["items"]) <= 4
        seen += [item["course"] for item in page["items"]]
        cursor = page["next"]
        if not cursor:
            break
    assert sorted(seen) == sorted(names)
    assert seen == (sorted(names) if sort == "name" else names[::-1])


def test_the_cluster_tells_its_leader_and_nodes(api):
    found = wait_for(lambda: (lambda c: c if c["leader"] and all(n["state"] == "up" for n in c["nodes"]) else None)(api.get("/api/v1/cluster").json()), 10, "leader and nodes")
    assert found["leader"]["name"] in [c["name"] for c in found["coordinators"]] and found["leader"]["epoch"] >= 1
    assert sorted(n["name"] for n in found["nodes"]) == ["node-1", "node-2", "node-3"]
    assert (found["k"], found["k_effective"], found["ring_epoch"]) == (3, 3, 1)
    assert abs(sum(n["share"] for n in found["nodes"]) - 1) < 0.01


def test_placement_names_the_owners_in_ring_order(api, course):
    record = api.upload(course, pdf("x")).json()
    placement = api.get(course_path(course, "/placement")).json()
    point = int.from_bytes(hashlib.sha256(record["key"].encode()).digest()[:8], "big")
    assert str(point) in json.dumps(placement) or f"{point:016x}" in json.dumps(placement)
    owners = [o["name"] for o in placement["owners"]]
    assert owners == [o["name"] for o in api.course(course).json()["owners"]]


def test_the_course_page_knows_each_copy(api, course):
    api.upload(course, pdf("x"))
    owners = api.course(course).json()["owners"]
    assert [o["state"] for o in owners] == ["stored"] * 3


def test_health_ready_and_metrics(api):
    assert api.get("/healthz").status_code == 200
    assert api.get("/readyz").status_code == 200
    text = api.get("/metrics").text
    assert any(line.startswith("ringbinder_") for line in text.splitlines())


def test_a_hundred_courses_are_listed_and_counted(api):
    time.sleep(0.6)  # the picture is at most 250 ms old: now it counts what earlier tests did
    before = api.get("/api/v1/cluster").json()["courses"]
    for number in range(100):
        assert api.upload(f"BULK {number:03d}", pdf(str(number))).status_code == 201
    wait_for(lambda: api.get("/api/v1/cluster").json()["courses"] == before + 100, 2, "the next picture counts them")
    assert len(api.get("/api/v1/courses", params={"q": "bulk", "limit": 200}).json()["items"]) == 100


def test_nodes_list_their_blobs_and_check_clean(cluster, api, course):
    record = api.upload(course, pdf("listed")).json()
    program = cluster.program("ringbinder-node")
    for name in cluster.names("node"):
        data = cluster.data(name)
        lines = subprocess.run([program, "--list-blobs", str(data)], capture_output=True, text=True, check=True).stdout.splitlines()
        row = next(line for line in lines if line.startswith(record["sha256"]))
        sha256, rest = row.split(" ", 1)
        path, offset, length = rest.rsplit(" ", 2)
        with open(data / path if not pathlib.Path(path).is_absolute() else path, "rb") as f:
            f.seek(int(offset))
            assert hashlib.sha256(f.read(int(length))).hexdigest() == sha256
        assert subprocess.run([program, "--check", str(data)], capture_output=True, check=False).returncode == 0


def test_portal_pages_are_served(cluster, api, course):
    api.upload(course, pdf("x"))
    for path, status in (("/", 200), ("/share", 200), ("/cluster", 200), ("/s/" + urllib.parse.quote(course), 200), ("/nothing-here", 404)):
        answer = api.get(path)
        assert answer.status_code == status and answer.headers["Content-Type"].startswith("text/html"), path
        assert "default-src" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
