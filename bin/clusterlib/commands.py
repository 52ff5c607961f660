"""The commands of bin/cluster."""
import argparse
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

from clusterlib import access, admin, frontend, process, roles
from clusterlib.home import ROOT, Home, Refusal, port_is_free, setting

START_SECONDS = 30   # one process, sanitizers and a cold disk included
READY_SECONDS = 60   # the whole cluster
JOIN_SECONDS = 600   # a new node: its share of all files is copied to it first
LEADER_SECONDS = 5
TAIL_LINES = 15


# ---- starting

def tail(home, name):
    """The end of a process's log, for whoever has to find out why it died."""
    try:
        lines = home.log(name).read_text(errors="replace").splitlines()[-TAIL_LINES:]
    except FileNotFoundError:
        lines = []
    return "\n".join([f"--- the end of {home.log(name)}", *lines])


def settle_port(home, name, role, others):
    """Sees to it that a node's or coordinator's port is free: it may have been taken while the process was down."""
    if role not in ("coordinator", "node"):
        return
    deadline = time.monotonic() + 2  # the kernel may still be closing what was killed a moment ago
    while not port_is_free(home.port(name)):
        if time.monotonic() > deadline:
            if role == "coordinator" and any(process.running(row) for row in others):
                raise Refusal(f"Port {home.port(name)} of {name} was taken by another program. `make down` and `make up` choose another.")
            home.port(name, anew=True)
        time.sleep(0.05)


def launch(home, name, env):
    """Starts one process unless it runs; the caller holds the lock."""
    state = home.state()
    if process.running(state.get(name)):
        return
    process.end([row for row in [state.get(name)] if row])  # a killed nginx leaves workers behind
    role = roles.role_of(name)
    settle_port(home, name, role, state.values())
    row = roles.entry(home, name, env)
    row.update(process.spawn(roles.COMMANDS[role](home, name, env), home.log(name), env))
    home.save({**state, name: row})


def await_ready(home, names, seconds):
    """Returns when all of these do their work; fails with the log of one that ended or does not."""
    deadline = time.monotonic() + seconds
    for name in names:
        row = home.state()[name]
        while not roles.ready(row):
            process.reap()
            if not process.running(row):
                raise Refusal(f"{name} ended while starting.\n{tail(home, name)}")
            if time.monotonic() > deadline:
                raise Refusal(f"{name} is not ready after {seconds} s.\n{tail(home, name)}")
            time.sleep(0.05)


def check_frontend_port(home, env):
    """nginx's port is the only one that people know, so it is never chosen for them."""
    port = setting(env, "RB_PORT", roles.PORT, 1024, 65535)
    row = home.state().get("nginx")
    if process.running(row):
        return
    process.end([row] if row else [])
    if not port_is_free(port):
        raise Refusal(f"Port {port} on 127.0.0.1 is used by another program. Choose another: RB_PORT={port + 1} make up")


