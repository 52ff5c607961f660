"""Both sides of a talk by the line protocol (docs/plain.md): plain sockets that speak in lines, and peers that speak pickles as those of the old index system do."""
import io
import pickle
import re
import socket


def index_port(net, name="coordinator-1"):
    return net.processes()[name]["index_port"]


def obtain_port(net, name):
    return net.processes()[name]["obtain_port"]


class Line:
    """A plain socket that speaks in lines."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")

    def say(self, text):
        self.socket.sendall(text.encode() + b"\n")

    def hear(self):
        return self.file.readline().decode().rstrip("\n")

    def ask(self, text):
        self.say(text)
        return self.hear()

    def is_over(self):
        return self.file.read(1) == b""

    def search(self, asker, name):
        """The holders as (id, host, port)."""
        first = self.ask(f"SEARCH:{asker}:{name}")
        found = []
        while first not in ("END", "NONE"):
            number, host, port = re.fullmatch(r"(\d+):(.*):(\d+)", first).groups()
            found.append((int(number), host, int(port)))
            first = self.hear()
        return found

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Greeted(Line):
    """The same with the index, which says an id first."""

    def __init__(self, net, name="coordinator-1"):
        super().__init__(index_port(net, name))
        self.id = int(self.hear())


class Pickled:
    """A peer of the old index system: each message is one pickle, without a length before it."""

    def __init__(self, port, introduction=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.got = bytearray()
        if introduction:
            self.id = self.ask(introduction)

    def say(self, *values):
        """All of them in one segment."""
        self.socket.sendall(b"".join(pickle.dumps(value, protocol=4) for value in values))

    def hear(self):
        while True:
            stream = io.BytesIO(self.got)
            try:
                value = pickle.load(stream)
            except (EOFError, pickle.UnpicklingError):
                piece = self.socket.recv(65536)
                assert piece, f"the connection ended in {self.got!r}"
                self.got += piece
                continue
            del self.got[:stream.tell()]
            return value

    def ask(self, value):
        self.say(value)
        return self.hear()

    def rest(self):
        """All bytes until the other side ends the connection in order."""
        while piece := self.socket.recv(65536):
            self.got += piece
        return bytes(self.got)

    def search(self, name):
        found, answer = [], self.ask(f"SEARCH:{self.id}:{name}")
        while answer not in ("-1", "-2"):
            found.append(answer)
            answer = self.ask("DONE")
        return found, answer

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def obtain(port, name, asker=0):
    """A file's bytes by lines, or None."""
    with Line(port) as line:
        answer = line.ask(f"OBTAIN:{asker}:{name}")
        if answer == "False":
            assert line.is_over()
            return None
        size = int(re.fullmatch(r"True (\d+)", answer)[1])
        data = line.file.read()
        assert len(data) == size
        return data
