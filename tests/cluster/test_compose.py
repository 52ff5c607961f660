"""docker compose up, through the published port, with a container killed in between (issue A, shows 11).

A Docker engine is started for the test alone when none runs: its own data folder, socket and pid file, all ended and removed afterwards."""
import contextlib
import os
import pathlib
import subprocess

import pytest

from support.api import Api, Contract
from support.cluster import ROOT, free_port, wait_for
from support.files import pdf

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
def composed(engine):
    """The cluster of docker/compose.yaml on a free port."""
    port = free_port()
    env = {**engine, "RB_PORT": str(port)}
    run(str(ROOT / "tests/support/docker-engine"), "base", BASE, env=env)
    run(str(ROOT / "tests/support/docker-engine"), "build", env=env, timeout=1200)
    run("docker-compose", "up", "-d", env=env)
    try:
        yield env, f"http://127.0.0.1:{port}"
    finally:
        logs = run("docker-compose", "logs", "--no-color", "--tail=60", env=env, check=False)
        (ROOT / "build").mkdir(exist_ok=True)
        (ROOT / "build/compose.log").write_text(logs.stdout + logs.stderr)
        run("docker-compose", "down", "-v", "-t", "5", env=env, check=False)


def ready(url):
    import requests
    with contextlib.suppress(requests.RequestException):
        return requests.get(url + "/readyz", timeout=2).status_code == 200
    return False


def test_the_same_flow_through_the_published_port(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    silent = type("Silent", (), {"check": lambda self, answer: None})()
    contract = Contract(Api(url, silent).get("/api/v1/openapi.json").json())
    api = Api(url, contract)
    assert api.upload("DOCK 1", pdf("one"), title="Docking").status_code == 201
    assert api.bytes("DOCK 1").content == pdf("one")
    assert [i["course"] for i in api.get("/api/v1/courses", params={"q": "doc"}).json()["items"]] == ["DOCK 1"]
    container = run("docker-compose", "ps", "-q", "node-2", env=env).stdout.strip()
    run("docker", "kill", "-s", "KILL", container, env=env)
    for number in range(10):
        assert api.bytes("DOCK 1").content == pdf("one")
        assert api.upload(f"DOCK {number + 2}", pdf(str(number))).status_code == 201
    run("docker", "start", container, env=env)
    wait_for(lambda: [o["state"] for o in api.course("DOCK 11").json()["owners"]] == ["stored"] * 3, 40, "the copy that was missed")
    assert api.get("/share").status_code == 200


def test_only_nginx_is_published_and_nothing_runs_as_root(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    rows = run("docker", "ps", "--format", "{{.Names}} {{.Ports}}", env=env).stdout.splitlines()
    published = [row for row in rows if "->" in row]
    assert len(published) == 1 and "nginx" in published[0] and "127.0.0.1:" in published[0], rows
    for container in run("docker-compose", "ps", "-q", env=env).stdout.split():
        facts = run("docker", "inspect", "-f", "{{.State.Running}} {{.Config.User}} {{.HostConfig.CapDrop}}", container, env=env).stdout
        if facts.startswith("true"):
            assert "root" not in facts.split(" ", 2)[1] and facts.split(" ", 2)[1] not in ("", "0") and "ALL" in facts, facts


def test_no_secret_is_in_image_layers_or_environment(composed):
    env, url = composed
    wait_for(lambda: ready(url), 90, "the composed cluster is ready")
    for container in run("docker-compose", "ps", "-q", env=env).stdout.split():
        variables = run("docker", "inspect", "-f", "{{json .Config.Env}}", container, env=env).stdout.lower()
        assert "secret" not in variables and "password=" not in variables
