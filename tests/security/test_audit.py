"""The audit log (G12, S18): what happened is in it, and a line that somebody changed, removed, swapped, put in or cut off is named."""
import hashlib
import hmac
import json
import os
import secrets
import shutil
import signal

import pytest

from support import signed
from support.cluster import wait_for
from support.files import pdf
from support.inside import Inside
from support.ringbinder import Ringbinder

PROCESSES = {"api-1": "api:api-1", "coordinator-1": "coordinator:coordinator-1", "coordinator-2": "coordinator:coordinator-2"}


@pytest.fixture(scope="module")
def noted(homes):
    """A cluster with a log worth reading."""
    cluster = homes("audit").up()
    fill(cluster, 12)
    return cluster


def fill(cluster, n, course="CS%20101"):
    for i in range(n):
        answer = signed.Session().put(f"{cluster.url}/api/v1/courses/{course}/syllabus?filename=a{i}.pdf", data=pdf(f"{course} {i}"), timeout=30,
                              headers={"Content-Type": "application/pdf"})
        assert answer.status_code in (200, 201), answer.text


def files(folder):
    return sorted((folder / "audit").glob("AUDIT-*.jsonl"))


def lines(folder):
    return [json.loads(line) for file in files(folder) for line in file.read_text().splitlines()]


def events(cluster, name, **wanted):
    """The events of one process's log that have these members."""
    return [line for line in lines(cluster.data(name)) if line["kind"] == "event" and all(line[key] == value for key, value in wanted.items())]


def eventually(cluster, name, **wanted):
    return wait_for(lambda: events(cluster, name, **wanted), 5, f"{wanted} in the log of {name}")


def heads(cluster):
    """All heads that nodes keep: {(process, chain, n): [(node, h)]}."""
    kept = {}
    for node in cluster.names("node"):
        page = Inside(cluster).get(node, "/audit/heads").json()
        for head in page["heads"]:
            kept.setdefault((head["process"], head["chain"], head["n"]), []).append((page["node"], head["h"]))
    return kept


def all_told(cluster, name, process):
    """Waits until W nodes keep the head of the last line; that line."""
    def told():
        last = lines(cluster.data(name))[-1]
        kept = [at for (who, _, n), at in heads(cluster).items() if who == process and n == last["n"] and {h for _, h in at} == {last["h"]}]
        return last if kept and len(kept[0]) >= 2 else None
    return wait_for(told, 15, f"two nodes keep the newest head of {process}")


@pytest.fixture
def check(noted, tmp_path):
    """Runs `ringbinder audit verify` on folders; (exit status, the report)."""
    user = Ringbinder(noted.url, tmp_path)
    coordinators = ",".join(noted.processes()[name]["url"] for name in noted.names("coordinator"))

    def run(*folders, heads_too=True, key=noted.home / "keys/cluster.key"):
        words = ["audit", "verify", "--key", key, *(["--coordinators", coordinators] if heads_too else []), *folders, "--json"]
        done = user.run(*words, expect=None)
        assert done.stdout, (done.returncode, done.stderr)
        return done.returncode, json.loads(done.stdout)

    return run


@pytest.fixture
def copied(noted, tmp_path):
    """The api's log, copied once all its lines are told: for harm."""
    all_told(noted, "api-1", "api:api-1")
    shutil.copytree(noted.data("api-1") / "audit", tmp_path / "log" / "audit")
    return tmp_path / "log"


def findings(report):
    return [finding for log in report["logs"] for finding in log["findings"]]


# ---- what is in it

