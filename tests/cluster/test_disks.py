"""Full disks and damaged files: a clear refusal, never a wrong byte (G6, G10)."""
import concurrent.futures
import time

import pytest

from support.api import Api
from support.cluster import wait_for
from support.files import noise, pdf

MIB = 1 << 20


@pytest.fixture(scope="module")
def small(homes):
    """Three nodes that may hold 24 MiB each."""
    return homes("small-disks", RB_NODE_CAPACITY_BYTES=24 * MIB).up()


def used(cluster):
    return [sum(p.stat().st_blocks * 512 for p in cluster.data(name).rglob("*") if p.is_file()) for name in cluster.names("node")]


def test_full_machines_refuse_with_507_and_keep_what_they_have(small, contract):
    api = Api(small.url, contract)
    kept = []
    for number in range(40):
        body = noise(MIB, number)
        answer = api.upload(f"FULL {number}", body, filename="a.bin")
        if answer.status_code == 507:
            break
        assert answer.status_code == 201, answer.text
        kept.append((f"FULL {number}", body))
    assert answer.status_code == 507 and len(answer.json()["detail"]) > 10
    assert 5 <= len(kept) <= 24
    before = used(small)
    for _ in range(3):
        assert api.upload("TOO LARGE", noise(20 * MIB), filename="a.bin").status_code == 507
    assert api.course("TOO LARGE").status_code == 404
    wait_for(lambda: max(after - was for after, was in zip(used(small), before)) < MIB, 60, "what was refused takes no space")
    for name, body in kept:
        assert api.bytes(name).content == body


def test_sixteen_clients_at_a_full_disk_all_get_a_clear_answer(small, contract):
    def client(number):
        answer = Api(small.url, contract).upload(f"CROWDED {number}", noise(3 * MIB, number), filename="a.bin")
        return answer.status_code
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        codes = set(pool.map(client, range(16)))
    assert codes <= {201, 507}


def blob(cluster, node, sha256):
    return cluster.data(node) / "blobs" / sha256[:2] / sha256[2:4] / sha256


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def cut(path):
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-7])


def remove(path):
    path.unlink()


@pytest.mark.parametrize("damage", [flip, cut, remove])
def test_a_damaged_copy_is_never_served_and_is_made_again(fragile, fragile_api, damage):
    api = fragile_api
    name = f"DAMAGE {damage.__name__}"
    body = pdf(name, padding=200_000)
    record = api.upload(name, body).json()
    owners = [o["name"] for o in api.course(name).json()["owners"]]
    time.sleep(0.05)  # a time stamp later than the upload's
    for owner in owners[:2]:
        damage(blob(fragile, owner, record["sha256"]))
    for _ in range(30):
        answer = api.bytes(name)
        assert answer.status_code == 200 and answer.content == body
        assert api.bytes(name, headers={"Range": "bytes=100000-100099"}).content == body[100000:100100]
    wait_for(lambda: blob(fragile, owners[0], record["sha256"]).exists() and blob(fragile, owners[0], record["sha256"]).read_bytes() == body, 60, "the first copy is whole again")
    quarantine = [p for p in (fragile.data(owners[0]) / "quarantine").rglob("*") if p.is_file()]
    assert (damage is remove) or any(record["sha256"] in p.name for p in quarantine), "a bad copy is kept for inspection"


def test_a_node_without_its_database_refuses_to_start(fragile, fragile_api):
    """Its promises are gone, so it must come back as a new node instead (protocol: an owner must not answer with an empty state)."""
    import subprocess
    api = fragile_api
    api.upload("EMPTY STATE", pdf("x"))
    fragile.command("stop", "node-3")
    hidden = []
    for path in fragile.data("node-3").glob("records.db*"):
        path.rename(path.with_name("hidden-" + path.name))
        hidden.append(path)
    assert hidden
    done = subprocess.run([fragile.program("ringbinder-node"), "--check", str(fragile.data("node-3"))], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and done.stdout + done.stderr
    with pytest.raises(AssertionError):
        fragile.start("node-3")
    for path in fragile.data("node-3").glob("records.db*"):
        path.unlink()
    for path in hidden:
        path.with_name("hidden-" + path.name).rename(path)
    fragile.start("node-3")
