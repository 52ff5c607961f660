"""SECURITY.md: the tests that it names are there, it names every one of them, and its numbers are those of the sources."""
import re

from support.cluster import ROOT

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
# Of what has a document of its own.
TOLD_ELSEWHERE = {"test_document.py"}


def test_what_it_names_is_there():
    named = set(re.findall(r"`((?:tests|lib|docker|nginx)(?:/[\w.]+)*)`", TEXT))
    assert len(named) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert "(SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_names_every_test_of_security():
    there = {path.name for path in (ROOT / "tests/security").glob("test_*.py")} - TOLD_ELSEWHERE
    assert there - set(re.findall(r"`tests/security/(test_\w+\.py)`", TEXT)) == set()


def number(path, pattern):
    return int(re.search(pattern, (ROOT / path).read_text(encoding="utf-8"))[1])


def test_its_numbers_are_those_of_the_sources():
    assert number("lib/auth/docs_cluster.c", r"SESSION_IDLE_S (\d+)") == 12 * 3600 and "12 hours idle" in TEXT
    assert number("lib/auth/docs_cluster.c", r"SESSION_END_S (\d+)") == 7 * 86400 and "7 days in all" in TEXT
    assert number("lib/auth/password.h", r"PASSWORD_CHARS_MIN (\d+)") == 8 and number("lib/auth/password.h", r"PASSWORD_BYTES_MAX (\d+)") == 1024
    assert number("lib/auth/password.h", r"PASSWORD_MEMORY_BYTES (\d+)u") == 19 << 20 and "argon2id with 19 MiB" in TEXT
    assert number("lib/auth/link.h", r"LINK_LIFE_MAX_S UINT64_C\((\d+)\)") <= 366 * 86400
