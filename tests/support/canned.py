"""A front that answers what a test says, also what no honest front would: for how the command line takes refusals, liars and broken connections."""
import http.server
import json
import threading


class Canned:
    """`answers` maps "METHOD /path" (below /api/v1, without the query) to a function of the request that answers it; `asked` lists what was asked."""

    def __init__(self, answers):
        self.answers, self.asked = answers, []
        canned = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                path, _, self.query = self.path.removeprefix("/api/v1").partition("?")
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                canned.asked.append((self.command, path, self.query, dict(self.headers)))
                canned.answers.get(f"{self.command} {path}", missing)(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def send(request, status, body, kind="application/json", **headers):
    """A whole answer; underscores in header names stand for hyphens."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(data)))
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.end_headers()
    request.wfile.write(data)


def problem(status, code, detail, **more):
    """A handler that refuses, as RFC 9457 says."""
    def answer(request):
        send(request, status, {"type": f"urn:ringbinder:error:{code}", "title": code, "status": status, "detail": detail, "request_id": "r1", **more},
             "application/problem+json")
    return answer


def missing(request):
    problem(404, "not-found", "There is no such thing here")(request)


def value(body, status=200):
    """A handler that gives a JSON value."""
    return lambda request: send(request, status, body)