def test_changes_are_noted_with_who_what_where_and_result(noted):
    answer = signed.Session().put(f"{noted.url}/api/v1/courses/NOTED%20%221%22/syllabus?filename=a.pdf", data=pdf("noted"), timeout=30,
                          headers={"Content-Type": "application/pdf"})
    line = eventually(noted, "api-1", request=answer.headers["Request-Id"])[0]
    assert (line["who"], line["what"], line["on"], line["from"], line["result"]) == (f"token:{noted.token()[3:19]}", "upload", 'NOTED "1"', "127.0.0.1", "201")
    assert line["detail"] == answer.headers["Record-Id"]
    gone = signed.Session().delete(f"{noted.url}/api/v1/courses/NOTED%20%221%22/syllabus", timeout=30)
    assert eventually(noted, "api-1", request=gone.headers["Request-Id"])[0]["what"] == "delete"
    back = signed.Session().post(f"{noted.url}/api/v1/courses/NOTED%20%221%22/restore", timeout=30, headers={"If-Match": "*"})
    line = eventually(noted, "api-1", request=back.headers["Request-Id"])[0]
    assert (line["what"], line["result"]) == ("restore", str(back.status_code))


def test_reading_and_dry_runs_are_not_noted(noted):
    before = len(lines(noted.data("api-1")))
    for path in ("/courses", "/courses/CS%20101", "/courses/CS%20101/syllabus", "/cluster", "/courses/nobody"):
        signed.Session().get(f"{noted.url}/api/v1{path}", timeout=30)
    signed.Session().post(f"{noted.url}/api/v1/cluster/nodes/node-1/drain?dry_run=1", timeout=30)
    last = signed.Session().post(f"{noted.url}/api/v1/cluster/nodes/nobody/undrain", timeout=30)
    eventually(noted, "api-1", request=last.headers["Request-Id"], what="undrain", on="nobody", result="404")
    assert len(lines(noted.data("api-1"))) == before + 1


def test_what_is_asked_of_the_ring_and_what_comes_of_it_is_noted_by_coordinators(noted):
    signed.Session().put(f"{noted.url}/api/v1/cluster/replication", json={"k": 3}, timeout=30)
    wait_for(lambda: any(events(noted, name, what="POST replication", on="k = 3") for name in noted.names("coordinator")), 5, "the wish is noted")
    assert any(events(noted, name, what="leader") for name in noted.names("coordinator"))
    assert all(events(noted, name, what="POST /leader/promise", result="200") for name in noted.names("node"))


def test_requests_that_are_refused_inside_are_noted_with_their_sender(noted):
    liar = Inside(noted, "api:stranger")
    liar.master = bytes(31) + b"x"
    assert liar.get("node-1", "/courses").status_code == 401
    line = eventually(noted, "node-1", what="GET /courses", result="401", who="api:stranger")[0]
    assert (line["from"], line["detail"]) == ("127.0.0.1", "the sender is not proven")
    assert Inside(noted, "api:stranger").post("coordinator-1", "/leave", {"id": "node-1.0000000000000000"}).status_code == 403
    assert eventually(noted, "coordinator-1", what="POST /leave", result="403", who="api:stranger")[0]["detail"] == "-"


def test_no_secret_is_in_any_line(noted):
    text = "".join(file.read_text() for name in noted.processes() if (noted.data(name) / "audit").is_dir() for file in files(noted.data(name)))
    key = (noted.home / "keys/cluster.key").read_text().strip()
    seeds = [json.loads((noted.data(name) / "audit/seed").read_text())["seed"] for name in ("api-1", "node-1", "coordinator-1")]
    assert len(text) > 1000
    for secret in (key, *seeds, "mac=", "RBC1", "Authorization"):
        assert secret not in text
    assert all((noted.data(name) / "audit/seed").stat().st_mode & 0o77 == 0 for name in ("api-1", "node-1", "coordinator-1"))


# ---- nobody harmed it

def test_logs_that_nobody_touched_are_whole_while_they_are_written(noted, check):
    all_told(noted, "api-1", "api:api-1")
    folders = [noted.data(name) for role in ("api", "coordinator", "node") for name in noted.names(role)]

    def looked():
        status, report = check(*folders)
        return (status, report) if all(log["heads"] > 0 for log in report["logs"]) else None

    status, report = wait_for(looked, 20, "each log has a head at the nodes", 0.5)
    assert (status, report["whole"], report["heads_known"], findings(report)) == (0, True, True, [])
    assert {log["process"] for log in report["logs"]} >= set(PROCESSES.values())


