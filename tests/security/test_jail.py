"""What lib/jail forbids is tried inside the real programs, by an intruder that is loaded into them (intruder.c), and the whole works with the jail shut (issue D; S22)."""
import os
import pathlib
import re
import secrets
import shutil
import signal
import subprocess
import time

import pytest

from support.api import Api
from support.cluster import alive, free_port, wait_for
from support.files import pdf

HERE = pathlib.Path(__file__).parent
PROGRAMS = ("node", "coordinator", "api")
FATAL = ("execve", "ptrace", "process_vm_readv", "mount", "chroot", "unshare", "setuid", "bpf", "keyctl", "perf_event_open")
SANITIZED = any(word in os.environ.get("RB_BIN", "") for word in ("asan", "tsan"))
ENDED, KILLED = 77, -signal.SIGSYS


def compiled(folder, source, *flags):
    target = folder / source.removesuffix(".c")
    subprocess.run(["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", *flags, "-o", target, HERE / source], check=True)
    return target


@pytest.fixture(scope="module")
def intruder(tmp_path_factory):
    """The intruder as a library."""
    return compiled(tmp_path_factory.mktemp("intruder"), "intruder.c", "-shared", "-fPIC")


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    """Words before a command that take system calls from it: landlock_create_ruleset, seccomp."""
    program = compiled(tmp_path_factory.mktemp("without"), "without.c")
    return {"landlock": [program, "444", "--"], "seccomp": [program, "317", "--"], "both": [program, "444", "317", "--"]}


@pytest.fixture(scope="module")
def abi():
    """What Landlock can do on this kernel; 0 when it is not there."""
    program = "import ctypes; print(max(0, ctypes.CDLL(None).syscall(444, None, 0, 1)))"
    return int(subprocess.run(["/usr/bin/python3", "-c", program], capture_output=True, text=True, check=True).stdout)


