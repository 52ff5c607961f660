"""nginx's files, made from the templates in nginx/: the @NAMES@ of *.conf.in are replaced, *.conf are copied."""
import ipaddress
import os
import re
import resource

from clusterlib import peers_tls, tls
from clusterlib.home import ROOT, Refusal, setting, write_atomic

UPLOAD_MAX_BYTES = 1 << 31
FORM_BYTES = 64 << 10  # what a multipart form may add around the file
DESCRIPTORS = 8192
HSTS_SECONDS = 365 * 86400
LOOPBACK = "127.0.0.0/8 ::1/128"


def networks(env, name, default):
    """Lines for nginx's geo: the networks of RB_EXEMPT (not limited one by one) or RB_PROXIES (whose X-Remote-User is passed on)."""
    try:
        found = [ipaddress.ip_network(word) for word in env.get(name, default).split()]
    except ValueError as error:
        raise Refusal(f"{name} is a list of networks such as {LOOPBACK!r}: {error}.") from error
    return " ".join(f"{network} 1;" for network in found)


def host(env):
    """The address nginx listens at. Beyond this machine only with TLS, its own or a listed proxy's."""
    text = env.get("RB_LISTEN", "127.0.0.1")
    try:
        address = ipaddress.ip_address(text)
    except ValueError as error:
        raise Refusal(f"RB_LISTEN is {text!r}; it takes a numeric address, such as 127.0.0.1 or 0.0.0.0.") from error
    if not address.is_loopback and not env.get("RB_TLS_CERT") and not env.get("RB_TLS") and not env.get("RB_PROXIES"):
        raise Refusal(f"RB_LISTEN={text} opens the portal to other machines; that takes TLS: RB_TLS_CERT and RB_TLS_KEY, RB_TLS=self, or RB_PROXIES.")
    return f"[{address}]" if address.version == 6 else str(address)


def url(port, env):
    """Where this machine finds the portal."""
    listen = host(env)
    near = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(listen, listen)
    scheme = "https" if env.get("RB_TLS_CERT") or env.get("RB_TLS") else "http"
    return f"{scheme}://{near}:{port}"


def encryption(home, port, env):
    """What stands for the names that have to do with TLS."""
    pair = tls.pair(home, env)
    plain_port = setting(env, "RB_HTTP_PORT", 0, 0, 65535)
    if plain_port and not pair:
        raise Refusal("RB_HTTP_PORT is the port that sends people to https; without TLS there is nowhere to send them.")
    return {
        "LISTEN": f"{host(env)}:{port}" + (" ssl http2" if pair else ""),
        "TLS": "include tls.conf;" if pair else "",
        "TLS_CERT": pair[0] if pair else "",
        "TLS_KEY": pair[1] if pair else "",
        # A browser that was told to stay with https would do so for every port of `localhost`, so a self-signed certificate does not say it.
        "HSTS": f"max-age={HSTS_SECONDS}" if pair and env.get("RB_TLS_CERT") else "",
        "REDIRECT": "include redirect.conf;" if plain_port else "",
        "HTTP_LISTEN": f"{host(env)}:{plain_port}",
        "HTTPS_PORT": "" if port == 443 else f":{port}",
    }


def values(home, port, env):
    """What stands for each @NAME@ in a cluster of `make up`."""
    file_max = setting(env, "RB_UPLOAD_MAX_BYTES", UPLOAD_MAX_BYTES, 1, 1 << 50)
    logins = setting(env, "RB_LOGINS_PER_MIN", 5, 1, 6000)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return {
        "USER": "user root;" if os.getuid() == 0 else "",
        "NOFILE": DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard),
        "STATE": home.nginx,
        "ERROR_LOG": f'"{home.log("nginx")}"',
        "ACCESS_LOG": f'"{home.log("access")}"',
        "WWW": ROOT / "www",
        "FILE_MAX": file_max,
        "FORM_MAX": file_max + FORM_BYTES,
        "API": f'server "unix:{home.sockets / "api-1.sock"}";',
        "EXEMPT": networks(env, "RB_EXEMPT", LOOPBACK),
        "NEAR": "",
        "PROXIES": networks(env, "RB_PROXIES", ""),
        "CONNECTIONS": setting(env, "RB_CONNECTIONS", 20, 1, 65535),
        "CHANGES": setting(env, "RB_CHANGES_PER_S", 2, 1, 10000),
        "CHANGES_BURST": 10,
        "LOGINS": logins,
        "LOGIN_WAIT": -(-60 // logins),
        **encryption(home, port, env),
        **dict(zip(("NODES_CA", "NODES_CERT", "NODES_KEY"), peers_tls.pair(home, peers_tls.FRONT) if peers_tls.wanted(env) else ("", "", ""))),
    }


def fill(template, table):
    """The template with each @NAME@ replaced; a name without a value is a mistake of ours."""
    def value(match):
        if match[1] not in table:
            raise Refusal(f"The nginx template asks for @{match[1]}@, which has no value.")
        return str(table[match[1]])
    return re.sub("@([A-Z_]+)@", value, template)


def render(home, port, env):
    """Writes nginx's files into $RB_HOME/nginx; the path of nginx.conf."""
    table = values(home, port, env)
    by_tls = peers_tls.wanted(env)
    for source in sorted((ROOT / "nginx").glob("*.conf*")):
        if source.name == ("nodes.conf" if by_tls else "nodes_tls.conf.in"):
            continue  # one of the two is how nodes are asked
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".in":
            text = fill(text, table)
        write_atomic(home.nginx / source.name.removesuffix(".in").replace("nodes_tls", "nodes"), text)
    return home.nginx / "nginx.conf"