def check_reach(home):
    """Root without capabilities may read less than root: says so before ten logs do."""
    done = subprocess.run([*process.wrapper(), "sh", "-c", 'for path; do [ -r "$path" ] && [ -x "$path" ] || { echo "$path"; exit 1; }; done', "sh",
                           str(ROOT / "www"), str(home.bin), str(home.path)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refusal(f"{done.stdout.strip() or done.stderr.strip()} cannot be read by the cluster's processes, which run as you but without root's\n"
                      "capabilities. Open that folder and those above it (chmod o+rx), or run this as their owner.")


def prepare(home, env):
    """Everything that a first start needs and a later one finds."""
    roles.make_key(home)
    founders = setting(env, "RB_NODES", 3, 1, 64)
    copies = setting(env, "RB_K", 3, 1, 9)
    frontend.values(home, setting(env, "RB_PORT", roles.PORT, 1024, 65535), env)  # a certificate that is not fit is refused before anything runs
    for name in ("RB_INDEX_PORT", "RB_NODE_OBTAIN_PORT"):  # said now, not when a process starts that needs it
        setting(env, name, 0, 0, 65535)
    nodes = home.names("node", founders)
    for name in nodes:
        roles.init_node(home, name)
    roles.found(home, nodes, copies)
    return {"redis": [] if env.get("RB_REDIS") else ["redis"], "coordinator": home.names("coordinator", setting(env, "RB_COORDINATORS", 2, 1, 9)),
            "node": nodes, "api": ["api-1"], "nginx": ["nginx"]}


def await_quorum(home, url):
    """Waits until the whole answers: a write quorum can be met."""
    deadline = time.monotonic() + READY_SECONDS
    while (answer := roles.ask(url + "/readyz"))[0] != 200:
        process.reap()
        for name, row in home.state().items():
            if not process.running(row):
                raise Refusal(f"{name} ended while the cluster was starting.\n{tail(home, name)}")
        if time.monotonic() > deadline:
            raise Refusal(f"The cluster is not ready after {READY_SECONDS} s; {url}/readyz says {answer[0]}: {answer[1].strip()}\n{tail(home, 'api-1')}")
        time.sleep(0.1)


def await_leader(home, url):
    """Gives the coordinators a moment to choose: nothing needs a leader yet, but who looks at a new cluster expects one."""
    deadline = time.monotonic() + LEADER_SECONDS
    while not roles.cluster(home, url).get("leader") and time.monotonic() < deadline:
        time.sleep(0.05)


def await_index(home, url):
    """Gives the leader the time to find the index good, or to rebuild it: one file is found without it, lists are not."""
    deadline = time.monotonic() + READY_SECONDS
    while roles.cluster(home, url).get("index", "ready") != "ready":
        if time.monotonic() > deadline:
            print("The index is still being rebuilt: lists will say so until it is done.")
            return
        time.sleep(0.1)


def forget_private_redis(home):
    """Ends the private Redis of an earlier `up` and strikes it from cluster.json: the cluster uses another one now."""
    if "redis" in home.state():
        halt(home, ["redis"])
        home.save({name: row for name, row in home.state().items() if name != "redis"})


def up(home, _options):
    home.make()
    with home.locked():
        home.remember_settings()
        env = home.settings()
        check_frontend_port(home, env)
        check_reach(home)
        groups = prepare(home, env)
        password = admin.prepare(home)
        if not groups["redis"]:
            forget_private_redis(home)
        for role in roles.STARTING:
            for name in groups[role]:
                launch(home, name, env)
            await_ready(home, groups[role], START_SECONDS)
        url = home.state()["nginx"]["url"]
        await_quorum(home, url)
        await_leader(home, url)
        await_index(home, url)
        admin.tell(home, url, password)
    counts = ", ".join(f"{len(names)} {role}" + ("s" if len(names) > 1 else "") for role, names in groups.items() if names)
    print(f"Ringbinder runs: {counts}. Its state is in {home.path}; `make down` stops it and keeps all data.")
    print(url)


def start(home, options):
    known(home, options.name)
    with home.locked():
        launch(home, options.name, home.settings())
    await_ready(home, [options.name], START_SECONDS)


# ---- stopping

def known(home, name):
    if name not in home.state():
        raise Refusal(f"There is no process {name!r} in {home.path}; `bin/cluster status` lists them.")


def halt(home, names):
    """Ends processes together and forgets their pids."""
    state = home.state()
    rows = [state[name] for name in names]
    process.end(rows)
    for row in rows:
        row.update(pid=None, started=None, command=None)
    home.save(state)


def stop(home, options):
    known(home, options.name)
    with home.locked():
        halt(home, [options.name])


def down(home, _options):
    if not home.state():
        print(f"Nothing runs in {home.path}.")
        return
    with home.locked():
        for role in roles.ENDING:
            halt(home, [name for name, row in home.state().items() if row["role"] == role])
    print(f"Stopped. All data is kept in {home.path}.")


# ---- the rest

def shared_folder(home, options):
    """The whole path of the folder to share; None when there is none. Never one that leads to the cluster's keys."""
    if options.share is None:
        if options.store == "0":
            raise Refusal("A node that stores nothing (--store 0) needs a folder to share: --share DIR.")
        return None
    folder = os.path.abspath(options.share)
    if not os.path.isdir(folder):
        raise Refusal(f"There is no folder {folder!r} to share.")
    keys, shared = os.path.realpath(home.key.parent), os.path.realpath(folder)
    if os.path.commonpath([keys, shared]) in (keys, shared):
        raise Refusal(f"To share {folder} would give away the cluster's keys in {home.key.parent}.")
    return folder


def add(home, options):
    """A node beyond the founding ones, or one that only shares a folder."""
    if not home.founding.exists():
        raise Refusal("There is no cluster yet; `make up` starts one.")
    folder, stores = shared_folder(home, options), options.store == "1"
    with home.locked():
        name = f"node-{len(home.names('node')) + 1}"
        try:
            roles.init_node(home, name, options.zone)
            home.remember_sharing(name, folder, stores)
            launch(home, name, home.settings())
            await_ready(home, [name], START_SECONDS)
        except BaseException:
            abandon(home, name)
            raise
    if stores:
        await_member(home, name)
    if folder:
        await_peer(home, name)
    print(name)


def abandon(home, name):
    """Takes back a new node that ended before it was ready: the next one gets its name, and no later `up` starts it. One that still runs stays: it may join yet."""
    row = home.state().get(name)
    if not process.running(row):
        process.end([row] if row else [])
        home.forget(name)


def await_peer(home, name):
    """Waits until the index of peers counts a node that shares."""
    row = home.state()[name]
    url = home.state()["nginx"]["url"]
    deadline = time.monotonic() + READY_SECONDS
    while not any(peer["name"] == name and peer["state"] == "here" for peer in roles.peers(home, url)):
        process.reap()
        if not process.running(row):
            raise Refusal(f"{name} ended while it was starting to share.\n{tail(home, name)}")
        if time.monotonic() > deadline:
            raise Refusal(f"{name} runs, but after {READY_SECONDS} s the index of peers does not count it.\n{tail(home, name)}")
        time.sleep(0.1)


def await_member(home, name):
    """Waits until the ring counts a node: it is up, and what falls to it has been copied."""
    row = home.state()[name]
    url = home.state()["nginx"]["url"]
    deadline = time.monotonic() + JOIN_SECONDS
    while True:
        seen = roles.cluster(home, url)
        states = [node["state"] for node in seen.get("nodes", []) if node["name"] == name]
        if "up" in states and seen.get("ring_state", "stable") == "stable":
            return
        process.reap()
        if not process.running(row):
            raise Refusal(f"{name} ended while it joined.\n{tail(home, name)}")
        if time.monotonic() > deadline:
            raise Refusal(f"{name} runs, but after {JOIN_SECONDS} s the ring does not count it: it is {', '.join(states) or 'not listed'}.\n{tail(home, name)}")
        time.sleep(0.1)


def status(home, _options):
    rows = [("PROCESS", "ROLE", "PID", "STATE", "MEMORY", "ADDRESS")]
    for name, row in home.state().items():
        alive = process.running(row)
        condition = "up" if alive and roles.ready(row) else "not ready" if alive else "died" if row["pid"] else "stopped"
        memory = f"{process.resident_kib(row) / 1024:.1f} MiB" if alive else "-"
        rows.append((name, row["role"], str(row["pid"] or "-"), condition, memory, row["url"] or row.get("socket", "-")))
    if len(rows) == 1:
        print(f"There is no cluster in {home.path}; `make up` starts one.")
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]))


