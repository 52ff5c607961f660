"""Who may do what in Redis: for each of its users a password, drawn here, of which Redis is told only the hash."""
import hashlib
import re
import secrets

from clusterlib.home import ROOT, write_atomic

RULES = ROOT / "lib/store/acl"
USERS = ("operator", "api", "coordinator")


def rules(name, passwords):
    """Lines for an aclfile out of one of lib/store/acl; passwords: {user: password}."""
    text = re.sub(r"^#.*\n", "", (RULES / f"{name}.acl").read_text(encoding="ascii"), flags=re.M)
    text = re.sub(r"\\\n *", "", text)
    lines = re.sub(r"@([A-Z]+)@", lambda found: hashlib.sha256(passwords[found[1].lower()].encode()).hexdigest(), text).splitlines()
    return "".join(line + "\n" for line in lines if line)


def password_file(folder, user):
    return folder / f"redis-{user}.password"


def password(folder, user):
    return password_file(folder, user).read_text(encoding="ascii").strip()


def prepare(folder):
    """Draws the passwords that are missing in a folder, and writes the aclfile, which follows from them; its path."""
    for user in USERS:
        if not password_file(folder, user).exists():
            write_atomic(password_file(folder, user), secrets.token_hex(32) + "\n")
    path = folder / "redis.acl"
    write_atomic(path, rules("redis", {user: password(folder, user) for user in USERS}))
    return path
