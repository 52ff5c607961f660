"""Which token opens which front: whoever brings a cluster up says so, and every client that is made for its address comes with it."""
import requests

_tokens = {}


def sign(url, token):
    """Clients of this address come with this token from now on; None: with none."""
    _tokens[url.rstrip("/")] = token


def token_of(url):
    """The token for an address, or None."""
    return next((token for front, token in _tokens.items() if (url + "/").startswith(front + "/")), None)


def headers(url):
    token = token_of(url)
    return {"Authorization": f"Bearer {token}"} if token else {}


class Session(requests.Session):
    """A requests.Session that is signed in wherever it goes, and asks no proxy."""

    def __init__(self):
        super().__init__()
        self.trust_env = False

    def request(self, method, url, **options):
        options["headers"] = {**headers(url), **(options.get("headers") or {})}
        return super().request(method, url, **options)
