#include "lib/base/limits.h"

#include "lib/base/buf.h"
#include "lib/base/fs.h"
#include "lib/base/num.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUP_FILE_MAX 16384u /* /proc/self/cgroup: a line for each hierarchy */
#define PATH_SIZE 4096
#define HEAPS 2
#define NICER 10
#define MAPPED_BYTES (128 << 10)      /* glibc would raise this by itself */
#define UNBOUNDED (UINT64_C(1) << 62) /* version 1 says "none" by a number near 2^63 */

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t soft_limit(int resource)
{
    struct rlimit l;
    return getrlimit((__rlimit_resource_t)resource, &l) != 0 || l.rlim_cur == RLIM_INFINITY ? LIMITS_NONE : (uint64_t)l.rlim_cur;
}

/* One line with a number; "max" and what is not there are none. */
static uint64_t read_limit(const char *path)
{
    char line[32];
    uint64_t value = LIMITS_NONE;
    FILE *f = fopen(path, "re");
    if (!f)
        return LIMITS_NONE;
    if (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (num_parse_u64(line, UNBOUNDED, &value))
            value = LIMITS_NONE;
    }
    fclose(f);
    return value;
}

/* The limits of a group and of those above it, up to the root, which may be a namespace's own: then the container's limit stands there. */
static uint64_t groups_up(const char *root, const char *controller, const char *group, const char *file)
{
    char at[PATH_SIZE], path[2 * PATH_SIZE];
    uint64_t least = LIMITS_NONE;
    if (strlen(group) >= sizeof at)
        return LIMITS_NONE;
    snprintf(at, sizeof at, "%s", group);
    for (;;) {
        char *slash = strrchr(at, '/');
        if (snprintf(path, sizeof path, "%s%s%s/%s", root, controller, slash && slash[1] ? at : "", file) < (int)sizeof path)
            least = smaller(least, read_limit(path));
        if (!slash || !slash[1])
            return least;
        slash[slash == at] = '\0';
    }
}

/* A line is "0::/path" in version 2, "4:memory:/path" in version 1. */
static uint64_t group_line(char *line, const char *root)
{
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path)
        return LIMITS_NONE;
    *path++ = '\0';
    controllers++;
    if (*controllers == '\0')
        return groups_up(root, "", path, "memory.max");
    if (strcmp(controllers, "memory") == 0)
        return groups_up(root, "/memory", path, "memory.limit_in_bytes");
    return LIMITS_NONE;
}

uint64_t limits_group_memory(const char *group, const char *root)
{
    char text[GROUP_FILE_MAX], *left = text, *line;
    uint64_t least = LIMITS_NONE;
    snprintf(text, sizeof text, "%s", group);
    while ((line = strsep(&left, "\n")))
        least = smaller(least, group_line(line, root));
    return least;
}

static uint64_t own_group_memory(void)
{
    struct buf text;
    buf_init(&text, GROUP_FILE_MAX - 1);
    uint64_t least = fs_read_file("/proc/self/cgroup", &text) ? LIMITS_NONE : limits_group_memory(buf_str(&text), "/sys/fs/cgroup");
    buf_release(&text);
    return least;
}

void limits_read(struct limits *out)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    cpu_set_t mine;
    out->processors = sched_getaffinity(0, sizeof(mine), &mine) == 0 ? (unsigned)CPU_COUNT(&mine) : 1u;
    out->descriptors = soft_limit(RLIMIT_NOFILE);
    out->memory_bytes = smaller(smaller(soft_limit(RLIMIT_DATA), soft_limit(RLIMIT_AS)), own_group_memory());
}

static uint64_t fit(uint64_t all, uint64_t base, uint64_t each)
{
    return all > base ? (all - base) / each : 0;
}

uint64_t limits_fit(const struct limits *l, struct limits_cost base, struct limits_cost each, uint64_t wanted)
{
    return smaller(wanted, smaller(fit(l->descriptors, base.descriptors, each.descriptors), fit(l->memory_bytes, base.bytes, each.bytes)));
}

void limits_tame_memory(size_t stack_bytes)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    if (pthread_attr_setstacksize(&attr, stack_bytes + LIMITS_STACK_MORE) == 0)
        pthread_setattr_default_np(&attr);
    pthread_attr_destroy(&attr);
    mallopt(M_ARENA_MAX, HEAPS);
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
    mallopt(M_TRIM_THRESHOLD, 2 * MAPPED_BYTES);
}

void limits_give_back(void)
{
    malloc_trim(0);
}

void limits_give_way(void)
{
    id_t self = (id_t)syscall(SYS_gettid); /* Linux has a nice value for each thread */
    setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + NICER);
}
