"""Many writers of one course: none lost, one order, one winner (issue A, shows 5)."""
import concurrent.futures
import os
import signal
import time

import pytest

from support.api import Api
from support.cluster import wait_for
from support.files import pdf

WRITERS = 50


def at_once(url, contract, work, n=WRITERS):
    """Runs work(api, i) in n threads at once; the answers in order."""
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(lambda i: work(Api(url, contract), i), range(n)))


def insist(call, seconds=30):
    """Repeats a call that ends in 503 or in a broken connection, as a client with an Idempotency-Key would."""
    import requests
    end = time.monotonic() + seconds
    while True:
        try:
            answer = call()
            if answer.status_code != 503 or time.monotonic() > end:
                return answer
        except requests.RequestException:
            if time.monotonic() > end:
                raise
        time.sleep(0.2)


@pytest.fixture(scope="module")
def lockless(homes):
    """A cluster whose api leaves the per-course lock out half of the time: correctness must not need it."""
    return homes("lockless", RB_LOCK_SKIP_PERCENT=50).up()


def check_plain(api, name, answers):
    assert [a.status_code for a in answers] == [201] * WRITERS
    ids = {a.json()["id"] for a in answers}
    assert len(ids) == WRITERS
    versions = api.course(name).json()["versions"]
    assert {v["id"] for v in versions} == ids
    assert [v["version"] for v in versions] == list(range(WRITERS, 0, -1))
    assert api.course(name).json()["current"]["id"] == versions[0]["id"]
    for version in versions[::10]:
        assert api.bytes(name, version=version["id"]).content == pdf(version["note"])


@pytest.mark.parametrize("kind", ["cluster", "lockless"])
def test_fifty_uploads_at_once_are_fifty_versions(request, contract, full, kind):
    cluster = request.getfixturevalue(kind)
    api = Api(cluster.url, contract)
    for round_number in range(20 if full else 2):
        name = f"CROWD {kind} {round_number}"
        answers = at_once(cluster.url, contract, lambda a, i: insist(lambda: a.upload(name, pdf(f"{name} {i}"), note=f"{name} {i}", headers={"Idempotency-Key": f"u{i}"})))
        check_plain(api, name, answers)


@pytest.mark.parametrize("kind", ["cluster", "lockless"])
def test_of_fifty_with_one_if_match_exactly_one_wins(request, contract, full, kind):
    cluster = request.getfixturevalue(kind)
    api = Api(cluster.url, contract)
    for round_number in range(20 if full else 3):
        name = f"RACE {kind} {round_number}"
        base = api.upload(name, pdf("base")).json()
        race(cluster, contract, api, name, base)


def race(cluster, contract, api, name, base):
    """50 uploads with one If-Match: one 201, the others 412; the history agrees."""
    answers = at_once(cluster.url, contract, lambda a, i: insist(
        lambda: a.upload(name, pdf(f"{i}"), note=str(i), headers={"If-Match": f'"{base["id"]}"', "Idempotency-Key": f"r{i}"})))
    codes = sorted(a.status_code for a in answers)
    assert codes == [201] + [412] * (WRITERS - 1), codes
    winner = next(a.json() for a in answers if a.status_code == 201)
    found = wait_for(lambda: (lambda c: c if c["current"]["id"] == winner["id"] else None)(api.course(name).json()), 5, "the winner is current")
    assert [v["id"] for v in found["versions"]] == [winner["id"], base["id"]]
    assert winner["parent"] == base["id"]


def test_an_api_killed_in_the_middle_loses_nothing(homes, contract, full):
    cluster = homes("killed-api").up()
    api = Api(cluster.url, contract)
    for round_number in range(20 if full else 2):
        name = f"KILLED {round_number}"
        base = api.upload(name, pdf("base")).json()
        with concurrent.futures.ThreadPoolExecutor(WRITERS + 1) as pool:
            killer = pool.submit(restart_api, cluster, 0.02 + 0.02 * (round_number % 5))
            jobs = [pool.submit(lambda i=i: insist(lambda: Api(cluster.url, contract).upload(
                name, pdf(f"{i}"), note=str(i), headers={"If-Match": f'"{base["id"]}"', "Idempotency-Key": f"k{i}"}))) for i in range(WRITERS)]
            answers = [job.result() for job in jobs]
            killer.result()
        codes = sorted(a.status_code for a in answers)
        assert codes == [201] + [412] * (WRITERS - 1), codes
        winner = next(a.json() for a in answers if a.status_code == 201)
        assert wait_for(lambda: api.course(name).json()["current"]["id"] == winner["id"], 5, "the winner is current")


def restart_api(cluster, delay_s):
    time.sleep(delay_s)
    name = cluster.names("api")[0]
    os.kill(cluster.pid(name), signal.SIGKILL)
    cluster.start(name)
