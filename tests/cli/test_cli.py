"""The command line against a real cluster, as its manual page says."""
import csv
import hashlib
import os
import re
import subprocess
import time

import pytest
from support.api import Api
from support.cluster import free_port, wait_for
from support.files import noise, pdf
from support.ringbinder import BIN, Ringbinder


@pytest.fixture
def me(cluster, tmp_path):
    """Somebody with the command line in a folder of their own."""
    return Ringbinder(cluster.url, tmp_path)


@pytest.fixture
def api(cluster, contract):
    return Api(cluster.url, contract)


def write(folder, name, data):
    (folder / name).write_bytes(data)
    return folder / name


# ---- one course

def test_a_file_is_put_found_and_got_back(me, tmp_path):
    data = pdf("Distributed systems", 5000)
    write(tmp_path, "s.pdf", data)
    done = me.run("put", "s.pdf", "--course", "CLI 101", "--term", "2026 Fall", "--title", "Ringe & Bücher", "--instructor", "A. Turing", "--note", "first")
    assert "CLI 101 has a new version 1" in done.stdout and "node-" in done.stdout
    assert me.run("put", "s.pdf", "-c", "cli-101", "-t", "2026 Fall", "--title", "Ringe & Bücher", "-i", "A. Turing", "-n", "first").stdout.startswith(
        "CLI 101 is unchanged: version 1") or "unchanged" in me.run("log", "CLI101").stdout
    cells = me.run("find", "cli", "101").stdout.rstrip("\n").split("\t")
    assert cells[:5] == ["CLI 101", "2026 Fall", "Ringe & Bücher", "A. Turing", "1"]
    me.run("get", "cli101", "-o", "back.pdf")
    assert (tmp_path / "back.pdf").read_bytes() == data
    assert me.run("find", "no", "such", "course", "anywhere", expect=3).stdout == ""


def test_an_update_that_was_overtaken_is_a_conflict(me, tmp_path):
    write(tmp_path, "a", noise(1000, 1))
    write(tmp_path, "b", noise(1000, 2))
    first = me.json("put", "a", "--course", "CLI race", "--new")["id"]
    second = me.json("put", "b", "--course", "CLI race", "--if-match", first)["id"]
    refused = me.run("put", "a", "--course", "CLI race", "--if-match", first, expect=5)
    assert refused.stdout == "" and refused.stderr.startswith("ringbinder: ")
    me.run("put", "a", "--course", "CLI race", "--new", expect=5)
    assert me.json("log", "CLI race")["current"]["id"] == second


def test_every_version_stays_and_can_be_named_by_number_or_id(me, tmp_path):
    ids = []
    for n in (1, 2, 3):
        write(tmp_path, "s.bin", noise(3000 + n, n))
        ids.append(me.json("put", "s.bin", "--course", "CLI versions")["id"])
    rows = [line.split("\t") for line in me.run("log", "CLI versions").stdout.splitlines()]
    assert [row[0] for row in rows] == ["3", "2", "1"] and [row[-1] for row in rows] == ids[::-1]
    assert all(row[2] == "shared" and row[6] in "23" for row in rows)  # a third copy may be on its way
    me.run("get", "CLI versions", "--version", 1, "-o", "one")
    me.run("get", "CLI versions", "--version", ids[1], "-o", "two")
    assert (tmp_path / "one").read_bytes() == noise(3001, 1) and (tmp_path / "two").read_bytes() == noise(3002, 2)
    me.run("get", "CLI versions", "--version", 9, expect=3)


def test_what_is_taken_down_can_be_brought_back(me, tmp_path):
    write(tmp_path, "s.bin", noise(500, 1))
    me.run("put", "s.bin", "--course", "CLI rm")
    write(tmp_path, "s.bin", noise(500, 2))
    me.run("put", "s.bin", "--course", "CLI rm")
    assert "version 1" in me.run("rm", "CLI rm", "--version", 1).stdout
    assert me.run("get", "CLI rm", "--version", 1, "-o", "x", expect=3)
    me.run("rm", "CLI rm")
    assert "taken down" in me.run("get", "CLI rm", "-o", "x", expect=3).stderr
    me.run("find", "CLI rm", expect=3)
    me.run("rm", "CLI rm", expect=3)
    me.run("restore", "CLI rm")
    me.run("get", "CLI rm", "-o", "back")
    assert (tmp_path / "back").read_bytes() == noise(500, 2)
    me.run("restore", "CLI rm", "--version", 1)
    me.run("get", "CLI rm", "-o", "first")
    assert (tmp_path / "first").read_bytes() == noise(500, 1)
    me.run("rm", "CLI never", expect=3)
    me.run("restore", "CLI never", expect=3)


