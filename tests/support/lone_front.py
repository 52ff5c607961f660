"""nginx with Ringbinder's own configuration, and behind it no api but a recorder: it keeps what nginx hands over, and answers what a test wants."""
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading

from support.cluster import ROOT, free_port, wait_for

BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6  # records of FastCGI 1.0
HEADER = struct.Struct(">BBHHBx")
PIECE = 32768  # of a record's content
MAY = b"Status: 204 No Content\r\n\r\n"
ANSWER = b"Content-Type: application/json\r\n\r\n{}"


class Asked:
    """One request as the api would have got it."""

    def __init__(self, pairs, body):
        self.pairs, self.body = pairs, body
        self.params = dict(pairs)

    def names(self):
        return [name for name, _ in self.pairs]


def parse_params(data):
    """The name-value pairs of FastCGI; lengths from 128 on take four bytes."""
    pairs, at = [], 0

    def length():
        nonlocal at
        if data[at] < 128:
            at += 1
            return data[at - 1]
        at += 4
        return struct.unpack(">I", data[at - 4:at])[0] & 0x7FFFFFFF

    while at < len(data):
        name_len, value_len = length(), length()
        pairs.append((data[at:at + name_len].decode("latin-1"), data[at + name_len:at + name_len + value_len].decode("latin-1")))
        at += name_len + value_len
    return pairs


class Recorder:
    """A FastCGI responder on a socket. given: answers that nginx has taken whole; may: what it answers when it is asked whether somebody may upload."""

    def __init__(self, path):
        self.asked, self.answer, self.may, self.given = [], ANSWER, MAY, 0
        self.listener = socket.socket(socket.AF_UNIX)
        path.unlink(missing_ok=True)
        self.listener.bind(str(path))
        path.chmod(0o777)
        self.listener.listen(256)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        with connection, connection.makefile("rb") as stream:
            streams, over = {PARAMS: b"", STDIN: b""}, False
            while not over:
                head = stream.read(HEADER.size)
                if len(head) < HEADER.size:
                    return
                _, kind, number, size, padding = HEADER.unpack(head)
                content = stream.read(size + padding)[:size]
                if kind in streams:
                    streams[kind] += content
                over = kind == STDIN and size == 0
            self.asked.append(Asked(parse_params(streams[PARAMS]), streams[STDIN]))
            answer = self.may if dict(parse_params(streams[PARAMS])).get("RB_ONLY_MAY") == "1" else self.answer
            pieces = [answer[at:at + PIECE] for at in range(0, len(answer), PIECE)]
            reply = b"".join(HEADER.pack(1, STDOUT, number, len(piece), 0) + piece for piece in [*pieces, b""])
            connection.sendall(reply + HEADER.pack(1, END, number, 8, 0) + bytes(8))
            self.given += 1

    def close(self):
        if self.listener.fileno() >= 0:
            self.listener.shutdown(socket.SHUT_RDWR)  # a thread that waits in accept() would else take one more
        self.listener.close()


class LoneFront:
    """`with LoneFront(folder, RB_TLS="self") as front:`; front.recorder.asked is what came through."""

    def __init__(self, folder, **env):
        self.folder, self.port = pathlib.Path(folder), free_port()
        self.is_tls = "RB_TLS" in env or "RB_TLS_CERT" in env
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "RB_HOME": str(folder), "RB_PORT": str(self.port), **{k: str(v) for k, v in env.items()}}
        self.process = None

    def render(self):
        return subprocess.run([str(ROOT / "bin/cluster"), "render-nginx"], env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    def __enter__(self):
        done = self.render()
        assert done.returncode == 0, done.stderr
        conf = pathlib.Path(done.stdout.strip())
        self.recorder = Recorder(pathlib.Path(re.search(r'server "unix:(.+)"', conf.read_text()).group(1)))
        with open(self.folder / "logs/nginx.log", "ab") as log:
            self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", conf.parent, "-c", conf, "-e", self.folder / "logs/nginx.log"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})
        wait_for(lambda: self.process.poll() is not None or self.listens(), 10, "nginx listens")
        assert self.process.poll() is None, self.log("nginx")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.recorder.close()

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self, name):
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")

    def connect(self, timeout=20, tls=None):
        made = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        if not (self.is_tls if tls is None else tls):
            return made
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(made, server_hostname="localhost")

    def ask(self, data, tls=None, timeout=20, read_all=False):
        """Sends bytes and reads the first answer, or with read_all until nginx closes: an Answer."""
        with self.connect(timeout, tls) as s:
            s.sendall(data)
            received = b""
            try:
                while read_all or not is_whole(received):
                    piece = s.recv(65536)
                    if not piece:
                        break
                    received += piece
            except (TimeoutError, ConnectionResetError):
                pass
        return Answer(received)

    def get(self, path, *headers, method="GET", body=None, tls=None, version="HTTP/1.1"):
        lines = [f"{method} {path} {version}", f"Host: 127.0.0.1:{self.port}", "Connection: close", *headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        return self.ask("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""), tls)


def is_whole(data):
    head, found, body = data.partition(b"\r\n\r\n")
    size = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
    return bool(found) and size is not None and len(body) >= int(size[1])


class Answer:
    """Status (0: closed without one), header lines as they came, body."""

    def __init__(self, data):
        head, _, self.body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.raw = data
        self.status = int(lines[0].split()[1]) if lines[0].startswith("HTTP/") else 0
        self.headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def one(self, name):
        found = self.all(name)
        assert len(found) == 1, (name, found, self.headers)
        return found[0]
