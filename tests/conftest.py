"""What all black-box tests share: one cluster for tests that leave it healthy, and clusters of their own for those that do not."""
import contextlib
import os
import pathlib
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.api import Api, Contract  # noqa: E402
from support.cluster import Cluster, alive  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the full figures of the promises instead of the short form")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: only with --long")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def full(request):
    """True when the full figures are wanted."""
    return request.config.getoption("--long")


@pytest.fixture(scope="session")
def base():
    """The folder of this run's clusters."""
    runs = ROOT / "build" / "test-run"
    remove_finished(runs)
    made = runs / str(os.getpid())
    made.mkdir(parents=True)
    return made


@contextlib.contextmanager
def clusters(base):
    """A function that makes clusters by name; all of them are taken down in the end."""
    made = []

    def make(name, **env):
        cluster = Cluster(base / name, **env)
        made.append(cluster)
        return cluster

    yield make
    reports = []
    for cluster in made:
        cluster.command("down", check=False)
        reports += sanitizer_reports(cluster) + refusals_of_redis(cluster)
    assert not reports, "\n".join(reports)


@pytest.fixture(scope="module")
def homes(base):
    """Makes clusters that live as long as their module: an idle one takes 6 % of a processor."""
    with clusters(base) as make:
        yield make


def remove_finished(runs):
    """Ends and removes what test runs that are over left behind: each run has a folder named after its pid, so that runs can go on side by side."""
    for run in runs.glob("*"):
        if not alive(run.name):
            for left in run.glob("*/cluster.json"):
                Cluster(left.parent).command("down", check=False)
            shutil.rmtree(run, ignore_errors=True)


def refusals_of_redis(cluster):
    """Lines in the logs of a cluster that say that a program asked Redis for what its user may not (lib/store/acl)."""
    words = ("NOPERM", "The user executing the script")
    return [f"{log}: {line}" for log in sorted((cluster.home / "logs").glob("*.log")) if log.name.startswith(("api", "coordinator"))
            for line in log.read_text(errors="replace").splitlines() if any(word in line for word in words)][:5]


def sanitizer_reports(cluster):
    """The lines around each report of a sanitizer in the logs of a cluster (there are none without one)."""
    found = []
    for log in sorted((cluster.home / "logs").glob("*.log")):
        lines = log.read_text(errors="replace").splitlines()
        for number, line in enumerate(lines):
            if "Sanitizer" in line and "SUMMARY" not in line or "runtime error:" in line:
                found.append(f"{log}:{number + 1}\n" + "\n".join(lines[number:number + 25]))
    return found[:5]


@pytest.fixture(scope="session")
def cluster(base):
    """A healthy cluster that tests share and leave healthy."""
    with clusters(base) as make:
        yield make("shared").up()


@pytest.fixture(scope="session")
def contract(cluster):
    return Contract(Api(cluster.url, contract=_Silent()).get("/api/v1/openapi.json").json())


class _Silent:
    def check(self, _answer):
        pass


@pytest.fixture
def api(cluster, contract):
    """A client of the shared cluster."""
    return Api(cluster.url, contract)


@pytest.fixture(scope="module")
def fragile(homes, request):
    """A cluster of this module's own, to be broken."""
    return homes(request.module.__name__.split(".")[-1]).up()


@pytest.fixture
def fragile_api(fragile, contract):
    return Api(fragile.url, contract)


@pytest.fixture
def course(request):
    """A course name that no other test uses."""
    import itertools
    counter = request.config.__dict__.setdefault("_courses", itertools.count(1))
    return f"TEST {next(counter):04d}"
