"""Starting and ending background processes without ever hitting a stranger.

A pid alone says little: the number may belong to somebody else by now. So each one is kept together with its start time (clock ticks since
boot, proc(5)), and each process leads a session of its own, by which what a killed nginx leaves behind can be found and ended too.
"""
import os
import pathlib
import resource
import signal
import subprocess
import time

TERM_SECONDS = 5
# Nothing else of the caller's environment reaches a process: no proxy setting, no token. The latter ones are for fault injection and sanitizers.
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
KEPT_PREFIXES = ("LD_", "ASAN_", "UBSAN_", "TSAN_", "LSAN_", "MALLOC_", "FAKETIME")


def stat(pid):
    """(state letter, session, start time, command) of a process, or None when it is gone."""
    try:
        head, tail = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rsplit(")", 1)
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = tail.split()
    return fields[0], int(fields[3]), int(fields[19]), head.split("(", 1)[1]


def running(entry):
    """True when the process of a cluster.json entry runs: that pid with that start time, and no zombie."""
    now = stat(entry["pid"]) if entry and entry.get("pid") else None
    return bool(now and now[0] not in "ZX" and now[2] == entry["started"])


def session(entry):
    """Pids of the living processes of an entry's session. When its leader is dead, only those that look like it: the number may be a stranger's."""
    if not entry or not entry.get("pid"):
        return []
    leader = stat(entry["pid"])
    if leader and leader[2] != entry["started"]:
        return []
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        now = stat(pid)
        if now and now[1] == entry["pid"] and now[0] not in "ZX" and (running(entry) or now[2] >= entry["started"] and now[3] == entry["command"]):
            found.append(pid)
    return found


def wrapper():
    """The words before a command that take from it all it could gain: new privileges, and root's capabilities."""
    words = ["setpriv", "--no-new-privs"]
    return words + ["--bounding-set", "-all", "--inh-caps", "-all", "--"] if os.getuid() == 0 else words + ["--"]


def bound_limits():
    """No core files (they would hold keys), and as many descriptors as we may have."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def environment(settings):
    kept = {k: v for k, v in os.environ.items() if k in KEPT or k.startswith(KEPT_PREFIXES)}
    # nginx: buffers it held go back to the system. Without room to spare at the heap's end none of 64 KiB is put there, between small pieces that stay. Our programs say such things themselves.
    kept.setdefault("MALLOC_MMAP_THRESHOLD_", "65536")
    kept.setdefault("MALLOC_TOP_PAD_", "0")
    return {**kept, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin:/sbin:/bin", **settings}


def spawn(words, log, settings):
    """Starts a command in the background; the fields of its cluster.json entry."""
    with open(log, "ab") as out:
        child = subprocess.Popen([*wrapper(), *map(str, words)], stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/",
                                 env=environment(settings), start_new_session=True)
    child.returncode = 0  # it outlives us: nobody here waits for it
    return {"pid": child.pid, "started": stat(child.pid)[2], "command": os.path.basename(str(words[0]))[:15]}


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def end(entries):
    """Ends the processes of these entries and of their sessions: SIGTERM, and after five seconds SIGKILL."""
    leaders = [e["pid"] for e in entries if running(e)]
    send(leaders, signal.SIGTERM)
    send(leaders, signal.SIGCONT)  # a stopped process hears SIGTERM only then
    deadline = time.monotonic() + TERM_SECONDS
    while any(running(e) for e in entries) and time.monotonic() < deadline:
        reap()
        time.sleep(0.02)
    while left := [pid for e in entries for pid in session(e)]:
        send(left, signal.SIGKILL)
        reap()
        time.sleep(0.02)


def reap():
    """Collects children of ours that have ended, so that none stays a zombie."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def resident_kib(entry):
    """Resident memory of a process and of what it started, in KiB."""
    total = 0
    for pid in session(entry):
        try:
            lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total
