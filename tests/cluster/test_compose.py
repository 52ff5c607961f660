"""docker compose up, through the published ports, with containers killed in between (issue A, shows 11; the cluster for several machines of issue B;
the command line and a peer of issue C; what containers are given of secrets and rights, issue D).

A Docker engine is started for the test alone when none runs: its own data folder, socket and pid file, all ended and removed afterwards."""
import contextlib
import hashlib
import json
import os
import pathlib
import subprocess
import time

import pytest

from support import leaks
from support.api import Api, Contract
from support.cluster import ROOT, free_port, wait_for
from support.files import pdf
from support.signed import sign

BASE = "debian:bookworm-slim"
PROGRAMS = ROOT / "build/release/bin"


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
def images(engine, full):
    """The engine, with our images built: from the sources, as people do, or in the short form around the programs that are compiled already."""
    run(str(ROOT / "tests/support/docker-engine"), "base", BASE, env=engine)
    run(str(ROOT / "tests/support/docker-engine"), "build", *([] if full else [str(PROGRAMS)]), env=engine, timeout=1200)
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
def machines(images, full):
    """The cluster of docker/compose.machines.yaml: (environment, the fronts' URLs). Two minutes, so not in the short form."""
    if not full:
        pytest.skip("several machines are for --long")
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


# ---- what containers are given, and what they are not (S19, S22)

SECRET_VOLUMES = {"keys": {"init", "coordinator", "api"}, "keys-api": {"init", "api"}, "keys-coordinator": {"init", "coordinator"}, "keys-redis": {"init", "redis"}}
IMAGES = ("ringbinder-programs", "ringbinder-nginx", "ringbinder-redis")


def inspected(env, project="ringbinder-test"):
    """What the engine says of each container, by service; the one that has ended included."""
    ids = run("docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={project}", env=env).stdout.split()
    facts = json.loads(run("docker", "inspect", *ids, env=env).stdout)
    return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in facts}


def read_in(env, service, *paths):
    return run("docker", "exec", container(env, service), "cat", *paths, env=env).stdout.split()


def secrets_of(env):
    """All that the running cluster has, {what: secret}."""
    names = {"the cluster's key": ("api-1", "/keys/cluster.key"), "the admin's password": ("api-1", "/keys-api/admin.password"),
             "the admin's token": ("api-1", "/keys-api/admin.token"), "the api's password of Redis": ("api-1", "/keys-api/redis.password"), "the coordinators'": ("coordinator-1", "/keys-coordinator/redis.password"),
             "the operator's": ("redis", "/keys-redis/operator.password")}
    found = {what: read_in(env, *where)[0] for what, where in names.items()}
    for node in ("node-1", "node-2", "node-3"):
        found[f"the key of {node}"] = json.loads(" ".join(read_in(env, node, "/data/node.key")))["key"]
    assert all(len(secret) >= 20 for secret in found.values()) and len(set(found.values())) == len(found)
    return found


