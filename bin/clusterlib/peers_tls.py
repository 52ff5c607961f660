"""TLS between the processes of a cluster (RB_TLS_PEERS=1): a CA in $RB_HOME/keys, made once, and a certificate of it for each process."""
import ssl
import subprocess

from clusterlib import tls
from clusterlib.home import Refusal

ADDRESS = "127.0.0.1"
FRONT = "front"  # nginx, when it asks nodes, and whoever looks after the cluster
CERTIFIED = ("coordinator", "node", "api")


def wanted(env):
    wish = env.get("RB_TLS_PEERS", "")
    if wish not in ("", "0", "1"):
        raise Refusal(f"RB_TLS_PEERS is {wish!r}; it is 1 for TLS between the processes, or not set.")
    return wish == "1"


def scheme(env):
    return "https" if wanted(env) else "http"


def folder(home):
    return home.key.parent / "ca"


def run(home, *words):
    done = subprocess.run([str(home.bin / "ringbinder"), "ca", *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(f"ringbinder ca {words[0]} failed: {done.stderr.strip()}")


def pair(home, name):
    """(CA, certificate, key) of a process as paths; made when they are missing, and anew when the certificate soon ends."""
    place = folder(home)
    ca, cert, key = place / "ca.crt", place / f"{name}.crt", place / f"{name}.key"
    if not ca.exists():
        run(home, "init", place)
    if cert.exists() and not tls.lasts(cert, tls.RENEW_SECONDS):
        cert.unlink()
        key.unlink(missing_ok=True)
    if not cert.exists():
        key.unlink(missing_ok=True)  # of a try that was cut short
        run(home, "issue", place, name, "--address", ADDRESS)
    return ca, cert, key


def words(home, name, env):
    """What a program is told of it."""
    if not wanted(env):
        return []
    ca, cert, key = pair(home, name)
    return ["--tls-ca", ca, "--tls-cert", cert, "--tls-key", key]


def trust(home):
    """How whoever looks after the cluster asks its processes."""
    ca, cert, key = pair(home, FRONT)
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(cert, key)
    return context