def reload(home, _options):
    """A renewed certificate, or other settings of nginx, without a connection lost."""
    known(home, "nginx")
    with home.locked():
        row, env = home.state()["nginx"], home.settings()
        if not process.running(row):
            raise Refusal("nginx does not run; `bin/cluster start nginx` starts it.")
        if roles.entry(home, "nginx", env)["url"] != row["url"]:
            raise Refusal("That changes the portal's address, which takes `bin/cluster stop nginx` and `start nginx`.")
        frontend.render(home, setting(env, "RB_PORT", roles.PORT, 1024, 65535), env)
        os.kill(row["pid"], signal.SIGHUP)
    print(row["url"])


def render_nginx(home, _options):
    home.make()
    env = home.settings()
    print(frontend.render(home, setting(env, "RB_PORT", roles.PORT, 1024, 65535), env))


def redis_users(_home, options):
    folder = pathlib.Path(os.path.abspath(options.folder))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    print(access.prepare(folder))


def parser():
    about = argparse.ArgumentParser(
        prog="bin/cluster", description="One Ringbinder cluster on this machine, in the background.",
        epilog="Settings: RB_HOME (run/ beside the sources) holds all state; RB_PORT (8080) RB_NODES (3) RB_COORDINATORS (2) RB_K (3) "
               "RB_UPLOAD_MAX_BYTES (2147483648) RB_BIN (other programs than build/release/bin). Of the portal: RB_TLS_CERT and RB_TLS_KEY (https with this "
               "certificate and key) or RB_TLS=self (with one of our own), RB_HTTP_PORT (0: a port that sends http to https), RB_LISTEN (127.0.0.1), "
               "RB_CONNECTIONS (20), RB_CHANGES_PER_S (2) and RB_LOGINS_PER_MIN (5), each for one address, RB_EXEMPT (networks without these limits: "
               "127.0.0.0/8 ::1/128), RB_PROXIES (none: proxies whose X-Remote-User is passed on). RB_TLS_PEERS (1: the processes speak TLS with each other, with a CA of "
               "their own). RB_REDIS, RB_REDIS_USER, RB_REDIS_PASSWORD_FILE (a Redis "
               "from outside instead of a private one, as the programs' --redis, --redis-user and --redis-password-file). Of the processes: RB_OUT_AFTER_S "
               "(300: seconds of silence after which a node is taken out of the ring), RB_NODE_MOVE_BYTES_PER_S (67108864), RB_SWEEP_S (600), "
               "RB_PURGE_AFTER_H (720), RB_ADOPT_AFTER (3: downloads after which a file that only peers have is taken into the ring), RB_NODE_LIMIT_RATE "
               "(0: bytes a second that a peer gives), RB_INDEX_PORT and RB_NODE_OBTAIN_PORT (0: ports of the line protocol); all RB_* variables reach them "
               "as they are.")
    words = about.add_subparsers(dest="command", required=True, metavar="COMMAND")
    words.add_parser("up", help="start what is not running and wait until all is ready; the last line is the URL").set_defaults(run=up)
    words.add_parser("down", help="stop everything, keep all data").set_defaults(run=down)
    words.add_parser("status", help="a table of the processes").set_defaults(run=status)
    for word, run, text in (("start", start, "start one process and wait until it is ready"), ("stop", stop, "stop one process")):
        row = words.add_parser(word, help=text)
        row.add_argument("name", metavar="NAME", help="as in cluster.json: nginx, redis, api-1, coordinator-1, node-1, …")
        row.set_defaults(run=run)
    row = words.add_parser("add", help="add a node, wait until the ring counts it and it has its share of the files, print its name")
    row.add_argument("what", choices=["node"])
    row.add_argument("--zone", default="", help="what it shares with its neighbours: a room, a rack")
    row.add_argument("--share", metavar="DIR", help="a folder of its own whose files everybody may find and fetch")
    row.add_argument("--store", choices=["0", "1"], default="1", help="0: it keeps no copies for the ring, it only shares")
    row.set_defaults(run=add)
    words.add_parser("reload", help="give nginx a renewed certificate or other settings without losing a connection").set_defaults(run=reload)
    words.add_parser("render-nginx", help="write nginx's files and print where").set_defaults(run=render_nginx)
    row = words.add_parser("redis-users", help="for a Redis from outside: draw a password for each of its users, write the aclfile, print its path")
    row.add_argument("folder", metavar="DIR", help="where the passwords (redis-USER.password) and redis.acl are; what is there stays")
    row.set_defaults(run=redis_users)
    return about


def main(words):
    """Carries out a command line; the exit status."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # core files would hold keys
    options = parser().parse_args(words)
    try:
        options.run(Home(), options)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0
