"""A machine outside of the peers' network: programs that may connect to one port of this machine, the front's, while all others refuse or stay silent."""
import os
import subprocess

SOURCE = r"""
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* OUTSIDE_FRONT: the port that can be reached. OUTSIDE_DEAF: the port that all others lead to; without it they refuse. */
int connect(int fd, const struct sockaddr *to, socklen_t len)
{
    int (*next)(int, const struct sockaddr *, socklen_t) = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
    const char *front = getenv("OUTSIDE_FRONT"), *deaf = getenv("OUTSIDE_DEAF");
    struct sockaddr_in a;

    if (to->sa_family != AF_INET || len < sizeof a)
        return next(fd, to, len);
    memcpy(&a, to, sizeof a);
    if (front && ntohs(a.sin_port) == atoi(front))
        return next(fd, to, len);
    if (!deaf) {
        errno = ECONNREFUSED;
        return -1;
    }
    a.sin_port = htons((unsigned short)atoi(deaf));
    return next(fd, (const struct sockaddr *)&a, sizeof a);
}
"""


def environment(folder, front_port, deaf_port=None):
    """The variables that put a program there; the library is made in `folder`."""
    library = folder / "outside.so"
    if not library.exists():
        subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-x", "c", "-o", str(library), "-", "-ldl"], input=SOURCE, text=True, check=True)
    return {"LD_PRELOAD": str(library), "OUTSIDE_FRONT": str(front_port), **({"OUTSIDE_DEAF": str(deaf_port)} if deaf_port else {}),
            "PATH": os.environ["PATH"]}
