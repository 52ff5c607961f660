"""What a flood must leave alone: how long others wait, and what the processes of a cluster hold on to."""
import http.client
import pathlib
import time

from support.cluster import children, resident_bytes, wait_for

# Below this two p99 on one machine differ by what its scheduler did, not by what we did: with the machine to ourselves, and where other tests compute beside this one.
FLOOR_S = 0.010
FLOOR_SHARED_S = 0.150
ROUNDS = 3
AGAIN_S = 0.5
KEPT = 1.05  # of the resident memory before
NGINX_KEEPS = 48 << 20  # nginx is not ours, and glibc keeps free pieces of its heap between others that stay; most of what a flood took goes back all the same
SPARE = 10  # connections that are kept for the next request come and go


def p99(times):
    return sorted(times)[int(len(times) * 0.99)]


class Others:
    """Somebody else, from an address of their own that is held to all limits: a page, a course, its file, a search, one after the other."""

    PATHS = ("/", "/api/v1/courses/WATCHED", "/api/v1/courses/WATCHED/syllabus", "/api/v1/courses?q=watched")

    def __init__(self, cluster, full, source="127.0.0.9"):
        """full: the machine is ours, so what a flood costs others can be measured."""
        self.port, self.source, self.front = cluster.port, source, None
        self.floor_s = FLOOR_S if full else FLOOR_SHARED_S

    def ask(self, path):
        """(status, seconds); a kept connection that the front closed meanwhile is opened again, and that counts."""
        began = time.monotonic()
        for last in (False, True):
            if self.front is None:
                self.front = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30, source_address=(self.source, 0))
            try:
                self.front.request("GET", path)
                answer = self.front.getresponse()
                answer.read()
                return answer.status, time.monotonic() - began
            except (http.client.RemoteDisconnected, ConnectionError):
                self.front.close()
                self.front = None
                if last:
                    raise
        raise AssertionError

    def watch(self, seconds):
        """Asks for so long; how long each answer took. Each is a good one; a 503 that asks to come back is asked again once, and that counts."""
        times, end, number = [], time.monotonic() + seconds, 0
        while time.monotonic() < end:
            status, took = self.ask(self.PATHS[number % len(self.PATHS)])
            if status == 503:
                time.sleep(AGAIN_S)
                status, again = self.ask(self.PATHS[number % len(self.PATHS)])
                took += AGAIN_S + again
            assert status == 200, (self.PATHS[number % len(self.PATHS)], status)
            times.append(took)
            number += 1
            time.sleep(0.004)
        return times

    def go_on(self, flood, seconds, what):
        """p99 at most doubles while flood() is on, between two quiet times. Neighbours on this machine can only make that worse, so the best of three rounds counts. The flood's own count."""
        figures = []
        for _ in range(ROUNDS):
            before = self.watch(seconds)
            with flood() as on:
                during = self.watch(seconds)
                told = on.end()
            quiet = p99(before + self.watch(seconds))
            figures.append(f"{quiet * 1000:.1f} -> {p99(during) * 1000:.1f} ms")
            if p99(during) <= 2 * max(quiet, self.floor_s):
                print(f"\n{what}: p99 of others {figures[-1]} ({len(during)} requests in the flood); {told}")
                return told
        raise AssertionError(f"{what}: p99 of others {', '.join(figures)}; {told}")


def pids_of(cluster, name):
    """A process and, for nginx, its workers."""
    pid = cluster.pid(name)
    return [pid, *children(pid)]


def descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


class Holdings:
    """What each process of a cluster holds: memory and descriptors; what lies about in its folder."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.before = self.look()

    def look(self):
        return {name: (sum(map(resident_bytes, pids)), sum(map(descriptors, pids)), pids)
                for name in self.cluster.processes() for pids in [pids_of(self.cluster, name)]}

    def grown(self):
        """What holds more than before: memory by more than a twentieth (nginx: NGINX_KEEPS), or descriptors by more than what comes and goes."""
        found = []
        for name, (memory, open_now, pids) in self.look().items():
            memory_before, open_before, pids_before = self.before[name]
            if pids != pids_before:
                found.append(f"{name} is another process")
            if memory > (memory_before + NGINX_KEEPS if name.startswith("nginx") else memory_before * KEPT):
                found.append(f"{name}: {memory_before >> 10} -> {memory >> 10} KiB")
            if open_now > open_before + SPARE:
                found.append(f"{name}: {open_before} -> {open_now} descriptors")
        return found

    def come_back(self, seconds=60):
        """All is as before within so long, without anybody's doing; and nothing temporary is left."""
        try:
            wait_for(lambda: not self.grown() and not temporary(self.cluster), seconds, "", 0.5)
        except AssertionError:
            raise AssertionError(f"after {seconds} s: {self.grown()} {temporary(self.cluster)}") from None


SPOOLS = {"tmp", "body", "proxy", "fastcgi", "uwsgi", "scgi"}


def temporary(cluster):
    """Files that are meant to be gone soon: in a folder for such, or with such a name; or without a name any more, and still open."""
    found = [str(path) for path in cluster.home.rglob("*") if path.is_file() and (SPOOLS & set(path.relative_to(cluster.home).parts[:-1]) or path.suffix in (".tmp", ".new", ".part"))]
    for name in cluster.processes():
        for pid in pids_of(cluster, name):
            for link in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                try:
                    target = str(link.readlink())
                except OSError:
                    continue
                if target.startswith(str(cluster.home)) and target.endswith(" (deleted)"):
                    found.append(f"{name}: {target}")
    return found
