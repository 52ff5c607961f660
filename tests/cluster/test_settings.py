"""Settings: docs/inside.md and --help say the same, and what cannot be is refused with a sentence, before anything else happens."""
import os
import pathlib
import re
import secrets
import subprocess

import pytest

from support.cluster import ROOT

BIN = pathlib.Path(os.environ.get("RB_BIN", ROOT / "build/release/bin"))
PROGRAMS = ("node", "coordinator", "api")
LARGEST = 2**63 - 1


def run(program, *words, **env):
    return subprocess.run([BIN / f"ringbinder-{program}", *words], env={**os.environ, **env}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20, check=False)


def by_help(program):
    """{variable: (default, bounds)} as --help tells; bounds are None of what is no number."""
    told = {}
    for variable, text in re.findall(r"^  --\S+(?: \S+)?  \((RB_\w+)\)\n      (.*)$", run(program, "--help").stdout, re.M):
        default, bounds = re.search(r"\[default: (\S+)\]", text), re.search(r"\[(\d+) to (\d+)\]", text)
        told[variable] = (default[1] if default else "", (int(bounds[1]), int(bounds[2])) if bounds else None)
    return told


def by_document(program):
    """The same as the table of docs/inside.md tells."""
    told = {}
    for variables, programs, default, bounds in re.findall(r"^\| (`RB_[^|]*) \| ([^|]*) \|([^|]*)\|([^|]*)\|$", (ROOT / "docs/inside.md").read_text(), re.M):
        if program in programs.split(", "):
            numbers = [LARGEST if number == "2^63 - 1" else int(number) for number in re.findall(r"2\^63 - 1|\d+", bounds)]
            told.update({variable: (default.strip(), tuple(numbers) or None) for variable in re.findall(r"RB_\w+", variables)})
    return told


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_document_and_the_help_agree(program):
    told = by_help(program)
    assert len(told) > 10
    assert by_document(program) == told


@pytest.mark.parametrize("value", ["abc", "5x", "-1", "1.5", " 1", "0x10", "99999999999999999999"])
@pytest.mark.parametrize("program, variable", [("node", "RB_NODE_LIMIT_RATE"), ("node", "RB_NODE_STORE"), ("node", "RB_NODE_OBTAIN_PORT"),
                                               ("coordinator", "RB_INDEX_PORT"), ("api", "RB_ADOPT_AFTER")])
def test_what_is_no_number_within_bounds_is_refused_in_one_line(program, variable, value):
    done = run(program, **{variable: value})
    least, most = by_help(program)[variable][1]
    said = [line for line in done.stderr.splitlines() if variable in line]
    assert done.returncode == 2 and len(said) == 1 and said[0].endswith(f"must be a number from {least} to {most}"), done.stderr


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What a node needs to start, up to the point where it looks at what it shares."""
    folder = tmp_path_factory.mktemp("settings")
    key = folder / "keys" / "key"
    key.parent.mkdir()
    key.write_text(secrets.token_hex(32) + "\n")
    key.chmod(0o600)
    (folder / "file").write_bytes(b"no folder")
    (folder / "open").mkdir()
    assert run("node", "--init", str(folder / "node"), "--name", "told", "--key", str(key)).returncode == 0
    return folder, ["--data", str(folder / "node"), "--listen", "127.0.0.1:1", "--coordinators", "http://127.0.0.1:1"]


@pytest.mark.parametrize("words, why", [
    (["--share", "{}/nowhere"], "there is none"), (["--share", "{}/file"], "it is no folder"), (["--share", ""], "there is none"),
    (["--share", "{}"], "would give away the node's own folder, with its keys"),
    (["--share", "{}/node/blobs"], "would give away"), (["--store", "0"], "--store 0 needs --share DIR"), (["--obtain-port", "9"], "--obtain-port needs --share DIR")])
def test_what_cannot_be_shared_is_said(told, words, why):
    folder, common = told
    done = run("node", *common, *(word.format(folder) for word in words))
    assert done.returncode == 2 and why in done.stderr, done.stderr