def test_only_nginx_is_published(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    rows = run("docker", "ps", "--filter", "label=com.docker.compose.project=ringbinder-test", "--format", "{{.Names}} {{.Ports}}", env=env).stdout.splitlines()
    published = [row for row in rows if "->" in row]
    assert len(published) == 1 and "nginx" in published[0] and "127.0.0.1:" in published[0], rows
    facts = inspected(env)
    assert {name for name, one in facts.items() if one["HostConfig"]["PortBindings"]} == {"nginx"}
    inside = json.loads(run("docker", "network", "inspect", "ringbinder-test_inside", env=env).stdout)[0]
    assert inside["Internal"] is True
    outward = {name for name, one in facts.items() if set(one["NetworkSettings"]["Networks"]) - {"ringbinder-test_inside", "none"}}
    assert outward == {"nginx"}


def test_each_container_can_do_as_little_as_can_be(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    facts = inspected(env)
    assert len(facts) >= 9
    for name, one in facts.items():
        host = one["HostConfig"]
        assert one["Config"]["User"] == "10001:10001" and host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"], name
        assert "no-new-privileges:true" in host["SecurityOpt"] and not host["Privileged"] and not host["Devices"], name
        assert host["PidMode"] == "" and host["IpcMode"] == "private" and host["NetworkMode"] != "host" and host["UsernsMode"] != "host", name
        assert 0 < host["PidsLimit"] <= 512 and 0 < host["Memory"] <= 2 << 30, name
        assert {"Name": "core", "Soft": 0, "Hard": 0} in host["Ulimits"] and host["Tmpfs"] == {"/tmp": "mode=1777,size=16m,noexec,nosuid,nodev"}, name
        if one["State"]["Running"]:
            status = pathlib.Path(f"/proc/{one['State']['Pid']}/status").read_text()
            assert "\nUid:\t10001\t10001\t10001\t10001\n" in status and "\nNoNewPrivs:\t1\n" in status, name
            assert all(f"\n{name}:\t{0:016x}\n" in status for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")), status
            for path in ("/x", "/usr/local/bin/x", "/etc/x"):
                assert "Read-only" in run("docker", "exec", one["Id"], "sh", "-c", f"echo > {path}", env=env, check=False).stderr, (name, path)
            assert run("docker", "exec", one["Id"], "sh", "-c", "cp /bin/true /tmp/x && /tmp/x", env=env, check=False).returncode == 126, name


def test_everybody_has_just_his_own_secrets(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    for name, one in inspected(env).items():
        for mount in one["Mounts"]:
            volume = mount.get("Name", "").removeprefix("ringbinder-test_")
            assert mount["Type"] == "volume" or mount["Source"] == "/dev/null" or name == "peer-1", (name, mount)
            assert "docker.sock" not in mount["Source"]
            if volume in SECRET_VOLUMES:
                assert name.split("-")[0] in SECRET_VOLUMES[volume] and (name == "init" or not mount["RW"]), (name, mount)
            else:
                assert not volume.startswith("keys"), (name, mount)
    others = [("node-1", "/keys"), ("nginx", "/keys"), ("redis", "/keys"), ("redis", "/keys-api"), ("api-1", "/keys-redis"), ("api-1", "/keys-coordinator"),
              ("coordinator-1", "/keys-api")]
    for service, path in others:
        listed = run("docker", "exec", container(env, service), "ls", path, env=env, check=False)
        assert listed.returncode != 0 or listed.stdout == "", (service, path, listed.stdout)
    for service, paths in (("api-1", "/keys /keys-api"), ("coordinator-1", "/keys /keys-coordinator"), ("redis", "/keys-redis"), ("node-1", "/data")):
        open_to_others = run("docker", "exec", container(env, service), "sh", "-c", f"find {paths} -perm /077", env=env).stdout
        assert open_to_others == "", (service, open_to_others)


def test_no_secret_is_in_a_container_an_image_or_a_log(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    api = client(env, url)
    assert api.upload("SECRET 1", pdf("secret")).status_code == 201
    known = secrets_of(env)
    told = {"containers": json.dumps(inspected(env)), "images": run("docker", "inspect", *IMAGES, env=env).stdout, "logs": run("docker-compose", "logs", "--no-color", env=env).stdout}
    for image in IMAGES:
        told[f"history of {image}"] = run("docker", "history", "--no-trunc", image, env=env).stdout
    assert len(told["logs"]) > 2000
    assert {where: names for where, text in told.items() if (names := leaks.told(text.encode(), known))} == {}
    assert {where: found for where, text in told.items() if where != "logs" and (found := list(leaks.suspects(text)))} == {}
    pids = [one["State"]["Pid"] for one in inspected(env).values() if one["State"]["Running"]]
    assert len(pids) >= 8 and leaks.told_by_processes(pids, known) == {}
    assert in_layers(env, {**known, "a word that is there": "as bin/clusterlib/access.py makes them"}) == {"a word that is there"}


def in_layers(env, known):
    """The names of those secrets that occur in any layer of our images, in any spelling."""
    wanted = {name: leaks.forms(secret) for name, secret in known.items()}
    found, before = set(), b""
    with subprocess.Popen(["docker", "save", *IMAGES], env=env, stdout=subprocess.PIPE) as saved:
        while piece := saved.stdout.read(16 << 20):
            data = before + piece
            found |= {name for name, forms in wanted.items() if name not in found and any(form in data for form in forms)}
            before = data[-200:]  # longer than any of them
    assert saved.returncode == 0
    return found


def test_redis_lets_in_nobody_without_a_password(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    script = "exec 3<>/dev/tcp/10.87.65.10/6379; printf 'GET rb:ring\\r\\n' >&3; read -r -t 5 line <&3; echo \"$line\""
    said = run("docker", "exec", container(env, "nginx"), "bash", "-c", script, env=env).stdout
    assert said.startswith("-NOAUTH"), said


def test_redis_keeps_its_data_over_a_restart(composed):
    """What a script wrote comes back as a transaction, which Redis carries out as the user that nobody can be."""
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    api = client(env, url)
    assert api.upload("KEPT 1", pdf("kept")).status_code == 201
    assert refusals(env, "redis") == ""
    run("docker", "restart", "-t", "5", container(env, "redis"), env=env)
    wait_for(lambda: api.get("/api/v1/courses", params={"q": "kept"}).status_code == 200, 30, "the lists are there again")
    assert [i["course"] for i in api.get("/api/v1/courses", params={"q": "kept"}).json()["items"]] == ["KEPT 1"]
    assert "NOPERM" not in run("docker", "logs", container(env, "redis"), env=env).stdout
    assert refusals(env, "redis") == ""


def refusals(env, service):
    """What this Redis has refused to somebody since its start, as it tells its operator."""
    script = "REDISCLI_AUTH=$(cat /keys-redis/operator.password) redis-cli --user operator acl log"
    return run("docker-compose", "exec", "-T", service, "sh", "-c", script, env=env).stdout.strip()


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
    first, second = (client(env, url) for url in urls)
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
    assert [refusals(env, f"redis-{number}") for number in (1, 2, 3)] == ["", "", ""]

    for service in ("nginx-1", "api-1"):
        run("docker", "kill", "-s", "KILL", container(env, service), env=env)
    assert second.bytes("PAIR 1").content == pdf("pair 1")
    assert second.upload("ONE FRONT", pdf("left")).status_code == 201
    label = "label=com.docker.compose.project=ringbinder-test-machines"
    rows = run("docker", "ps", "--filter", label, "--format", "{{.Names}} {{.Ports}}", env=env).stdout.splitlines()
    assert sum("->" in row for row in rows) == 1 and all("127.0.0.1:" in row and "nginx" in row for row in rows if "->" in row), rows
