"""The command line against a front that refuses, lies, breaks off or is slow: exit codes, words, and what never gets onto the disk or the terminal."""
import hashlib
import json
import os
import re
import socket
import subprocess
import time

import pytest
from support.canned import Canned, problem, send, value
from support.ringbinder import BIN, Ringbinder

DATA = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(DATA).hexdigest()
ID = "0123456789abcdef0123456789abcdef"


def record(**more):
    return {"id": ID, "course": "CSEN317", "key": "csen317", "version": 1, "kind": "upload", "of": None, "term": "2026 Fall", "title": "", "instructor": "",
            "note": "", "filename": "syllabus.pdf", "type": "application/pdf", "size": len(DATA), "sha256": SHA256,
            "uploaded_at": "2026-11-21T14:02:03.004Z", "uploader": "", "parent": None, "deleted": False,
            "copies": [{"node": "n1", "name": "node-1", "state": "stored"}], **more}


def course(*versions):
    versions = list(versions) or [record()]
    return {"course": "CSEN317", "key": "csen317", "current": versions[0], "versions": versions, "owners": []}


def give(data, tag=SHA256, pieces=1, pause_s=0.0, upto=None):
    """A handler that gives bytes and honours Range; breaks off after `upto` bytes of a whole answer."""
    def answer(request):
        first = int(re.match(r"bytes=(\d+)-", request.headers.get("Range", "bytes=0-")).group(1))
        body = data[first:]
        request.send_response(206 if first else 200)
        if first:
            request.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        request.send_header("Content-Length", str(len(body)))
        request.send_header("ETag", f'"{tag}"')
        request.end_headers()
        if upto is not None and not first:
            body = body[:upto]
        step = -(-len(body) // pieces)
        for at in range(0, len(body), step):
            request.wfile.write(body[at:at + step])
            time.sleep(pause_s)
        if upto is not None and not first:
            request.close_connection = True
            request.connection.shutdown(socket.SHUT_RDWR)
    return answer


def shared(data=DATA, **how):
    """The two answers that `get` needs."""
    return {"GET /courses/CSEN317": value(course()), "GET /courses/CSEN317/syllabus": give(data, **how)}


# ---- exit codes and words

@pytest.mark.parametrize("status, code, exit_code", [
    (400, "syntax", 1), (401, "auth", 6), (403, "denied", 6), (404, "not-found", 3), (409, "conflict", 5), (410, "gone", 3), (412, "precondition", 5),
    (413, "too-large", 1), (422, "invalid", 1), (500, "internal", 1), (503, "timeout", 4), (507, "full", 1)])
def test_each_refusal_has_its_exit_code_and_its_own_words(tmp_path, status, code, exit_code):
    with Canned({"GET /courses/X": problem(status, code, "This is why")}) as front:
        done = Ringbinder(front.url, tmp_path).run("log", "X", expect=exit_code)
        assert done.stdout == ""
        assert done.stderr.startswith("ringbinder: This is why."), done.stderr
        failed = Ringbinder(front.url, tmp_path).run("log", "X", "--json", expect=exit_code)
        assert failed.stdout == "" and json.loads(failed.stderr)["error"] == code


def test_nobody_there_is_said_at_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    began = time.monotonic()
    done = Ringbinder(url, tmp_path).run("status", expect=4)
    assert url in done.stderr and time.monotonic() - began < 3


def test_an_answer_of_a_gateway_is_not_taken_for_ours(tmp_path):
    with Canned({"GET /cluster": lambda r: send(r, 200, b"<html>hello", "text/html"), "GET /courses/X": lambda r: send(r, 302, b"", Location="/")}) as front:
        assert "is it a Ringbinder?" in Ringbinder(front.url, tmp_path).run("status", expect=1).stderr
        assert "answered 302" in Ringbinder(front.url, tmp_path).run("log", "X", expect=1).stderr
        assert len(front.asked) == 2


def test_what_is_not_understood_does_nothing(tmp_path):
    with Canned({}) as front:
        me = Ringbinder(front.url, tmp_path)
        for words in ([], ["frob"], ["get"], ["get", "a", "b"], ["put", "x"], ["find", "--limit", "0"], ["find", "--limit", "1e3"], ["set", "k", "0"],
                      ["set", "k", "17"], ["set", "j", "3"], ["node", "drain"], ["node", "undrain", "n", "--force"], ["log", "x", "--frob"],
                      ["put", "x", "--from-csv", "t", "--course", "c"], ["put", "x", "--course", "c", "--dry-run"], ["status", "--url"],
                      ["status", "--url", "ftp://x"], ["node", "add", "d"]):
            done = me.run(*words, expect=2)
            assert done.stdout == "" and done.stderr != ""
        assert front.asked == []


def test_help_is_there_for_every_command(tmp_path):
    me = Ringbinder("http://127.0.0.1:1", tmp_path)
    listed = re.findall(r"^  ([a-z]+) ", me.run("--help").stdout, re.M)
    assert {"put", "get", "find", "log", "rm", "restore", "share", "peers", "obtain", "status", "ring", "where", "node", "set", "audit", "ca"} == set(listed)
    for name in listed:
        for words in ([name, "--help"], ["help", name], [name, "-h"]):
            assert me.run(*words).stdout.startswith(f"usage: ringbinder {name}")


def test_the_token_goes_to_the_front_and_nowhere_else(tmp_path):
    with Canned({}) as elsewhere, Canned({"GET /courses/X": lambda r: send(r, 302, b"", Location=elsewhere.url)}) as front:
        me = Ringbinder(front.url, tmp_path, RB_TOKEN="s3cret", http_proxy=elsewhere.url, all_proxy=elsewhere.url)
        me.run("log", "X", expect=1)
        assert front.asked[0][3]["Authorization"] == "Bearer s3cret"
        assert elsewhere.asked == []


def test_text_from_the_server_cannot_drive_the_terminal(tmp_path):
    evil = record(course="\x1b]0;owned\x07CSEN", title="a\u202eb", filename="x\x9b31m")
    with Canned({"GET /courses": value({"items": [{"course": evil["course"], "key": "k", "current": evil, "versions": 1}], "next": None}),
                 "GET /courses/X": problem(404, "not-found", "no\x1b[2J\nsuch")}) as front:
        me = Ringbinder(front.url, tmp_path)
        for recording in (me.at_terminal("find"), me.at_terminal("log", "X", expect=3)):
            assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", recording.text), recording.text


# ---- downloads

def test_a_download_is_checked_and_renamed(tmp_path):
    with Canned(shared()) as front:
        done = Ringbinder(front.url, tmp_path).run("get", "CSEN317")
        assert "version 1" in done.stdout and "\r" not in done.stderr
        assert (tmp_path / "syllabus.pdf").read_bytes() == DATA
        assert os.listdir(tmp_path) == ["syllabus.pdf"]
        assert front.asked[1][2] == f"version={ID}"
        again = Ringbinder(front.url, tmp_path).run("get", "CSEN317")
        assert "was there already" in again.stdout and len(front.asked) == 3


def test_wrong_bytes_never_get_the_name(tmp_path):
    wrong = bytes(len(DATA))
    for handler in (give(wrong), give(wrong, tag="0" * 64)):
        with Canned({**shared(), "GET /courses/CSEN317/syllabus": handler}) as front:
            assert "SHA-256" in Ringbinder(front.url, tmp_path).run("get", "CSEN317", expect=1).stderr
            assert os.listdir(tmp_path) == []
            assert Ringbinder(front.url, tmp_path).run("get", "CSEN317", "-o", "-", expect=1)


def test_more_bytes_than_said_are_not_kept(tmp_path):
    with Canned(shared(DATA + b"more")) as front:
        Ringbinder(front.url, tmp_path).run("get", "CSEN317", expect=1)
        assert not (tmp_path / "syllabus.pdf").exists()


def test_a_connection_that_breaks_costs_only_the_rest(tmp_path):
    with Canned(shared(upto=300_000)) as front:
        Ringbinder(front.url, tmp_path).run("get", "CSEN317")
        assert (tmp_path / "syllabus.pdf").read_bytes() == DATA
        assert front.asked[2][3]["Range"] == "bytes=300000-"


def test_a_killed_download_is_gone_on_with(tmp_path):
    with Canned(shared(pieces=20, pause_s=0.1)) as front:
        me = Ringbinder(front.url, tmp_path)
        child = subprocess.Popen([str(BIN / "ringbinder"), "get", "CSEN317"], cwd=tmp_path, env=me.env, stdout=subprocess.DEVNULL)
        part = tmp_path / "syllabus.pdf.part"
        while not part.exists() or part.stat().st_size < len(DATA) // 2:
            time.sleep(0.02)
        other = me.run("get", "CSEN317", expect=5)
        assert "another download" in other.stderr
        child.kill()
        child.wait()
        had = part.stat().st_size
        assert "Going on" in me.run("get", "CSEN317").stderr
        assert front.asked[-1][3]["Range"] == f"bytes={had}-"
        assert (tmp_path / "syllabus.pdf").read_bytes() == DATA


def test_a_part_of_something_else_is_thrown_away(tmp_path):
    (tmp_path / "out.part").write_bytes(b"x" * 1000)
    with Canned(shared()) as front:
        Ringbinder(front.url, tmp_path).run("get", "CSEN317", "-o", "out")
    assert (tmp_path / "out").read_bytes() == DATA
    (tmp_path / "long.part").write_bytes(b"x" * (len(DATA) + 1))
    with Canned(shared()) as front:
        Ringbinder(front.url, tmp_path).run("get", "CSEN317", "-o", "long")
    assert (tmp_path / "long").read_bytes() == DATA


def test_a_file_name_from_the_server_stays_in_the_folder(tmp_path):
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    for name, kept in (("../../up.pdf", "up.pdf"), ("/etc/x", "x"), (".bashrc", "bashrc"), ("..", "file"), ("a\nb", "a-b")):
        with Canned({**shared(), "GET /courses/CSEN317": value(course(record(filename=name)))}) as front:
            Ringbinder(front.url, inside).run("get", "CSEN317")
            assert (inside / kept).read_bytes() == DATA
    assert sorted(os.listdir(inside)) == ["a-b", "bashrc", "file", "up.pdf", "x"]
    assert os.listdir(tmp_path) == ["a"] and os.listdir(tmp_path / "a") == ["b"]


def test_another_file_is_written_over_only_when_asked(tmp_path):
    (tmp_path / "syllabus.pdf").write_text("mine")
    with Canned(shared()) as front:
        me = Ringbinder(front.url, tmp_path)
        assert "--force" in me.run("get", "CSEN317", expect=5).stderr
        assert (tmp_path / "syllabus.pdf").read_text() == "mine"
        me.run("get", "CSEN317", "--force")
        assert (tmp_path / "syllabus.pdf").read_bytes() == DATA


def test_standard_output_gets_the_bytes_alone(tmp_path):
    with Canned(shared(upto=300_000)) as front:
        me = Ringbinder(front.url, tmp_path)
        done = subprocess.run([str(BIN / "ringbinder"), "get", "CSEN317", "-o", "-"], cwd=tmp_path, env=me.env, capture_output=True, timeout=60)
        assert (done.returncode, done.stdout) == (0, DATA)
        assert os.listdir(tmp_path) == []


def test_a_version_that_was_taken_down_is_not_found(tmp_path):
    with Canned({"GET /courses/CSEN317": value(course(record(deleted=True, kind="delete")))}) as front:
        me = Ringbinder(front.url, tmp_path)
        assert "taken down" in me.run("get", "CSEN317", expect=3).stderr
        me.run("get", "CSEN317", "--version", "7", expect=3)
        me.run("get", "CSEN317", "--version", "seven", expect=1)


# ---- uploads

def test_an_upload_is_asked_again_with_the_same_key(tmp_path):
    (tmp_path / "s.pdf").write_bytes(DATA)
    keys = []

    def take(request):
        keys.append(request.headers["Idempotency-Key"])
        assert request.body == DATA
        if len(keys) < 3:
            send(request, 503, {"type": "urn:ringbinder:error:timeout", "detail": "not known"}, "application/problem+json", Retry_After="1")
        else:
            send(request, 201, record())

    with Canned({"PUT /courses/CSEN317/syllabus": take}) as front:
        Ringbinder(front.url, tmp_path).run("put", "s.pdf", "--course", "CSEN317", "--term", "2026 Fall", "--if-match", ID)
        assert len(keys) == 3 and len(set(keys)) == 1
        _, _, query, headers = front.asked[0]
        assert query == "filename=s.pdf&term=2026%20Fall"
        assert headers["If-Match"] == f'"{ID}"'
        assert headers["Content-Digest"].startswith("sha-256=:")


def test_what_is_no_file_is_not_sent(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    with Canned({}) as front:
        me = Ringbinder(front.url, tmp_path)
        assert me.run("put", "nowhere", "--course", "X", expect=3)
        assert "not a file" in me.run("put", "pipe", "--course", "X", expect=1).stderr
        assert "not a file" in me.run("put", "folder", "--course", "X", expect=1).stderr
        assert front.asked == []


def test_versions_are_removed_and_restored_by_id(tmp_path):
    other = "f" * 32

    def gone(request):
        request.send_response(204)
        request.end_headers()

    with Canned({"GET /courses/X": value(course(record(version=2), record(id=other))), "DELETE /courses/X/syllabus": gone,
                 "POST /courses/X/restore": value(record(version=3, kind="restore"), 201)}) as front:
        me = Ringbinder(front.url, tmp_path)
        me.run("rm", "X", "--version", 1)
        me.run("rm", "X")
        me.run("restore", "X")
        me.run("restore", "X", "--version", ID)
        asked = [(method, query, headers.get("If-Match"), "Idempotency-Key" in headers) for method, _, query, headers in front.asked if method != "GET"]
        assert asked == [("DELETE", f"version={other}", None, True), ("DELETE", "", f'"{ID}"', True), ("POST", f"version={other}", None, True),
                         ("POST", f"version={ID}", None, True)]


def test_a_course_that_changed_meanwhile_is_not_taken_down(tmp_path):
    with Canned({"GET /courses/X": value(course()), "DELETE /courses/X/syllabus": problem(412, "precondition", "Somebody shared a newer version")}) as front:
        assert "newer version" in Ringbinder(front.url, tmp_path).run("rm", "X", expect=5).stderr


# ---- at a terminal

def test_the_bar_is_drawn_over_itself_and_stays_in_the_end(tmp_path):
    with Canned(shared(pieces=20, pause_s=0.05)) as front:
        recording = Ringbinder(front.url, tmp_path).at_terminal("get", "CSEN317", columns=100)
    bars = [frame for frame in recording.frames if "%" in frame]
    assert len(bars) >= 5
    percents = [int(re.search(r"(\d+) %", bar).group(1)) for bar in bars]
    assert percents == sorted(percents) and percents[-1] == 100
    assert all(bar.startswith("syllabus.pdf") and len(bar) < 100 for bar in bars)
    assert any(re.search(r"\[=+> *\]", bar) for bar in bars)
    assert any(re.search(r"\d+\.\d [KM]iB/s", bar) for bar in bars) and any(" left" in bar for bar in bars)
    assert len([line for line in recording.screen if "100 %" in line]) == 1
    assert len(recording.screen) == 2, recording.screen


def test_the_bar_follows_the_width_of_the_terminal(tmp_path):
    with Canned(shared(pieces=20, pause_s=0.05)) as front:
        recording = Ringbinder(front.url, tmp_path).at_terminal("get", "CSEN317", columns=120, resize=40)
    bars = [frame for frame in recording.frames if "%" in frame]
    assert len(bars[0]) > 60 and all(len(bar) < 40 for bar in bars[2:])


def test_no_bar_where_it_is_not_wanted(tmp_path):
    with Canned(shared(pieces=5, pause_s=0.05)) as front:
        me = Ringbinder(front.url, tmp_path)
        assert "%" not in me.at_terminal("get", "CSEN317", "--quiet", "-o", "a").text
        assert "%" not in me.run("get", "CSEN317", "-o", "b").stderr
        assert "%" not in me.at_terminal("get", "CSEN317", "--json", "-o", "c").text


def test_ctrl_c_ends_it_at_once_and_leaves_the_part(tmp_path):
    with Canned(shared(pieces=100, pause_s=0.1)) as front:
        began = time.monotonic()
        recording = Ringbinder(front.url, tmp_path).at_terminal("get", "CSEN317", answers=[("[=", "\x03")], expect=1)
    assert "Cancelled." in recording.text and time.monotonic() - began < 8
    assert os.listdir(tmp_path) == ["syllabus.pdf.part"]
    assert recording.screen[-1].endswith("ringbinder: Cancelled.")


def test_a_change_of_the_ring_is_shown_and_asked_for(tmp_path):
    plan = {"copies": 7, "bytes": 2048, "seconds": 3, "to": [{"node": "node-2", "copies": 7}], "at_risk": [], "at_risk_count": 0}

    def drain(request):
        send(request, 200, plan) if "dry_run" in request.query else send(request, 202, {"ring_epoch": 5})

    with Canned({"POST /cluster/nodes/node-1/drain": drain}) as front:
        me = Ringbinder(front.url, tmp_path)
        refused = me.at_terminal("node", "drain", "node-1", answers=[("[y/N]", "n\n")], expect=6)
        assert "7 copies, 2.0 KiB" in refused.text and "Nothing was done." in refused.text
        assert [query for _, _, query, _ in front.asked] == ["dry_run=1"]
        me.at_terminal("node", "drain", "node-1", answers=[("[y/N]", "y\n")])
        assert [query for _, _, query, _ in front.asked] == ["dry_run=1", "dry_run=1", ""]
        assert "--yes" in me.run("node", "drain", "node-1", expect=2).stderr
        assert me.json("node", "drain", "node-1", "--yes") == {"ring_epoch": 5}
        assert me.json("node", "drain", "node-1", "--dry-run") == plan
        assert front.asked[-1][2] == "dry_run=1"


# ---- a folder at once

def test_a_table_names_no_file_outside_of_its_folder(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret.txt")
    table = tmp_path / "courses.csv"
    table.write_text(f"course,file\nA1,../secret.txt\nA2,{tmp_path}/secret.txt\nA3,link\nA4,nowhere\n")
    with Canned({}) as front:
        done = Ringbinder(front.url, tmp_path).run("put", "--from-csv", table, folder, expect=6)
        assert done.stdout.count("outside of the folder") == 3 and "no such file" in done.stdout
        assert front.asked == []


def test_a_line_is_about_the_newest_version_of_its_term(tmp_path):
    (tmp_path / "syllabus.pdf").write_bytes(DATA)
    table = tmp_path / "t.csv"
    fall, spring = record(title="T"), record(id="f" * 32, version=2, term="2027 Spring", sha256="0" * 64)
    sent = []

    def take(request):
        sent.append(request.query)
        send(request, 201, record(version=3))

    with Canned({"GET /courses/CSEN317": value(course(spring, fall)), "PUT /courses/CSEN317/syllabus": take}) as front:
        me = Ringbinder(front.url, tmp_path)
        for line, outcome in (("2026 Fall,T", "unchanged"), ("2026 Fall,U", "changed"), ("2027 Spring,", "changed"), ("2028,", "added")):
            table.write_text(f"file,course,term,title\nsyllabus.pdf,CSEN317,{line}\n")
            before = len(sent)
            assert me.json("put", "--from-csv", table, tmp_path)["items"][0]["outcome"] == outcome
            assert len(sent) - before == (outcome != "unchanged")
        table.write_text("file,course,term\nsyllabus.pdf,CSEN317,2026 Fall\n")
        assert me.json("put", "--from-csv", table, tmp_path)["unchanged"] == 1, "a column that is not there changes nothing"


def test_an_import_stops_when_nobody_is_there_any_more(tmp_path):
    for i in range(20):
        (tmp_path / f"f{i}").write_text(f"{i}")
    table = tmp_path / "t.csv"
    table.write_text("course,file\n" + "".join(f"C{i},f{i}\n" for i in range(20)))
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = Ringbinder(url, tmp_path).run("put", "--from-csv", table, tmp_path, expect=4)
    assert done.stdout.count("failed") == 1 and "19 more lines were not tried" in done.stderr


def test_a_table_that_cannot_be_read_does_nothing(tmp_path):
    table = tmp_path / "t.csv"
    with Canned({}) as front:
        for text, why in (("", "empty"), ("course,colour\n", "colour"), ('course,file\n"x', "line 2: a quoted cell does not end"), ("course\n", "file")):
            table.write_text(text)
            assert why in Ringbinder(front.url, tmp_path).run("put", "--from-csv", table, tmp_path, expect=1).stderr
        Ringbinder(front.url, tmp_path).run("put", "--from-csv", "nowhere.csv", tmp_path, expect=3)
        assert front.asked == []
