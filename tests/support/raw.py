"""HTTP by bare socket, for requests that no client library would send."""
import socket


def exchange(port, data, timeout=10, host="127.0.0.1", half_close=False):
    """Sends bytes, reads until the peer closes or the answer is complete; (status, headers, body). Status 0: closed without an answer."""
    with socket.create_connection((host, port), timeout=timeout) as s:
        s.sendall(data)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while not complete(received):
                piece = s.recv(65536)
                if not piece:
                    break
                received += piece
        except (socket.timeout, ConnectionResetError):
            pass
    return parse(received)


def complete(data):
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    for line in head.split(b"\r\n")[1:]:
        if line.lower().startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False


def parse(data):
    if not data.startswith(b"HTTP/"):
        return 0, {}, data
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(lines[0].split()[1]), headers, body