def test_removing_asks_at_a_terminal(me, tmp_path):
    write(tmp_path, "s.bin", noise(500, 3))
    me.run("put", "s.bin", "--course", "CLI ask")
    assert "Nothing was done." in me.at_terminal("rm", "CLI ask", answers=[("[y/N]", "\n")], expect=6).text
    me.run("get", "CLI ask", "-o", "still")
    me.at_terminal("rm", "CLI ask", answers=[("[y/N]", "yes\n")])
    me.run("get", "CLI ask", "-o", "gone", expect=3)


def test_names_of_every_kind_go_through(me, tmp_path):
    for name in ("CRJU/POSC 320", "Übung 1", "a+b & c?", "100%", "日本語"):
        data = noise(200, len(name))
        write(tmp_path, "Größe #1 & 2?.bin", data)
        me.run("put", "Größe #1 & 2?.bin", "--course", name)
        assert me.json("log", name)["course"] == name
        me.run("get", name, "-o", "x")
        assert (tmp_path / "x").read_bytes() == data
    me.run("put", "x", "--course", "..", expect=1)


def test_json_is_one_value_everywhere(me, tmp_path):
    write(tmp_path, "s.bin", noise(500, 4))
    assert me.json("put", "s.bin", "--course", "CLI json")["course"] == "CLI json"
    assert me.json("find", "cli", "json")["items"][0]["course"] == "CLI json"
    assert me.json("find", "--limit", 1)["items"].__len__() == 1
    assert me.json("log", "CLI json")["versions"][0]["filename"] == "s.bin"
    assert me.json("get", "CLI json", "-o", "y")["sha256"] == hashlib.sha256(noise(500, 4)).hexdigest()
    assert me.json("where", "CLI json")["owners"]
    assert me.json("status")["nodes"] and me.json("ring")["nodes"] and me.json("ring", "--node", "node-1")["nodes"][0]["fingers"]
    assert me.json("set", "k", 2, "--dry-run")["copies"] >= 0
    assert me.json("rm", "CLI json")["whole"] is True
    assert me.json("restore", "CLI json")["kind"] == "restore"


# ---- the ring

def test_the_cluster_is_shown_as_a_table(me):
    text = me.run("status").stdout
    assert re.search(r"^ready +yes$", text, re.M) and re.search(r"^leader +coordinator-\d", text, re.M)
    assert [line.split("\t")[:2] for line in text.splitlines() if line.startswith("node-")] == [[f"node-{i}", "up"] for i in (1, 2, 3)]
    screen = me.at_terminal("status", columns=90).screen
    table = screen[[line.startswith("NODE ") for line in screen].index(True):]
    assert len(table) >= 4 and all(len(line) <= 90 for line in table)


def test_the_ring_and_a_course_on_it_are_shown(me, tmp_path):
    write(tmp_path, "s.bin", noise(500, 5))
    me.run("put", "s.bin", "--course", "CLI where")
    rows = [line.split("\t") for line in me.run("ring").stdout.splitlines()[1:]]
    assert sorted(row[1] for row in rows) == ["node-1", "node-2", "node-3"] and [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert "finger table of node-2" in me.run("ring", "--node", "node-2").stdout
    me.run("ring", "--node", "nobody", expect=3)
    wait_for(lambda: "3 of 3 machines have the current version" in me.run("where", "CLI where").stdout, 10, "the third copy is there")
    text = me.run("where", "CLI where", "--from", "node-1").stdout
    assert text.count("\tstored\t") == 3 and "lookup in" in text
    assert "Nobody has shared" in me.run("where", "CLI unshared").stdout


@pytest.fixture(scope="module")
def small_ring(homes):
    return homes("cli-ring", RB_NODES=3, RB_K=2).up()


def test_machines_leave_come_and_k_changes(small_ring, contract, tmp_path):
    me, api = Ringbinder(small_ring.url, tmp_path), Api(small_ring.url, contract)

    def settled():
        now = api.get("/api/v1/cluster").json()
        return now["ring_state"] == "stable" and now["copies_missing"] == 0 and now["bytes_to_move"] == 0

    def states():
        return {n["name"]: n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]}

    for i in range(10):
        write(tmp_path, "f", noise(2000, i))
        me.run("put", "f", "--course", f"RING {i}")
    before = states()
    plan = me.run("node", "drain", "node-3", "--dry-run")
    assert "would be made anew elsewhere" in plan.stdout and states() == before
    me.run("node", "drain", "node-3", expect=2)
    assert states() == before
    me.run("node", "drain", "nobody", "--yes", expect=3)
    me.at_terminal("node", "drain", "node-3", answers=[("[y/N]", "y\n")])
    wait_for(lambda: states().get("node-3") not in ("up", "draining", "suspect"), 60, "node-3 is drained")
    me.run("node", "undrain", "node-3", "--yes")
    wait_for(lambda: states().get("node-3") == "up" and settled(), 60, "node-3 is back")
    me.run("set", "k", 3, "--yes")
    wait_for(lambda: api.get("/api/v1/cluster").json()["k"] == 3 and settled(), 60, "k is 3")
    add_a_node(small_ring, me, tmp_path, lambda: states().get("node-9") == "up" and settled())
    me.run("node", "remove", "node-9", "--yes")
    wait_for(lambda: states().get("node-9") in (None, "out", "gone") and settled(), 90, "node-9 is out")
    for i in range(10):
        me.run("get", f"RING {i}", "-o", f"back{i}")
        assert (tmp_path / f"back{i}").read_bytes() == noise(2000, i)


