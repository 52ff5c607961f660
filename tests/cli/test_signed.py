"""The command line and who signs in: without a token, with one that may little or nothing any more, and where a maintainer looks first."""
import itertools

import pytest

from support.files import pdf
from support.people import make, token
from support.ringbinder import Ringbinder

numbers = itertools.count(1)


@pytest.fixture
def somebody(api, cluster, tmp_path):
    """Makes an account with a token of given limits; their command line."""
    def signed_in(role="contributor", **limits):
        name = f"cli-{role}-{next(numbers)}"
        make(api, name, role)
        made = Ringbinder(cluster.url, tmp_path, RB_TOKEN=token(api, name, **limits))
        made.name = name
        return made
    return signed_in


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf("signed"))
    return path


def test_without_a_token_one_reads_and_is_told_what_is_missing(api, cluster, tmp_path, file):
    course = f"NOBODY {next(numbers)}"
    assert api.upload(course, pdf("read me")).status_code == 201
    me = Ringbinder(cluster.url, tmp_path, RB_TOKEN="")
    assert "syllabus.pdf" in me.run("log", course).stdout
    me.run("get", course, "-o", "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes() == pdf("read me")
    for words in (("put", file, "--course", course), ("rm", course, "--yes"), ("set", "k", "3", "--yes")):
        done = me.run(*words, expect=6)
        assert "This takes somebody who has signed in. RB_TOKEN is not set" in done.stderr and done.stdout == ""
    assert api.course(course).json()["current"]["version"] == 1


def test_a_token_does_what_it_was_made_for(api, somebody, file):
    course = f"CLIT {next(numbers)}"
    me = somebody(acts=["read", "upload"], scopes=["CLIT"])
    assert "new version 1" in me.run("put", file, "--course", course).stdout
    assert api.course(course).json()["current"]["uploader"] == me.name
    assert "may not" in me.run("rm", course, "--yes", expect=6).stderr
    assert me.run("put", file, "--course", "OTHER 1", expect=6).stdout == ""
    assert me.run("node", "drain", "node-1", "--dry-run", expect=6).stdout == ""


def test_a_revoked_token_says_so_and_is_not_shown(api, somebody, file):
    me = somebody()
    text = me.env["RB_TOKEN"]
    assert api.delete(f"/api/v1/tokens/{text[3:19]}").status_code == 204
    for words in (("put", file, "--course", "X"), ("find", "x")):
        done = me.run(*words, expect=6)
        assert "was revoked or has expired" in done.stderr and "RB_TOKEN is not set" not in done.stderr
        assert text not in done.stderr + done.stdout


def test_what_waits_for_a_maintainer_is_not_called_shared(api, somebody, file, tmp_path):
    course, other = f"CLIW {next(numbers)}", f"CLIW {next(numbers)}"
    me = somebody()
    assert api.change_settings(moderate=True).status_code == 200
    try:
        done = me.run("put", file, "--course", course)
        assert "waits for a maintainer" in done.stdout and "new version" not in done.stdout
        assert me.json("put", file, "--course", course)["state"] == "waiting"
        (tmp_path / "table.csv").write_text(f"course,file\n{other},a.pdf\n")
        done = me.run("put", "--from-csv", "table.csv", ".")
        assert f"line 2: {other}: waiting" in done.stdout and "1 waiting for a maintainer" in done.stderr
    finally:
        assert api.change_settings(moderate=False).status_code == 200
    assert api.course(course).status_code == api.course(other).status_code == 404
    assert len(api.get(f"/api/v1/users/{me.name}/pending").json()["items"]) == 3
