"""docker compose up, through the published ports, with containers killed in between (issue A, shows 11; the cluster for several machines of issue B;
the command line and a peer of issue C).

A Docker engine is started for the test alone when none runs: its own data folder, socket and pid file, all ended and removed afterwards."""
import contextlib
import hashlib
import json
import os
import pathlib
import subprocess
import time

import pytest

from support.api import Api, Contract
from support.cluster import ROOT, free_port, wait_for
from support.files import pdf
from support.signed import sign

BASE = "debian:bookworm-slim"


def run(*words, env=None, timeout=900, check=True):
    done = subprocess.run(words, env=env, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)} → {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


@pytest.fixture(scope="module")
def engine():
    """The environment of a Docker engine that answers, or a skip that says why there is none."""
    script = ROOT / "tests/support/docker-engine"
    folder = pathlib.Path(os.environ.get("RB_DOCKER_DIR", "/var/tmp/ringbinder-docker-test"))
    started = run(str(script), "start", str(folder), check=False, timeout=300)
    if started.returncode != 0:
        pytest.skip("no Docker engine: " + (started.stdout + started.stderr).strip().splitlines()[-1])
    env = {**os.environ, "DOCKER_HOST": started.stdout.strip().splitlines()[-1]}
    yield env
    run(str(script), "stop", str(folder), check=False, timeout=120)


@pytest.fixture(scope="module")
def images(engine):
    """The engine, with our images built."""
    run(str(ROOT / "tests/support/docker-engine"), "base", BASE, env=engine)
    run(str(ROOT / "tests/support/docker-engine"), "build", env=engine, timeout=1200)
    return engine


@contextlib.contextmanager
def brought_up(env, name):
    """One project, of its own name and network so that nobody's cluster on the same engine is touched; its logs are kept in build/NAME.log."""
    run("docker-compose", "up", "-d", env=env)
    try:
        yield
    finally:
        logs = run("docker-compose", "logs", "--no-color", "--tail=200", env=env, check=False)
        (ROOT / "build").mkdir(exist_ok=True)
        (ROOT / f"build/{name}.log").write_text(logs.stdout + logs.stderr)
        run("docker-compose", "down", "-v", "-t", "5", env=env, check=False)


@pytest.fixture(scope="module")
def composed(images):
    """The cluster of docker/compose.yaml on a free port."""
    port = free_port()
    env = {**images, "COMPOSE_FILE": "docker/compose.yaml", "COMPOSE_PROJECT_NAME": "ringbinder-test", "RB_PORT": str(port), "RB_NET": "10.87.65"}
    with brought_up(env, "compose"):
        yield env, f"http://127.0.0.1:{port}"


@pytest.fixture
def machines(images):
    """The cluster of docker/compose.machines.yaml: (environment, the fronts' URLs)."""
    ports = [free_port(), free_port()]
    env = {**images, "COMPOSE_FILE": "docker/compose.machines.yaml", "COMPOSE_PROJECT_NAME": "ringbinder-test-machines", "RB_PORT": str(ports[0]),
           "RB_PORT_2": str(ports[1]), "RB_NET": "10.87.66"}
    with brought_up(env, "compose-machines"):
        yield env, [f"http://127.0.0.1:{port}" for port in ports]


def client(env, url):
    """A client that judges answers by the document that this cluster serves, signed in as its admin."""
    sign(url, run("docker", "exec", container(env, "api-1"), "cat", "/keys-api/admin.token", env=env).stdout.strip())
    silent = type("Silent", (), {"check": lambda self, answer: None})()
    return Api(url, Contract(Api(url, silent).get("/api/v1/openapi.json").json()))


def container(env, service):
    return run("docker-compose", "ps", "-q", service, env=env).stdout.strip()


def ready(url):
    """Uploads are taken, and the first leader has found that there is nothing to list."""
    import requests
    with contextlib.suppress(requests.RequestException):
        return all(requests.get(url + path, timeout=2).status_code == 200 for path in ("/readyz", "/api/v1/courses?limit=1"))
    return False


def test_the_same_flow_through_the_published_port(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    api = client(env, url)
    assert api.upload("DOCK 1", pdf("one"), title="Docking").status_code == 201
    assert api.bytes("DOCK 1").content == pdf("one")
    assert [i["course"] for i in api.get("/api/v1/courses", params={"q": "doc"}).json()["items"]] == ["DOCK 1"]
    node = container(env, "node-2")
    run("docker", "kill", "-s", "KILL", node, env=env)
    for number in range(10):
        assert api.bytes("DOCK 1").content == pdf("one")
        assert api.upload(f"DOCK {number + 2}", pdf(str(number))).status_code == 201
    run("docker", "start", node, env=env)
    wait_for(lambda: [o["state"] for o in api.course("DOCK 11").json()["owners"]] == ["stored"] * 3, 40, "the copy that was missed")
    assert api.get("/share").status_code == 200


def test_only_nginx_is_published_and_nothing_runs_as_root(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    rows = run("docker", "ps", "--filter", "label=com.docker.compose.project=ringbinder-test", "--format", "{{.Names}} {{.Ports}}", env=env).stdout.splitlines()
    published = [row for row in rows if "->" in row]
    assert len(published) == 1 and "nginx" in published[0] and "127.0.0.1:" in published[0], rows
    for each in run("docker-compose", "ps", "-q", env=env).stdout.split():
        facts = run("docker", "inspect", "-f", "{{.State.Running}} {{.Config.User}} {{.HostConfig.CapDrop}}", each, env=env).stdout
        if facts.startswith("true"):
            assert "root" not in facts.split(" ", 2)[1] and facts.split(" ", 2)[1] not in ("", "0") and "ALL" in facts, facts


def test_no_secret_is_in_image_layers_or_environment(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    for each in run("docker-compose", "ps", "-q", env=env).stdout.split():
        variables = run("docker", "inspect", "-f", "{{json .Config.Env}}", each, env=env).stdout.lower()
        assert "secret" not in variables and "password=" not in variables


def test_redis_keeps_its_data_over_a_restart(composed):
    """What a script wrote comes back as a transaction, which Redis carries out as the user that nobody can be."""
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    api = client(env, url)
    assert api.upload("KEPT 1", pdf("kept")).status_code == 201
    run("docker", "restart", "-t", "5", container(env, "redis"), env=env)
    wait_for(lambda: api.get("/api/v1/courses", params={"q": "kept"}).status_code == 200, 30, "the lists are there again")
    assert [i["course"] for i in api.get("/api/v1/courses", params={"q": "kept"}).json()["items"]] == ["KEPT 1"]
    assert "NOPERM" not in run("docker", "logs", container(env, "redis"), env=env).stdout


def ringbinder(env, *words, check=True):
    """The command line inside of a container, as docker/README.md says it."""
    return run("docker-compose", "exec", "-T", "api-1", "ringbinder", *words, env=env, check=check)


def test_the_command_line_is_in_the_image_and_knows_the_front(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    told = json.loads(ringbinder(env, "status", "--json").stdout)
    assert {node["name"] for node in told["nodes"]} == {"node-1", "node-2", "node-3"} and told["k"] == 3
    assert client(env, url).upload("LINE 1", pdf("line")).status_code == 201
    assert ringbinder(env, "get", "line1", "-o", "-").stdout == pdf("line").decode("latin-1")
    assert ringbinder(env, "get", "no such course", check=False).returncode == 3


@contextlib.contextmanager
def sharing(env, folder):
    """The peer of docker/compose.yaml, with this folder; its environment, in which the profile is on."""
    folder.chmod(0o755)
    env = {**env, "COMPOSE_PROFILES": "peer", "RB_SHARE": str(folder)}
    run("docker-compose", "up", "-d", "peer-1", env=env)
    try:
        yield env
    finally:
        run("docker-compose", "rm", "-sfv", "peer-1", env=env, check=False)


def row_of(api, name):
    """What the search says of the file of this name, once its hash is known; else None."""
    items = api.get("/api/v1/peers/files", params={"q": name}).json()["items"]
    return next((item for item in items if item["name"] == name and item["sha256"]), None)


def test_a_peer_shares_a_folder_of_this_machine(composed, tmp_path):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    api, data = client(env, url), os.urandom(300_000)
    (tmp_path / "slides.bin").write_bytes(data)
    (tmp_path / "slides.bin").chmod(0o644)
    with sharing(env, tmp_path) as env:
        wait_for(lambda: row_of(api, "slides.bin"), 60, "the folder is listed", 0.5)
        peer, = api.get("/api/v1/peers").json()["items"]
        assert (peer["name"], peer["state"], peer["stores"], peer["files"]) == ("peer-1", "here", False, 1)
        assert "peer-1" not in [node["name"] for node in api.get("/api/v1/cluster").json()["nodes"]]
        assert api.get("/api/v1/peers/peer-1/files/slides.bin").content == data
        part = api.get("/api/v1/peers/peer-1/files/slides.bin", headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content) == (206, data[1000:2000])

        (tmp_path / "later.txt").write_bytes(b"put there from outside\n")
        (tmp_path / "later.txt").chmod(0o644)
        wait_for(lambda: row_of(api, "later.txt"), 10, "what is put into the folder is listed")
        ringbinder(env, "obtain", "slides.bin", "-o", "/tmp/slides.bin")
        assert hashlib.sha256(data).hexdigest() in run("docker-compose", "exec", "-T", "api-1", "sha256sum", "/tmp/slides.bin", env=env).stdout

        assert api.get("/api/v1/peers/peer-1/files/slides.bin").content == data
        wait_for(lambda: row_of(api, "slides.bin")["adopted"], 30, "what was fetched three times is kept by the ring")
        run("docker", "kill", "-s", "KILL", container(env, "peer-1"), env=env)
        wait_for(lambda: row_of(api, "slides.bin")["holders"] == [], 10, "the peer's entries are gone")
        assert api.get("/api/v1/peers/peer-1/files/later.txt").status_code in (404, 410)
        assert api.get(f"/api/v1/peers/files/{hashlib.sha256(data).hexdigest()}").content == data


# ---- the cluster for several machines

def ask_redis(env, service, port, *words):
    """The lines of an answer of one Redis or Sentinel, asked as the user that the Sentinels have."""
    script = f'REDISCLI_AUTH=$(cat /keys-{service.split("-")[0]}/peers.password) redis-cli -p {port} --user sentinel {" ".join(words)}'
    return run("docker-compose", "exec", "-T", service, "sh", "-c", script, env=env, check=False).stdout.split()


def master(env):
    """The service that the Sentinels call the master, once all of them have a good look at everybody; else None."""
    for number in (1, 2, 3):
        words = ask_redis(env, f"sentinel-{number}", 26379, "sentinel", "master", "ringbinder")
        facts = dict(zip(words[::2], words[1::2]))
        if (facts.get("flags"), facts.get("num-slaves"), facts.get("num-other-sentinels")) != ("master", "2", "2"):
            return None
    return "redis-" + facts["ip"][-1]


def role(env, service):
    return (ask_redis(env, service, 6379, "role") or [None])[0]


def upload_while_the_master_dies(env, api, victim):
    """Uploads for as long as a failover takes, through one front. Returns the seconds that each took; all are acknowledged."""
    times = []
    for number in range(10_000):
        if number == 20:
            run("docker", "kill", "-s", "KILL", container(env, victim), env=env)
            killed = time.monotonic()
        started = time.monotonic()
        answer = api.upload(f"GOES ON {number}", pdf(str(number)))
        assert answer.status_code == 201, answer.text
        times.append(time.monotonic() - started)
        if number > 20 and number % 50 == 0 and master_after(env, victim) and time.monotonic() - killed > 8:
            return times
    raise AssertionError("no other master was elected")


def master_after(env, victim):
    words = ask_redis(env, "sentinel-2", 26379, "sentinel", "get-master-addr-by-name", "ringbinder")
    return bool(words) and "redis-" + words[0][-1] != victim


def test_several_machines_lose_the_redis_master_and_a_front(machines):
    env, urls = machines
    for url in urls:
        wait_for(lambda: ready(url), 120, f"{url} is ready")
    first, second = map(client, urls)
    zones = {node["name"]: node["zone"] for node in first.get("/api/v1/cluster").json()["nodes"]}
    assert sorted(zones.values()) == ["east", "east", "north", "west", "west"]
    for number in range(10):
        answer = first.upload(f"PAIR {number}", pdf(f"pair {number}"))
        assert answer.status_code == 201
        assert len({zones[copy["name"]] for copy in answer.json()["copies"]}) == 3
        assert second.bytes(f"PAIR {number}").content == pdf(f"pair {number}")

    victim = wait_for(lambda: master(env), 60, "the Sentinels know everybody", 0.5)
    times = upload_while_the_master_dies(env, first, victim)
    print(f"\n{victim} killed: {len(times)} uploads, none failed, slowest {max(times) * 1000:.0f} ms")
    assert max(times) < 3
    for number in range(len(times)):
        assert second.bytes(f"GOES ON {number}").content == pdf(str(number))
    run("docker", "start", container(env, victim), env=env)
    wait_for(lambda: role(env, victim) == "slave", 60, "the old master follows the new one", 0.5)

    for service in ("nginx-1", "api-1"):
        run("docker", "kill", "-s", "KILL", container(env, service), env=env)
    assert second.bytes("PAIR 1").content == pdf("pair 1")
    assert second.upload("ONE FRONT", pdf("left")).status_code == 201
    label = "label=com.docker.compose.project=ringbinder-test-machines"
    rows = run("docker", "ps", "--filter", label, "--format", "{{.Names}} {{.Ports}}", env=env).stdout.splitlines()
    assert sum("->" in row for row in rows) == 1 and all("127.0.0.1:" in row and "nginx" in row for row in rows if "->" in row), rows
