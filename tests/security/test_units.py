"""The systemd units (docker/systemd): well-formed, tight by systemd's own reckoning, and wide enough for what the programs do."""
import functools
import re
import shutil
import subprocess

import pytest

from support.cluster import ROOT

UNITS = ROOT / "docker/systemd"
ROLES = ("node", "coordinator", "api")
EXPOSURE_MAX = 1.3  # of 10; what is left is the network
ANALYZE = shutil.which("systemd-analyze")
SANDBOX = "# ---- the sandbox"

needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")


def text(role):
    return (UNITS / f"ringbinder-{role}@.service").read_text()


def analyze(*words):
    return subprocess.run([ANALYZE, "--no-pager", *map(str, words)], capture_output=True, text=True, check=False)


@pytest.fixture
def unit(request, tmp_path):
    """One instance of a unit, with the programs as they were built here."""
    role = request.param
    path = tmp_path / f"ringbinder-{role}@{role}-1.service"
    path.write_text(text(role).replace("/usr/local/bin/", f"{ROOT}/build/release/bin/"))
    return path


@needs_systemd
@pytest.mark.parametrize("unit", ROLES, indirect=True)
def test_systemd_takes_every_line_of_it(unit):
    done = analyze("verify", "--man=no", "--recursive-errors=no", unit)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_systemd
@pytest.mark.parametrize("unit", ROLES, indirect=True)
def test_little_is_exposed(unit):
    done = analyze("security", "--offline=true", unit)
    exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout).group(1))
    assert exposure <= EXPOSURE_MAX, done.stdout


def test_the_sandbox_is_the_same_for_all():
    extra = "# Background threads give way to requests.\nSystemCallFilter=setpriority\n"
    parts = {role: text(role).split(SANDBOX)[1] for role in ROLES}
    assert extra in parts["node"] and parts["node"] == parts["api"]
    assert parts["node"].replace(extra, "") == parts["coordinator"]


def test_no_unit_names_a_secret_or_another_programs_user():
    for role in ROLES:
        lines = text(role)
        assert f"User=ringbinder-{role}\n" in lines and "LoadCredential" not in lines
        assert not re.search(r"(?i)password=|secret=|[0-9a-f]{64}", lines)


@functools.cache
def group(name):
    """The system calls of one of systemd's groups, with those of the groups in it."""
    found = set()
    for line in analyze("syscall-filter", name).stdout.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            found |= group(word) if word.startswith("@") else {word}
    return found


def allowed(role):
    """What the unit's SystemCallFilter= lines leave."""
    calls = set()
    for words in re.findall(r"^SystemCallFilter=(.*)$", text(role), re.M):
        named = set().union(*(group(w) if w.startswith("@") else {w} for w in words.lstrip("~").split()))
        calls = calls - named if words.startswith("~") else calls | named
    return calls


def wanted(role):
    """The system calls of lib/jail's tables that this program may make."""
    table = (ROOT / "lib/jail/calls.c").read_text()
    names = set()
    for name in ("calls_allowed", "calls_bounded"):
        body = table[table.index(f"{name}[]"):]
        names |= set(re.findall(r'"(\w+)"', body[:body.index("};")]))
    folder = "fcgi" if role == "api" else role
    return names | own_calls((ROOT / folder / "confine.c").read_text())


def own_calls(source):
    body = re.search(r"calls\[\] = \{(.*?)\}", source, re.S)
    return set(re.findall(r'"(\w+)"', body.group(1))) if body else set()


@needs_systemd
@pytest.mark.parametrize("role", ROLES)
def test_what_the_program_needs_is_not_forbidden_around_it(role):
    # fchown: SQLite gives its files their owner only when it runs as root. fstatat64: another architecture's name.
    missing = wanted(role) - allowed(role) - {"fchown", "fstatat64"}
    assert not missing
    assert len(wanted(role)) > 100


@needs_systemd
@pytest.mark.parametrize("role", ROLES)
def test_what_only_an_intruder_asks_for_is_forbidden_around_it_too(role):
    # A program has to be started once (execve); namespaces are RestrictNamespaces='s business (setns, unshare).
    fatal = {"ptrace", "mount", "umount2", "bpf", "keyctl", "setuid", "chroot", "init_module", "perf_event_open", "kexec_load", "open_by_handle_at",
             "process_vm_readv", "process_vm_writev", "reboot", "swapon", "capset"}
    assert not allowed(role) & fatal