def add_a_node(cluster, me, tmp_path, is_settled):
    """`node add` runs a node until Ctrl-C; once the ring counts it, it says so."""
    urls = ",".join(p["url"] for p in cluster.processes().values() if p["role"] == "coordinator")
    words = ["node", "add", str(tmp_path / "node9"), "--name", "node-9", "--listen", f"127.0.0.1:{free_port()}", "--coordinators", urls,
             "--key", str(cluster.home / "keys" / "cluster.key"), "--yes"]
    with (tmp_path / "add.log").open("w") as log:
        child = subprocess.Popen([str(BIN / "ringbinder"), *words], env=me.env, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: "node-9 is in the ring" in (tmp_path / "add.log").read_text(), 60, "it says that the node is in the ring")
        wait_for(is_settled, 60, "its files have moved to it")
    finally:
        child.terminate()
        assert child.wait(timeout=30) == 0


# ---- a folder at once

def table(folder, rows, columns=("course", "term", "title", "instructor", "file")):
    with (folder / "courses.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return folder / "courses.csv"


def test_five_hundred_files_at_once_and_again_without_a_change(me, tmp_path):
    files = tmp_path / "files" / "deep"
    files.mkdir(parents=True)
    rows = []
    for i in range(500):
        write(files, f"s {i}.pdf", pdf(f"Course {i}", 200 + i))
        rows.append({"course": f"BULK {i}", "term": "2026 Fall", "title": f'Title "{i}", with a comma', "instructor": "B. Liskov", "file": f"deep/s {i}.pdf"})
    listed = table(tmp_path, rows)
    dry = me.json("put", "--from-csv", listed, tmp_path / "files", "--dry-run")
    assert (dry["added"], dry["changed"], dry["unchanged"], dry["failed"]) == (500, 0, 0, 0)
    me.run("log", "BULK 0", expect=3)
    began = time.monotonic()
    first = me.run("put", "--from-csv", listed, tmp_path / "files", seconds=300)
    first_s, began = time.monotonic() - began, time.monotonic()
    assert first.stdout.count(": added, version 1\n") == 500 and first.stderr == "500 added, 0 changed, 0 unchanged, 0 failed\n"
    again = me.run("put", "--from-csv", listed, tmp_path / "files", seconds=300)
    print(f"\n500 files: {first_s:.1f} s; again without a change: {time.monotonic() - began:.1f} s")
    assert again.stdout.count(": unchanged, version 1\n") == 500 and again.stderr == "0 added, 0 changed, 500 unchanged, 0 failed\n"
    for i in (0, 250, 499):
        course = me.json("log", f"BULK {i}")
        assert len(course["versions"]) == 1 and course["current"]["title"] == f'Title "{i}", with a comma'
    rows[7]["title"] = "Another"
    write(files, "s 9.pdf", pdf("New edition", 300))
    changed = me.run("put", "--from-csv", table(tmp_path, rows), tmp_path / "files", seconds=300)
    assert changed.stderr == "0 added, 2 changed, 498 unchanged, 0 failed\n"
    assert "line 9: BULK 7, 2026 Fall: changed, version 2" in changed.stdout


def test_terms_of_one_course_stand_beside_each_other(me, tmp_path):
    write(tmp_path, "f.bin", noise(900, 1))
    write(tmp_path, "s.bin", noise(900, 2))
    listed = table(tmp_path, [{"course": "TERMS 1", "term": "2026 Fall", "file": "f.bin"}, {"course": "terms-1", "term": "2027 Spring", "file": "s.bin"}],
                   ("course", "term", "file"))
    assert me.run("put", "--from-csv", listed, tmp_path).stderr.startswith("2 added")
    assert me.run("put", "--from-csv", listed, tmp_path).stderr == "0 added, 0 changed, 2 unchanged, 0 failed\n"
    assert len(me.json("log", "TERMS 1")["versions"]) == 2


def test_a_bad_line_does_not_hold_up_the_others(me, tmp_path):
    write(tmp_path, "good.bin", noise(900, 3))
    write(tmp_path, "empty.bin", b"")
    rows = [{"course": "BAD 1", "file": "good.bin"}, {"course": "BAD 2", "file": "missing.bin"}, {"course": "BAD 3", "file": "empty.bin"},
            {"course": "..", "file": "good.bin"}, {"course": "bad-1", "file": "good.bin"}, {"course": "BAD 4", "file": "good.bin"}]
    done = me.run("put", "--from-csv", table(tmp_path, rows, ("course", "file")), tmp_path, expect=3)
    assert done.stderr == "2 added, 0 changed, 0 unchanged, 4 failed\n"
    assert [line.split(":")[0] for line in done.stdout.splitlines() if "failed" in line] == ["line 3", "line 4", "line 5", "line 6"]
    assert "earlier line" in done.stdout and "no such file" in done.stdout


# ---- at a terminal

def test_a_large_upload_and_download_show_their_bars(me, tmp_path):
    write(tmp_path, "large.bin", noise(64 << 20, 9))
    up = me.at_terminal("put", "large.bin", "--course", "CLI large", columns=100)
    down = me.at_terminal("get", "CLI large", "-o", "back.bin", columns=100)
    for recording in (up, down):
        percents = [int(found) for frame in recording.frames for found in re.findall(r"(\d+) %", frame)]
        assert len(percents) >= 2 and percents == sorted(percents) and percents[-1] == 100
        assert len([line for line in recording.screen if "100 %" in line]) == 1
    assert (tmp_path / "back.bin").read_bytes() == (tmp_path / "large.bin").read_bytes()
    assert "%" not in me.run("get", "CLI large", "-o", "quiet.bin").stderr


def test_a_pipe_that_nobody_reads_is_no_success(me):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([str(BIN / "ringbinder"), "status"], env=me.env, stdout=writer, stderr=subprocess.PIPE, timeout=30)
    os.close(writer)
    assert done.returncode != 0


# ---- the manual page and the completion

def test_the_manual_page_names_every_command_and_option(me):
    page = (BIN.parents[2] / "cli/ringbinder.1")
    if not page.exists():  # programs from another tree
        pytest.skip("no manual page beside these programs")
    text = page.read_text().replace("\\-", "-")
    for name in re.findall(r"^  ([a-z]+) ", me.run("--help").stdout, re.M):
        assert re.search(rf"\b{name}\b", text), name
        for option in re.findall(r"^ +(--[a-z-]+)", me.run(name, "--help").stdout, re.M):
            assert option in text, (name, option)


def test_the_completion_knows_commands_options_and_courses(me, tmp_path):
    write(tmp_path, "s.bin", noise(500, 6))
    me.run("put", "s.bin", "--course", "ZQCOMPLETE1")
    script = BIN.parents[2] / "cli/ringbinder.bash"
    if not script.exists():
        pytest.skip("no completion beside these programs")

    def complete(*words):
        line = "COMP_WORDS=({}); COMP_CWORD={}; _ringbinder; printf '%s\\n' \"${{COMPREPLY[@]}}\"".format(" ".join(f"'{w}'" for w in words), len(words) - 1)
        done = subprocess.run(["bash", "-c", f". {script}; {line}"], env={**me.env, "PATH": f"{BIN}:{os.environ['PATH']}"}, capture_output=True, text=True,
                              cwd=tmp_path, timeout=30)
        assert done.stderr == ""
        return done.stdout.split("\n")[:-1]

    assert {"put", "peers"} <= set(complete("ringbinder", "p"))
    assert complete("ringbinder", "get", "ZQCOM") == ["ZQCOMPLETE1"]
    assert "--version" in complete("ringbinder", "get", "x", "--v")
    assert "drain" in complete("ringbinder", "node", "d")
