#!/usr/bin/python3
"""Floods: one process that holds, drips or guesses from many addresses of loopback, as hostile clients do from elsewhere.

usage: flood.py KIND HOST:PORT COUNT ADDRESSES [NAME=VALUE …]
  idle      COUNT connections that say nothing; a closed one is opened again
  uploads   COUNT uploads, with `token` if there is one, that begin well and then send a byte each `pause` seconds; so too
  guesses   COUNT wrong passwords, `rate` a second, for `known` (a name) and for names nobody has, in turn; from the addresses behind the `first`
ADDRESSES: how many of 127.66.0.0/16 they come from. It runs until SIGTERM (guesses: or until all are made) and then prints what came of it as JSON.

`with Flood(cluster, "idle", 1000, 100) as flood:` runs one beside a test; flood.told is what it printed. They are nice: a flood's own work is done on other machines.
"""
import collections
import errno
import http.client
import json
import pathlib
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time

BODY_BYTES = 3 << 20  # what an upload promises: more than nginx keeps in memory
FIRST_BYTES = 64 << 10
SECONDS_TO_BEGIN = 20


def address(number):
    return f"127.66.{number // 250}.{number % 250 + 1}"


class Flood:
    """One flood, in a process of its own."""

    def __init__(self, front, kind, count, addresses, **options):
        words = [sys.executable or "/usr/bin/python3", str(pathlib.Path(__file__).resolve()), kind, front, str(count), str(addresses)]
        self.words = ["nice", "-n", "10", *words, *[f"{name}={value}" for name, value in options.items()]]
        self.process, self.told = None, {}

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().strip() == "on", "the flood did not begin"
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        """Ends it; what came of it."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.process and not self.process.stdout.closed:
            self.told = json.loads(self.process.communicate(timeout=60)[0])
        return self.told

    def wait(self, seconds):
        """Until it has done all it had to; what came of it."""
        self.process.wait(seconds)
        return self.end()


class Floods:
    """Several at once."""

    def __init__(self, *floods):
        self.floods = floods

    def __enter__(self):
        for flood in self.floods:
            flood.__enter__()
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        return [flood.end() for flood in self.floods]


class Connections:
    """So many connections, each opened again when it is closed; what they say is the flood's kind."""

    def __init__(self, to, count, addresses, pause, say):
        self.to, self.count, self.addresses, self.pause, self.say = to, count, addresses, pause, say
        self.selector, self.open, self.told, self.next = selectors.DefaultSelector(), {}, collections.Counter(), 0

    def add(self):
        made = socket.socket()
        made.setblocking(False)
        made.bind((address(self.next % self.addresses), 0))
        self.next += 1
        done = made.connect_ex(self.to)
        if done not in (0, errno.EINPROGRESS):
            self.told[errno.errorcode[done]] += 1
            made.close()
            return
        self.open[made] = 0.0  # when it says something next; 0: it has yet to begin
        self.selector.register(made, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def drop(self, which, why):
        self.told[why] += 1
        self.selector.unregister(which)
        del self.open[which]
        which.close()

    def turn(self, which, events):
        try:
            if events & selectors.EVENT_READ:
                answer = which.recv(4096)
                if not answer or answer.startswith(b"HTTP/"):
                    return self.drop(which, answer.split(b" ", 2)[1].decode() if answer else "closed")
            if events & selectors.EVENT_WRITE and not self.open[which]:
                self.told["opened"] += 1
                if first := self.say(True):
                    which.send(first)
                self.open[which] = time.monotonic() + self.pause
                self.selector.modify(which, selectors.EVENT_READ)
        except OSError as problem:
            self.drop(which, errno.errorcode.get(problem.errno, "error"))

    def drip(self):
        now = time.monotonic()
        for which, due in list(self.open.items()):
            if due and due <= now and (more := self.say(False)):
                try:
                    which.send(more)
                    self.told["dripped"] += 1
                except OSError:
                    continue  # its end is read in a moment
                self.open[which] = now + self.pause

    def run(self, over):
        began, told_on = time.monotonic(), False
        while not over.is_set():
            # Closed ones come back, but not in no time: all of them once in ten seconds.
            due = self.count + self.count * (time.monotonic() - began) / 10 - self.next
            for _ in range(min(50, int(due), self.count - len(self.open))):
                self.add()
            for key, events in self.selector.select(0.05):
                self.turn(key.fileobj, events)
            self.drip()
            if not told_on and (self.told["opened"] >= self.count or time.monotonic() - began > SECONDS_TO_BEGIN):
                print("on", flush=True)
                told_on = True
        self.told["held at the end"] = len(self.open)
        for which in list(self.open):
            which.close()
        return self.told


def idle(to, count, addresses, options, over):
    return Connections(to, count, addresses, 1e9, lambda first: b"").run(over)


def uploads(to, count, addresses, options, over):
    token = f"Authorization: Bearer {options['token']}\r\n" if "token" in options else ""
    head = (f"PUT /api/v1/courses/FLOOD/syllabus?filename=a.pdf HTTP/1.1\r\nHost: x\r\n{token}Content-Length: {BODY_BYTES}\r\n\r\n".encode()
            + b"%PDF-1.4 " + b"x" * FIRST_BYTES)
    return Connections(to, count, addresses, float(options.get("pause", 1)), lambda first: head if first else b"x").run(over)


def sign_in(to, source, name, password):
    """A try from this address; the status, or how the connection ended."""
    front = http.client.HTTPConnection(*to, timeout=30, source_address=(source, 0))
    try:
        front.request("POST", "/api/v1/session", json.dumps({"name": name, "password": password}), {"Content-Type": "application/json", "Connection": "close"})
        return front.getresponse().status
    except (OSError, http.client.HTTPException) as problem:
        return type(problem).__name__
    finally:
        front.close()


def guesses(to, count, addresses, options, over):
    told, lock, made, began = collections.Counter(), threading.Lock(), iter(range(count)), time.monotonic()
    rate, known, first = float(options.get("rate", 100)), options.get("known", "admin"), int(options.get("first", 0))

    def work():
        while not over.is_set():
            with lock:
                number = next(made, None)
            if number is None:
                return
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            status = sign_in(to, address(first + number % addresses), known if number % 2 else f"nobody-{number}", f"wrong guess {number}")
            with lock:
                told[str(status)] += 1

    print("on", flush=True)
    workers = [threading.Thread(target=work) for _ in range(32)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return told


def main(kind, front, count, addresses, *options):
    host, port = front.rsplit(":", 1)
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    told = {"idle": idle, "uploads": uploads, "guesses": guesses}[kind]((host, int(port)), int(count), int(addresses), dict(o.split("=", 1) for o in options), over)
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
