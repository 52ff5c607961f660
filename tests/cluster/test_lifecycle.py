"""Up, down, up again, twice side by side, as the README says (issue A, shows 1)."""
import os
import subprocess
import time

from support.api import Api
from support.cluster import ROOT, alive, wait_for
from support.files import pdf


def test_down_leaves_no_process_and_up_finds_all_data(homes, contract):
    one = homes("life one").up()
    two = homes("life-two", RB_NODES=4, RB_K=2, RB_COORDINATORS=3).up()
    first, second = Api(one.url, contract), Api(two.url, contract)
    assert first.upload("LIFE 1", pdf("one")).status_code == 201
    assert second.upload("LIFE 1", pdf("two")).status_code == 201
    assert (first.bytes("LIFE 1").content, second.bytes("LIFE 1").content) == (pdf("one"), pdf("two"))
    shape = second.get("/api/v1/cluster").json()
    assert (len(shape["nodes"]), shape["k"], len(shape["coordinators"])) == (4, 2, 3)
    assert "node-4" in two.command("status")
    pids = [p["pid"] for p in one.processes().values()]
    assert all(alive(pid) for pid in pids)
    one.down()
    assert not any(alive(pid) for pid in pids)
    assert not leftover_processes(one)
    one.up()
    assert first.bytes("LIFE 1").content == pdf("one")
    assert len(first.get("/api/v1/courses").json()["items"]) == 1
    again = one.command("up")
    assert one.url in again.splitlines()[-1]
    two.down()


def leftover_processes(cluster):
    """Pids whose command line names the cluster's folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = open(f"/proc/{pid}/cmdline", "rb").read()
        except OSError:
            continue
        if str(cluster.home).encode() in words and int(pid) != os.getpid():
            found.append((pid, words))
    return found


def test_everything_killed_at_once_comes_back_with_all_files(homes, contract):
    cluster = homes("blackout").up()
    api = Api(cluster.url, contract)
    for number in range(30):
        assert api.upload(f"BLACK {number}", pdf(str(number))).status_code == 201
    processes = cluster.processes()
    for name in processes:
        cluster.kill(name)
    cluster.up()
    for number in range(30):
        assert api.bytes(f"BLACK {number}").content == pdf(str(number))
    assert api.upload("BLACK 0", pdf("new")).json()["version"] == 2
    assert len(api.get("/api/v1/courses", params={"q": "black", "limit": 50}).json()["items"]) == 30
    cluster.down()


def test_nodes_that_start_before_any_coordinator_wait_and_join(homes, contract):
    cluster = homes("early").up()
    for name in cluster.names("coordinator") + cluster.names("node"):
        cluster.command("stop", name)
    node = subprocess.Popen([str(ROOT / "bin/cluster"), "start", "node-1"], env=cluster.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.5)
    for name in cluster.names("coordinator"):
        cluster.start(name)
    assert node.wait(timeout=30) == 0
    for name in ("node-2", "node-3"):
        cluster.start(name)
    api = Api(cluster.url, contract)
    wait_for(lambda: [n["state"] for n in api.get("/api/v1/cluster").json()["nodes"]] == ["up"] * 3, 10, "all nodes joined")
    wait_for(lambda: api.upload("EARLY 1", pdf("x")).status_code in (200, 201), 5, "an upload")
    cluster.down()


def test_a_taken_port_is_said_clearly(homes, cluster):
    rival = homes("rival")
    rival.env["RB_PORT"] = str(cluster.port)
    done = subprocess.run([str(ROOT / "bin/cluster"), "up"], env=rival.env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0 and str(cluster.port) in done.stdout + done.stderr
    assert not leftover_processes(rival)


def test_secrets_are_not_readable_by_others_and_never_logged(cluster):
    key = cluster.home / "keys" / "cluster.key"
    assert key.stat().st_mode & 0o077 == 0
    secret = key.read_text().strip()
    for log in (cluster.home / "logs").iterdir():
        assert secret not in log.read_text(errors="replace")