def words_of(cluster, role, folder):
    """The command line of one more process of this role, with a folder and a port of its own, taken from one that runs."""
    words = pathlib.Path(f"/proc/{cluster.pid(role + '-1')}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    options = {"--data": folder, "--listen": f"127.0.0.1:{free_port()}"}
    if role == "api":
        options = {"--data": folder, "--listen": f"unix:{folder}/api.sock", "--name": "api-9"}
    if role == "coordinator":
        options["--name"] = "coordinator-9"
    for option, value in options.items():
        words[words.index(option) + 1] = str(value)
    return words


@pytest.fixture
def enter(cluster, intruder, tmp_path):
    """Runs one more process of a role with the intruder in it; (exit status, {what was tried: errno or "done"}, its log)."""
    def run(role, lines, words="on", before=()):
        folder = tmp_path / f"{role}-{time.monotonic_ns()}"
        if role == "node":
            subprocess.run([cluster.program("ringbinder-node"), "--init", folder, "--name", "node-9", "--key", cluster.home / "keys" / "cluster.key"], check=True,
                           capture_output=True)
        else:
            folder.mkdir(mode=0o700)
        env = {**os.environ, "LD_PRELOAD": str(intruder), "INTRUDER": "\n".join(lines), "RB_JAIL": words}
        done = subprocess.run([*before, *words_of(cluster, role, folder)], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        return done.returncode, dict(re.findall(r"^intruder (.*): (\w+)$", done.stderr, re.M)), done.stderr
    return run


@pytest.mark.parametrize("role", PROGRAMS)
def test_an_intruder_reaches_no_file_of_others(role, enter, cluster, tmp_path, abi):
    if abi < 2:
        pytest.skip("this kernel has no Landlock that fits")
    secret = tmp_path / "secret"
    secret.write_text("for others\n")
    neighbour = "node-2" if role == "node" else "node-1"
    key = cluster.home / "keys" / "cluster.key"
    tries = {f"read {secret}": "EACCES", f"write {secret}": "EACCES", f"make {tmp_path}/new": "EACCES", "read /etc/passwd": "EACCES", "read /etc/shadow": "EACCES",
             f"read {cluster.data(neighbour)}/records.db": "EACCES", f"read {cluster.home}/cluster.json": "EACCES", f"write {key}": "EACCES",
             "make /tmp/left-by-an-intruder": "EACCES", "read /proc/1/environ": "EACCES", "write /proc/self/mem": "EACCES", "read /bin/sh": "EACCES",
             f"read {key}": "EACCES" if role == "node" else "done", "read /etc/hosts": "done"}
    status, found, log = enter(role, list(tries))
    assert (status, found) == (ENDED, tries), log
    status, found, log = enter(role, [f"read {secret}", "read /etc/passwd"], words="no-landlock")
    assert (status, found) == (ENDED, {f"read {secret}": "done", "read /etc/passwd": "done"}), log


@pytest.mark.parametrize("role", PROGRAMS)
def test_an_intruder_opens_no_second_door(role, enter, abi):
    if abi < 4:
        pytest.skip("this kernel's Landlock knows no ports")
    line = f"bind {free_port()}"
    assert enter(role, [line])[:2] == (ENDED, {line: "EACCES"})
    assert enter(role, [line], words="no-landlock")[:2] == (ENDED, {line: "done"})


@pytest.mark.skipif(SANITIZED, reason="seccomp is left off under a sanitizer")
@pytest.mark.parametrize("role", PROGRAMS)
def test_calls_off_the_list_fail_as_on_a_kernel_without_them(role, enter):
    # AF_PACKET, AF_VSOCK, AF_ALG; a raw IPv4 socket; another process; memory that is written and run; a signal to somebody.
    lines = ["socket 17 3", "socket 40 1", "socket 38 5", "socket 2 3", "fork", "code", f"kill {os.getpid()}"]
    status, found, log = enter(role, lines)
    assert (status, found) == (ENDED, {line: "ENOSYS" for line in lines}), log
    status, found, log = enter(role, ["fork", "code"], words="off")
    assert (status, found) == (ENDED, {"fork": "done", "code": "done"}), log


@pytest.mark.skipif(SANITIZED, reason="seccomp is left off under a sanitizer")
@pytest.mark.parametrize("role", PROGRAMS)
def test_what_only_an_intruder_asks_for_ends_the_process(role, enter):
    for name in FATAL:
        status, found, log = enter(role, [f"call {name}"])
        assert (status, found) == (KILLED, {}), (name, log)
    assert enter(role, ["fork"], words="kill")[0] == KILLED
    # Without the filter the call itself answers, and Landlock still starts no program.
    status, found, log = enter(role, ["call execve"], words="no-seccomp")
    assert (status, found) == (ENDED, {"call execve": "EACCES"}), log


@pytest.mark.parametrize("role", PROGRAMS)
def test_wrong_words_are_refused_and_strict_says_what_is_missing(role, enter, abi):
    for words in ("of", "on,", "strict,off"):
        status, _, log = enter(role, [], words=words)
        assert status == 2 and "--jail" in log, (words, log)
    status, _, log = enter(role, [], words="strict")
    assert status == (ENDED if abi >= 2 and not SANITIZED else 1), log


@pytest.mark.skipif(SANITIZED or os.uname().machine != "x86_64", reason="the refused calls are numbers of x86-64; seccomp is off under a sanitizer")
@pytest.mark.parametrize("role", PROGRAMS)
def test_where_the_kernel_refuses_it_is_said_and_done_without(role, enter, without, abi):
    """As in a container engine that knows neither; where one of the two is there, it is used."""
    for lacking, said, code in (("both", "landlock is not there; seccomp is refused", "done"), ("landlock", "landlock is not there; seccomp: ", "ENOSYS")):
        status, found, log = enter(role, ["code"], before=without[lacking])
        assert (status, found) == (ENDED, {"code": code}) and said in log and '"level":"warn"' in log, log
        status, _, log = enter(role, [], words="strict", before=without[lacking])
        assert status == 1 and "not starting" in log, log
    if abi >= 2:
        status, found, log = enter(role, ["read /etc/passwd"], before=without["seccomp"])
        assert (status, found) == (ENDED, {"read /etc/passwd": "EACCES"}) and "seccomp is refused" in log, log


@pytest.fixture(scope="module")
def jailed(homes):
    """A cluster with the jail as people have it: neither killed for an unknown call nor open to debuggers."""
    return homes("jailed", RB_JAIL="strict" if not SANITIZED else "on").up()


def fields(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def test_every_process_of_a_cluster_is_shut_in(jailed):
    for name, process in jailed.processes().items():
        if process["role"] in PROGRAMS:
            now = fields(process["pid"])
            assert now["NoNewPrivs"] == "1" and (SANITIZED or now["Seccomp"] == "2"), name
            assert {now[f"Cap{which}"] for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}, name
            limits = pathlib.Path(f"/proc/{process['pid']}/limits").read_text()
            assert re.search(r"Max core file size +0 +0 ", limits), name
            assert re.search(r'"level":"info".*"event":"jail","text":"landlock \(ABI', jailed.log(name)) or SANITIZED, name


def test_the_main_job_and_a_stop_work_inside(jailed, contract):
    api = Api(jailed.url, contract)
    assert api.upload("JAIL 1", pdf("one")).status_code == 201
    assert api.upload("JAIL 1", pdf("two")).json()["version"] == 2
    assert api.bytes("JAIL 1").content == pdf("two")
    assert [item["course"] for item in api.get("/api/v1/courses", params={"q": "jail"}).json()["items"]] == ["JAIL 1"]
    jailed.kill("node-1", signal.SIGTERM)
    wait_for(lambda: not alive(jailed.pid("node-1")), 5, "node-1 has ended")
    assert "leaving" in jailed.log("node-1")
    jailed.start("node-1")
    assert api.bytes("JAIL 1").content == pdf("two")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_without_any_right_runs_the_same(cluster, tmp_path_factory):
    """An ordinary user's process: nothing is needed of root to be shut in, and nobody of the same user looks into its memory."""
    base = pathlib.Path("/tmp") / f"ringbinder-jail-{os.getpid()}"
    base.mkdir(mode=0o755)
    try:
        key, folder, program = base / "key", base / "node", base / "ringbinder-node"
        shutil.copy(cluster.program("ringbinder-node"), program)
        key.write_text(secrets.token_hex(32) + "\n")
        key.chmod(0o400)
        os.chown(key, 65534, 65534)
        folder.mkdir()
        os.chown(folder, 65534, 65534)
        as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]
        subprocess.run([*as_nobody, program, "--init", folder, "--name", "node-9", "--key", key], check=True, capture_output=True)
        with open(base / "log", "wb") as log:
            node = subprocess.Popen([*as_nobody, program, "--data", folder, "--listen", f"127.0.0.1:{free_port()}", "--coordinators", "http://127.0.0.1:1",
                                     "--jail", "on" if SANITIZED else "strict,kill"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": "/usr/bin:/bin"})
        try:
            wait_for(lambda: b"serves at" in (base / "log").read_bytes(), 10, "the node serves")
            assert fields(node.pid)["NoNewPrivs"] == "1"
            assert subprocess.run([*as_nobody, "cat", f"/proc/{node.pid}/environ"], capture_output=True, check=False).returncode != 0
        finally:
            node.terminate()
            assert node.wait(10) == 0, (base / "log").read_text()
    finally:
        shutil.rmtree(base)
