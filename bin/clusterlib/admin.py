"""The first admin: a name, a password that is printed once, and a token for scripts, which only the caller can read."""
import secrets
import time

from clusterlib import roles
from clusterlib.home import Refusal, write_atomic

NAME = "admin"
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else
SECONDS = 30


def draw_password():
    """99 bits, in groups that a person can copy."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(4))


def prepare(home):
    """Writes the file that the api makes the account from, and admin.token. The password, or None when there was an admin before."""
    if home.admin_file.exists():  # an `up` that was broken off: nobody was told yet
        return home.admin_file.read_text(encoding="ascii").splitlines()[1]
    if home.token.exists():
        return None
    password, token = draw_password(), f"rb_{secrets.token_hex(8)}_{secrets.token_urlsafe(32)}"
    roles.folder(home, "api-1")
    write_atomic(home.token, token + "\n")
    write_atomic(home.admin_file, f"{NAME}\n{password}\n{token}\n")
    return password


def await_account(home, url):
    """True when the token of admin.token is good; False when another admin was there before, whose token we do not have."""
    deadline = time.monotonic() + SECONDS
    while True:
        status = roles.ask(url + "/api/v1/tokens", home.secret())[0]
        if status == 200:
            return True
        if status == 401 and not home.admin_file.exists():
            return False
        if time.monotonic() > deadline:
            raise Refusal(f"The first admin's account was not made within {SECONDS} s.")
        time.sleep(0.1)


def tell(home, url, password):
    """Waits for the account and says how to sign in; after that nobody can."""
    if password is None:
        return
    if await_account(home, url):
        print(f"Sign in as {NAME} with the password {password} (it is shown only now). Scripts find a token in {home.token}.")
        return
    home.token.unlink()
    print(f"There is an account {NAME} from before, and its password stays as it is. For scripts, put a token of it into {home.token}.")
