#include "node/place.h"

#include "lib/base/fs.h"
#include "lib/base/hash.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define ID_MAX 256
#define SALT "ringbinder place "

static int read_id(const char *path, struct buf *out)
{
    buf_reset(out);
    return fs_read_file(path, out) == ERR_OK && out->len > 1;
}

void place_find(const char *data, char machine[MEMBER_PLACE_MAX], char volume[MEMBER_PLACE_MAX])
{
    struct buf id;
    char text[ID_MAX + MEMBER_PLACE_MAX];
    struct stat st;
    struct statvfs fs;
    machine[0] = volume[0] = '\0';
    buf_init(&id, ID_MAX);
    if (read_id("/etc/machine-id", &id) || read_id("/proc/sys/kernel/random/boot_id", &id)) {
        int n = snprintf(text, sizeof(text), SALT "%s", buf_str(&id));
        hash_sha256_hex(text, (size_t)n, machine);
    }
    buf_release(&id);
    if (machine[0] == '\0' || stat(data, &st) != 0 || statvfs(data, &fs) != 0)
        return;
    int n = snprintf(text, sizeof(text), "%s %llx %lx", machine, (unsigned long long)st.st_dev, fs.f_fsid);
    hash_sha256_hex(text, (size_t)n, volume);
}
