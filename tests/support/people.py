"""People as tests need them: accounts made by the admin, tokens of theirs, and browsers that sign in."""
import re

import requests

from support.api import Api

PASSWORD = "correct battery 7 staple"
READ_ME = "lib/auth/README.md"


def make(admin, name, role, scopes=(), password=PASSWORD, **more):
    """An account."""
    answer = admin.post("/api/v1/users", json={"name": name, "role": role, "scopes": list(scopes), "password": password, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


ACTS = ["read", "upload", "alter", "link", "moderate", "operate", "accounts", "self"]


def token(admin, user, acts=ACTS, scopes=(), **more):
    """The text of a new token for somebody."""
    answer = admin.post("/api/v1/tokens", json={"user": user, "label": "test", "acts": list(acts), "scopes": list(scopes), **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["token"]


def client(admin, user, **limits):
    """A client of somebody's, with a token made for it."""
    return Api(admin.url, admin.contract, token(admin, user, **limits))


class Browser(Api):
    """A client that does what our pages do: keeps the cookie, says where a request comes from and proves its session."""

    def __init__(self, url, contract):
        super().__init__(url, contract, token="")
        self.csrf = None

    def request(self, method, url, *args, **kwargs):
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": self.url, **({"RB-CSRF": self.csrf} if self.csrf else {}), **(kwargs.pop("headers", None) or {})}
        return super().request(method, url, *args, headers={k: v for k, v in headers.items() if v is not None}, **kwargs)

    def sign_in(self, name, password=PASSWORD):
        answer = self.post("/api/v1/session", json={"name": name, "password": password})
        if answer.status_code == 201:
            self.csrf = answer.json()["csrf"]
        return answer

    @property
    def secret(self):
        return self.cookies.get("sid")


def raw(url, method, path, headers=None, **options):
    """A request with just these headers: no cookie jar, no token, no judge."""
    with requests.Session() as http:
        http.trust_env = False
        return http.request(method, url + path, headers=headers or {}, timeout=30, **options)


def table(text):
    """The cells of the README's table: {(act, on what): {role: [as installed, both on, both off, upload alone]}}."""
    cells = {}
    for line in text.splitlines():
        columns = [c.strip() for c in line.strip().strip("|").split("|")]
        if len(columns) != 7 or not re.fullmatch("[a-z]+", columns[0]) or columns[0] == "act":
            continue
        act, what, *rest = columns
        cells[act, what] = {role: (cell.split() * 4)[:4] if len(cell.split()) == 1 else cell.split()
                            for role, cell in zip(("nobody", "reader", "contributor", "maintainer", "admin"), rest)}
    return cells