def test_a_killed_process_leaves_a_log_that_is_whole(noted, check):
    all_told(noted, "api-1", "api:api-1")
    for name in ("api-1", "node-2"):
        noted.kill(name)
        noted.start(name)
    fill(noted, 3)
    all_told(noted, "api-1", "api:api-1")
    status, report = check(noted.data("api-1"), noted.data("node-2"))
    assert (status, findings(report)) == (0, [])
    assert all(log["chains"] >= 2 for log in report["logs"])


# ---- somebody harmed it

def rewrite(file, change):
    text = file.read_text().splitlines(keepends=True)
    change(text)
    file.write_text("".join(text))


def change_a_line(text):
    was = text[4]
    text[4] = was.replace('"result":"', '"result":"x', 1)
    assert text[4] != was


def remove_a_line(text):
    del text[4]


def swap_two_lines(text):
    text[4], text[5] = text[5], text[4]


def put_a_line_in(text):
    text.insert(4, text[3])


def break_a_line(text):
    text[4] = text[4][:40] + "\n"


def remove_the_first_line(text):
    del text[0]


HARMS = [(change_a_line, "changed", 5), (remove_a_line, "missing", 5), (swap_two_lines, "missing", 5), (put_a_line_in, "moved", 5), (break_a_line, "changed", 5),
         (remove_the_first_line, "missing", 1)]


@pytest.mark.parametrize("harm, fault, line", HARMS, ids=[harm[0].__name__ for harm in HARMS])
@pytest.mark.parametrize("heads_too", [True, False], ids=["with heads", "without heads"])
def test_a_harmed_line_is_named(check, copied, harm, fault, line, heads_too):
    file = files(copied)[0]
    rewrite(file, harm)
    status, report = check(copied, heads_too=heads_too)
    assert status == 1 and not report["whole"]
    first = findings(report)[0]
    assert (first["file"], first["line"], first["fault"]) == (str(file), line, fault)


def test_a_tail_that_was_cut_off_is_found_by_the_heads_on_the_nodes(check, copied):
    file = files(copied)[-1]
    rewrite(file, lambda text: text.pop())
    left = len(file.read_text().splitlines())
    assert check(copied, heads_too=False)[0] == 0  # nobody else knows of it
    status, report = check(copied)
    assert status == 1
    assert (findings(report)[0]["file"], findings(report)[0]["line"], findings(report)[0]["fault"]) == (str(file), left, "cut")


def test_an_earlier_chain_that_is_gone_is_found(check, copied):
    """By the start after it, and by the heads of it."""
    assert len(files(copied)) > 1  # it was killed and started again
    files(copied)[0].unlink()
    status, report = check(copied, heads_too=False)
    assert status == 1
    assert (findings(report)[0]["file"], findings(report)[0]["line"], findings(report)[0]["fault"]) == (str(files(copied)[0]), 1, "gone")
    assert len(findings(check(copied)[1])) == 2


def test_the_last_chain_that_is_gone_is_found_by_the_heads_on_the_nodes(check, copied):
    assert len(files(copied)) > 1
    files(copied)[-1].unlink()
    assert check(copied, heads_too=False)[0] == 0
    status, report = check(copied)
    assert (status, [finding["fault"] for finding in findings(report)]) == (1, ["gone"])


def test_a_folder_without_a_line_is_no_whole_log(noted, copied):
    words = ["audit", "verify", "--key", noted.home / "keys/cluster.key", copied]
    user = Ringbinder("http://127.0.0.1:1", copied)
    for file in files(copied):
        file.unlink()
    assert user.run(*words, expect=None).returncode == 3
    (copied / "audit" / "AUDIT-0000000000001-000001.jsonl").write_text("")
    assert user.run(*words, expect=None).returncode == 3


