"""The built programs carry every protection that compiler and linker have: what checksec looks for, read with readelf and objdump."""
import functools
import os
import pathlib
import re
import subprocess

import pytest

from support.cluster import ROOT

BIN = pathlib.Path(os.environ.get("RB_BIN", ROOT / "build/release/bin"))
PROGRAMS = ("ringbinder-node", "ringbinder-coordinator", "ringbinder-api", "ringbinder")
# As the compiler keeps them beside each source it compiled. A file compiled before they were set has other ones.
FLAGS = ("-O2", "-fstack-protector-strong", "-fstack-clash-protection", "-fcf-protection=full", "-ftrivial-auto-var-init=zero", "-fPIE")

pytestmark = pytest.mark.skipif(any(word in str(BIN) for word in ("asan", "tsan")), reason="a sanitizer brings its own flags")


@functools.cache
def output(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, errors="replace", check=True, env={**os.environ, "LC_ALL": "C"}).stdout


@pytest.fixture(params=PROGRAMS)
def program(request):
    return BIN / request.param


def test_it_is_position_independent(program):
    assert re.search(r"Type:\s+DYN", output("readelf", "-hW", program))
    assert "INTERP" in output("readelf", "-lW", program)
    dynamic = output("readelf", "-dW", program)
    assert re.search(r"FLAGS_1.*\bPIE\b", dynamic)
    assert "TEXTREL" not in dynamic


def test_its_relocations_are_read_only(program):
    assert "GNU_RELRO" in output("readelf", "-lW", program)
    assert re.search(r"FLAGS_1.*\bNOW\b", output("readelf", "-dW", program))


def test_nothing_is_both_written_and_run(program):
    headers = output("readelf", "-lW", program)
    rights = dict(re.findall(r"^\s+(GNU_STACK)\s.*\s(R[W ][E ])\s+0x", headers, re.M))
    assert rights == {"GNU_STACK": "RW "}
    loads = re.findall(r"^\s+LOAD\s.*\s([R ][W ][E ])\s+0x", headers, re.M)
    assert len(loads) >= 4 and "R E" in loads
    assert not [right for right in loads if "W" in right and "E" in right]


def test_it_looks_for_libraries_only_where_the_system_does(program):
    dynamic = output("readelf", "-dW", program)
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic


def test_buffers_and_stacks_are_guarded(program):
    symbols = output("readelf", "--dyn-syms", "-W", program)
    assert "__stack_chk_fail" in symbols
    guarded = set(re.findall(r"\b(__\w+_chk)\b", symbols)) - {"__stack_chk_fail"}
    assert len(guarded) >= 3, guarded  # _FORTIFY_SOURCE: memcpy, snprintf, read … that know how large their target is


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="a matter of x86-64")
def test_jumps_land_where_they_may(program):
    code = output("objdump", "-d", "--no-show-raw-insn", program)
    assert code.count("endbr64") > 100
    # Every function that others may call by a pointer begins with the mark; main is one.
    main = re.search(r"<main>:\n\s+[0-9a-f]+:\s+(\w+)", code)
    assert not main or main.group(1) == "endbr64"


def test_every_source_was_compiled_with_all_flags(program):
    producers = re.findall(r"DW_AT_producer\s*:.*?(GNU C.*)", output("readelf", "--debug-dump=info", "--dwarf-depth=1", program))
    if not producers:
        pytest.skip("a stripped program does not say how it was made")
    for line in producers:
        missing = [flag for flag in FLAGS if flag not in line.split()]
        assert not missing, f"{missing} in {line}; `make clean build` compiles all anew"
