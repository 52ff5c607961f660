"""nginx's files, made from the templates in nginx/: the @NAMES@ of *.conf.in are replaced, *.conf are copied."""
import ipaddress
import os
import re
import resource

from clusterlib.home import ROOT, Refusal, setting, write_atomic

UPLOAD_MAX_BYTES = 1 << 31
FORM_BYTES = 64 << 10  # what a multipart form may add around the file
DESCRIPTORS = 8192
LOOPBACK = "127.0.0.0/8 ::1/128"


def exempt(env):
    """Lines for nginx's geo: the networks whose addresses are not limited one by one."""
    try:
        networks = [ipaddress.ip_network(word) for word in env.get("RB_EXEMPT", LOOPBACK).split()]
    except ValueError as error:
        raise Refusal(f"RB_EXEMPT is a list of networks such as {LOOPBACK!r}: {error}.") from error
    return " ".join(f"{network} 1;" for network in networks)


def values(home, port, env):
    """What stands for each @NAME@ in a cluster of `make up`."""
    file_max = setting(env, "RB_UPLOAD_MAX_BYTES", UPLOAD_MAX_BYTES, 1, 1 << 50)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return {
        "USER": "user root;" if os.getuid() == 0 else "",
        "NOFILE": DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard),
        "STATE": home.nginx,
        "ERROR_LOG": f'"{home.log("nginx")}"',
        "ACCESS_LOG": f'"{home.log("access")}"',
        "LISTEN": f"127.0.0.1:{port}",
        "WWW": ROOT / "www",
        "FILE_MAX": file_max,
        "FORM_MAX": file_max + FORM_BYTES,
        "API": f'server "unix:{home.sockets / "api-1.sock"}";',
        "EXEMPT": exempt(env),
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
    for source in sorted((ROOT / "nginx").glob("*.conf*")):
        text = source.read_text(encoding="utf-8")
        if source.suffix == ".in":
            text = fill(text, table)
        write_atomic(home.nginx / source.name.removesuffix(".in"), text)
    return home.nginx / "nginx.conf"
