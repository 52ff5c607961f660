"""Holders of a file as a node serves it to other peers: ranges and capabilities, at a limited speed, and with faults that no honest node has."""
import hashlib
import http.server
import re
import threading
import time
import urllib.parse

MIB = 1 << 20
PIECE = 64 << 10


class Limit:
    """Bytes a second, shared by all who take from it."""

    def __init__(self, bytes_per_s):
        self.bytes_per_s, self.free_at, self.lock = bytes_per_s, time.monotonic(), threading.Lock()

    def take(self, n):
        with self.lock:
            begin = max(self.free_at, time.monotonic() - 0.05)
            self.free_at = begin + n / self.bytes_per_s
        time.sleep(max(0.0, begin - time.monotonic()))


class Holder:
    """Serves `data` under every name below /files and /blobs. `given` counts the bytes it gave; `ranges` lists what was asked."""

    def __init__(self, data, bytes_per_s=None, etag=None, capability=None):
        self.data, self.capability = data, capability
        self.etag = etag or hashlib.sha256(data).hexdigest()
        self.limit = Limit(bytes_per_s) if bytes_per_s else None
        self.given, self.ranges, self.names, self.lock = 0, [], [], threading.Lock()
        holder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                try:
                    holder.answer(self)
                except OSError:  # the other side had enough
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, request):
        if self.capability and request.headers.get("Authorization") != self.capability:
            request.send_response(401)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        if_range = request.headers.get("If-Range")
        first, last = 0, len(self.data) - 1
        if wanted and if_range in (None, f'"{self.etag}"'):
            first, last = int(wanted[1]), min(int(wanted[2]), last)
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {first}-{last}/{len(self.data)}")
        else:
            request.send_response(200)
        request.send_header("ETag", f'"{self.etag}"')
        request.send_header("Content-Length", str(last + 1 - first))
        request.end_headers()
        with self.lock:
            self.ranges.append((first, last))
            self.names.append(urllib.parse.unquote(request.path.rsplit("/", 1)[1]))
        for at in range(first, last + 1, PIECE):
            piece = self.data[at:min(at + PIECE, last + 1)]
            if self.limit:
                self.limit.take(len(piece))
            request.wfile.write(piece)
            with self.lock:
                self.given += len(piece)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def blocks(data):
    """The hashes of its blocks of 1 MiB."""
    return [hashlib.sha256(data[at:at + MIB]).hexdigest() for at in range(0, len(data), MIB)]


def source(number, url, file="a folder/big.bin", kind="shared", capability="pass"):
    """A row of /peers/files/{sha256}/sources."""
    return {"peer": f"peer-{number}.00000000000000aa", "name": f"peer-{number}", "url": url, "file": None if kind == "ring" else file,
            "capability": capability, "kind": kind}


def sources(data, *rows, listed=None):
    """The answer of /peers/files/{sha256}/sources; listed: the bytes whose blocks are told."""
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "block_bytes": MIB, "blocks": blocks(listed or data), "sources": list(rows)}


def row(data, *numbers, name="a folder/big.bin", adopted=False, known=True):
    """A row of /peers/files held by the peers of these numbers."""
    return {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest() if known else None, "adopted": adopted,
            "holders": [{"peer": f"peer-{n}.00000000000000aa", "name": f"peer-{n}", "url": "http://127.0.0.1:1", "file": name} for n in numbers]}
