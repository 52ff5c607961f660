"""Looking for secrets: texts that look like one (in a repository), and the ones that a running cluster has (in whatever it leaves behind)."""
import base64
import collections
import math
import os
import pathlib
import re
import subprocess

# What a secret of this kind looks like. Where there is a group, that is the secret.
PATTERNS = {
    "private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----",
    "API or join token": r"\brbj?_[0-9a-f]{16}_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])",
    "share link": r"\bl1\.[0-9a-f]{8,16}\.[0-9a-f]{16}\.\d+\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])",
    "AWS key": r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[0-9A-Z]{16}\b",
    "GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})",
    "GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "npm or PyPI token": r"\b(?:npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,})",
    "other service's key": r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{20,}|\bsk-[A-Za-z0-9-]{32,}\b",
    "JSON web token": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "password hash": r"\$argon2id?\$v=\d+\$[^$\s]+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{16,}|\$(?:2[aby]|y|6|5)\$[^\s\"'<>$]+\$[A-Za-z0-9+/.$]{16,}",
    "password in a URL": r"\b[a-z][a-z0-9+.-]*://[^\s/:@\"'{}<>$%]+:([^\s/@\"'{}<>$%]{3,})@",
    "assignment": r"(?i)\b\w*(?:passw|secret|token|credential|api_?key|private_?key|auth_?key)\w*[\"']?\s*(?:=|:|:=|=>)\s*[\"']([A-Za-z0-9+/=_.-]{16,})[\"']",
}
COMPILED = {kind: re.compile(pattern) for kind, pattern in PATTERNS.items()}
ORDER = "0123456789abcdefghijklmnopqrstuvwxyz"
BITS_A_CHARACTER = 3.3  # less, and it is words or a count


def entropy(text):
    """Bits a character of a text, from how often each occurs in it."""
    return -sum(n / len(text) * math.log2(n / len(text)) for n in collections.Counter(text).values())


def looks_drawn(text):
    """Whether somebody drew it: letters and digits in no order. A name in words has no digits, and a counted-up key repeats itself."""
    return bool(re.search(r"\d", text) and re.search(r"[A-Za-z]", text)) and entropy(text) >= BITS_A_CHARACTER


def is_made_up(text):
    """Whether ten characters in a row are one and the same, or count: nobody draws that."""
    steps = [ORDER.find(b) - ORDER.find(a) if a in ORDER and b in ORDER else None for a, b in zip(text.lower(), text.lower()[1:])]
    return any(steps[i:i + 9] == [step] * 9 for i in range(len(steps) - 8) for step in (-1, 0, 1))


def suspects(text):
    """(kind, secret) of each thing in a text that looks like a secret."""
    for kind, pattern in COMPILED.items():
        for found in pattern.finditer(text):
            secret = found[1] if pattern.groups else found[0]
            if not is_made_up(secret) and (kind != "assignment" or looks_drawn(secret)):
                yield kind, secret


def in_repository(root):
    """(file, kind, secret) of every suspect in the files that git knows, and in every line that any commit ever added."""
    git = ["git", "-C", str(root), "-c", "core.quotePath=false"]
    names = subprocess.run([*git, "ls-files", "-z"], capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        path = pathlib.Path(root) / name
        if path.is_file() and not path.is_symlink():
            for kind, secret in suspects(path.read_bytes().decode("utf-8", "replace")):
                yield name, kind, secret
    log = subprocess.Popen([*git, "log", "-p", "--no-color", "--no-ext-diff", "--text", "--unified=0", "--format=%n", "HEAD"], stdout=subprocess.PIPE)
    name = "?"
    for line in log.stdout:
        if line.startswith(b"+++ "):
            name = line[4:].decode("utf-8", "replace").strip().removeprefix("b/")
        elif line.startswith(b"+"):
            for kind, secret in suspects(line[1:].decode("utf-8", "replace")):
                yield name, kind, secret
    assert log.wait() == 0


# ---- what a cluster has

def forms(secret):
    """The spellings of a secret: of a text as it is and as it stands in a URL, of 64 hex digits or of bytes the bytes, hex and base64."""
    if isinstance(secret, str) and not re.fullmatch("[0-9a-f]{64}", secret):
        return {secret.encode(), base64.b64encode(secret.encode()).rstrip(b"=")}
    raw = bytes.fromhex(secret) if isinstance(secret, str) else secret
    encoded = {base64.b64encode(raw).rstrip(b"="), base64.urlsafe_b64encode(raw).rstrip(b"=")}
    return {raw, raw.hex().encode(), raw.hex().upper().encode(), *encoded}


def told(data, secrets):
    """The names of the secrets that occur in some bytes, in any spelling."""
    return sorted(name for name, secret in secrets.items() if any(form in data for form in forms(secret)))


def files_below(folder):
    """Every regular file, with its bytes."""
    for path in sorted(pathlib.Path(folder).rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def readable_by_others(folder):
    """Folders and files that somebody else could look into, if those above let him."""
    return [path for path in [pathlib.Path(folder), *pathlib.Path(folder).rglob("*")]
            if not path.is_symlink() and not path.is_socket() and path.stat().st_mode & 0o077]


def told_by_processes(pids, secrets):
    """{pid: names} of secrets that stand in arguments or environments of processes, for whoever may look."""
    found = {}
    for pid in pids:
        data = b""
        for name in ("cmdline", "environ"):
            try:
                data += pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue  # gone, or shut even for its own user
        if names := told(data, secrets):
            found[pid] = names
    return found


def all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
