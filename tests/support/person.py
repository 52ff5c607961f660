"""Somebody who uses the portal: an account, and how a real browser signs in as them without the dialog."""
import secrets

SIGN_IN = """
const [name, password, done] = arguments;
fetch('/api/v1/session', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({name, password})})
  .then(answer => done(answer.status), error => done(String(error)));
"""


class Person:
    """An account with a password that nobody guesses."""

    def __init__(self, api, name, role, **more):
        self.name, self.role, self.password = name, role, "Kork-" + secrets.token_hex(8)
        answer = api.post("/api/v1/users", json={"name": name, "role": role, "password": self.password, **more})
        assert answer.status_code == 201, answer.text


def sign_in(browser, url, person):
    """The browser is signed in from the next page on."""
    if not browser.driver.current_url.startswith(url):
        browser.open(url + "/")
    assert browser.driver.execute_async_script(SIGN_IN, person.name, person.password) == 201
