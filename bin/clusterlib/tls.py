"""TLS for the portal: a certificate from outside (RB_TLS_CERT, RB_TLS_KEY), or a self-signed one on demand (RB_TLS=self)."""
import os
import pathlib
import shutil
import socket
import ssl
import stat
import subprocess

from clusterlib.home import Refusal

DAYS = 365
RENEW_SECONDS = 30 * 86400  # a self-signed pair that has less left is drawn anew
OWN_NAMES = "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1"


def pair(home, env):
    """(certificate, key) as paths, checked; None for plain http. Makes the self-signed pair when it is asked for and not there."""
    given = env.get("RB_TLS_CERT", ""), env.get("RB_TLS_KEY", "")
    wish = env.get("RB_TLS", "")
    if wish not in ("", "self"):
        raise Refusal(f"RB_TLS is {wish!r}; it is `self` for a self-signed certificate, or not set. One of your own: RB_TLS_CERT and RB_TLS_KEY.")
    if not any(given):
        return self_signed(home) if wish else None
    if not all(given):
        missing = "RB_TLS_KEY" if given[0] else "RB_TLS_CERT"
        raise Refusal(f"For TLS both RB_TLS_CERT and RB_TLS_KEY are needed; {missing} is not set.")
    if wish:
        raise Refusal("RB_TLS=self and RB_TLS_CERT exclude each other: choose one certificate.")
    paths = pathlib.Path(given[0]), pathlib.Path(given[1])
    check(*paths)
    return paths


def check(cert, key):
    """Refuses what nginx would refuse later, in a log, and a key that others can read."""
    for name, path in (("RB_TLS_CERT", cert), ("RB_TLS_KEY", key)):
        if not path.is_absolute():
            raise Refusal(f"{name} is {str(path)!r}; it must be a whole path.")
        if not path.is_file() or not os.access(path, os.R_OK):
            raise Refusal(f"{name} names {path}, which is no file that you can read.")
    mode = key.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refusal(f"{key} can be read by others (mode {stat.S_IMODE(mode):04o}); a private key is for its owner only: chmod 600 {key}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=refuse_password)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise Refusal(f"{cert} and {key} are no certificate with its key, both PEM and the key without a password: {error}.") from error
    if not lasts(cert, 0):
        raise Refusal(f"The certificate {cert} has expired.")


def refuse_password():
    raise ValueError("the key asks for a password")


def openssl(*words):
    path = shutil.which("openssl", path=os.environ.get("PATH", "") + ":/usr/bin")
    if not path:
        raise Refusal("openssl is not installed; run `make deps` first.")
    return subprocess.run([path, *map(str, words)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def lasts(cert, seconds):
    """True when a certificate is still good in so many seconds."""
    return openssl("x509", "-in", cert, "-noout", "-checkend", seconds).returncode == 0


def self_signed(home):
    """The self-signed pair of this cluster; drawn at the first call and again before it expires. It says who runs here to nobody who has not been told its fingerprint."""
    cert, key = home.key.parent / "portal.crt", home.key.parent / "portal.key"
    if cert.exists() and key.exists() and lasts(cert, RENEW_SECONDS):
        return cert, key
    fresh = cert.with_suffix(".crt.new"), key.with_suffix(".key.new")
    host = socket.gethostname()
    names = OWN_NAMES + (f",DNS:{host}" if host.replace("-", "").replace(".", "").isalnum() and host.isascii() else "")
    done = openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-sha256", "-days", DAYS, "-subj", "/CN=Ringbinder",
                   "-addext", f"subjectAltName={names}", "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
                   "-out", fresh[0], "-keyout", fresh[1])
    if done.returncode != 0:
        raise Refusal(f"openssl could not make a certificate: {done.stderr.strip()}")
    fresh[1].chmod(0o600)
    fresh[1].replace(key)
    fresh[0].replace(cert)
    return cert, key


def trust(cert):
    """How a program of ours asks a front of ours: that certificate and no other. Which name it is for does not matter on the way from here to here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cert)
    return context