def test_a_log_written_anew_with_the_master_key_is_found_by_the_heads(noted, check, copied):
    """Whoever has the key makes lines that fit; the nodes remember the others."""
    file = files(copied)[0]
    master = bytes.fromhex((noted.home / "keys/cluster.key").read_text().strip())
    forged = forge(master, [json.loads(line) for line in file.read_text().splitlines()])
    file.write_text(forged)
    for later in files(copied)[1:]:
        later.unlink()
    assert check(copied, heads_too=False)[0] == 0
    status, report = check(copied)
    assert status == 1
    assert {finding["fault"] for finding in findings(report)} & {"rewritten", "cut", "gone"}


def derive(secret, purpose, name):
    prk = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(prk, purpose.encode() + b"\0" + name.encode() + b"\1", hashlib.sha256).digest()


def forge(master, old):
    """The same lines with other results, under the right keys: for a chain whose key made no step."""
    start = old[0]
    seed = derive(master, "ringbinder audit seed", start["process"])
    for _ in range(start["start"]):
        seed = hashlib.sha256(seed + b"evolve").digest()
    key, h, out = derive(seed, "ringbinder audit chain", start["chain"]), bytes(32), []
    for line in old:
        del line["h"]
        if line["kind"] == "event":
            line["who"] = "somebody else"
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
        assert line["k"] == 0
        h = hmac.new(key, h + text[:-1].encode(), hashlib.sha256).digest()
        out.append(f'{text[:-1]},"h":"{h.hex()}"}}\n')
    return "".join(out)


def test_a_log_under_another_key_is_not_taken(check, copied, tmp_path):
    other = tmp_path / "other.key"
    other.write_text(secrets.token_hex(32) + "\n")
    other.chmod(0o600)
    status, report = check(copied, heads_too=False, key=other)
    assert status == 1 and findings(report)[0]["line"] == 1


# ---- the nodes' side

def test_a_node_takes_no_second_head_for_a_line_and_none_from_others(noted):
    head = {"process": "api:api-x", "chain": "ab" * 16, "start": 0, "k": 0, "n": 7, "h": "11" * 32, "at": 1795338732848, "mac": "22" * 32}
    api = Inside(noted, "api:api-x")
    assert api.post("node-1", "/audit/head", head).status_code == 200
    assert api.post("node-1", "/audit/head", head).status_code == 200
    assert api.post("node-1", "/audit/head", {**head, "h": "33" * 32}).status_code == 409
    assert Inside(noted, "api:api-y").post("node-1", "/audit/head", head).status_code == 403
    assert api.post("node-1", "/audit/head", {**head, "n": 0}).status_code == 400
    kept = [row for row in Inside(noted).get("node-1", "/audit/heads").json()["heads"] if row["process"] == "api:api-x"]
    assert [(row["n"], row["h"]) for row in kept] == [(7, "11" * 32)]


def test_uploads_go_on_while_no_node_takes_heads_and_verify_says_what_it_cannot_know(noted, check):
    """Of three nodes one is stopped: heads and uploads need two. With two stopped, uploads are refused and that is noted."""
    pids = [noted.pid(name) for name in ("node-2", "node-3")]
    os.kill(pids[0], signal.SIGSTOP)
    try:
        fill(noted, 2, "CS%20102")
        os.kill(pids[1], signal.SIGSTOP)
        refused = signed.Session().put(f"{noted.url}/api/v1/courses/CS%20103/syllabus?filename=a.pdf", data=pdf("c"), timeout=60,
                               headers={"Content-Type": "application/pdf"})
        assert refused.status_code == 503
        assert eventually(noted, "api-1", request=refused.headers["Request-Id"])[0]["result"] == "503"
        status, report = check(noted.data("api-1"))
        assert (status, report["heads_known"], report["whole"]) == (4, False, True)
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    all_told(noted, "api-1", "api:api-1")
    assert check(noted.data("api-1"))[0] == 0
