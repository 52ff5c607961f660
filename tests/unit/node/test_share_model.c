/* Random changes of a folder, by two threads at once and while files are read over HTTP: in the end the list is the folder, and nothing that was read was ever a mixture. */
#include "tests/unit/node/peerbox.h"

#include "lib/base/log.h"

#define NAMES 60
/* What takes one second as people run it takes a sanitizer ten. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEPS 400
#else
#define STEPS 1500
#endif
#define WRITERS 2
#define READERS 4
#define BIG (300u << 10)

struct worker {
    struct box *box;
    unsigned seed,
        first; /* a writer's names are its own, every WRITERS-th from the first, so that one file has one writer; folders are everybody's */
    atomic_int *stop;
    int whole, broken; /* downloads */
    int mixed;
};

static void make_name(unsigned n, char name[64])
{
    snprintf(name, 64, "%c%s/f%02u", 'a' + n % 3, n % 2 ? "/sub" : "", n);
}

/* Eight digits that say how many bytes there are, and all the others equal. */
static void write_kind(const char *path, unsigned kind, int slowly)
{
    size_t size = 16 + kind % BIG;
    char *text = malloc(size + 1);
    snprintf(text, 9, "%08zu", size);
    memset(text + 8, (int)('a' + kind % 26), size - 8);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0) {
        assert_ok(fs_write_all(fd, text, size / 2));
        if (slowly)
            clock_sleep_ms(kind % 40);
        assert_ok(fs_write_all(fd, text + size / 2, size - size / 2));
        close(fd);
    }
    free(text);
}

static void change(struct worker *w)
{
    const struct box *b = w->box;
    unsigned *seed = &w->seed;
    char name[64], other[64], from[512], to[512];
    unsigned r = (unsigned)rand_r(seed);
    make_name((unsigned)rand_r(seed) % (NAMES / WRITERS) * WRITERS + w->first, name);
    make_name((unsigned)rand_r(seed) % (NAMES / WRITERS) * WRITERS + w->first, other);
    snprintf(from, sizeof(from), "%s/%s", b->share, name);
    snprintf(to, sizeof(to), "%s/%s", b->share, other);
    switch (r % 12) {
    case 0:
    case 1: (void)unlink(from); break;
    case 2:
    case 3: (void)rename(from, to); break;
    case 4: /* a download that ends */
        snprintf(to, sizeof(to), "%s/%s.part", b->share, name);
        write_kind(to, (unsigned)rand_r(seed), 0);
        (void)rename(to, from);
        break;
    case 5: /* a whole folder to another name, and back or not */
        snprintf(from, sizeof(from), "%s/%c", b->share, 'a' + (int)(r / 12 % 3));
        snprintf(to, sizeof(to), "%s/%s", b->share, r / 36 % 2 ? "elsewhere" : ".hidden");
        (void)rename(from, to);
        if (r / 72 % 2)
            clock_sleep_ms(3);
        (void)rename(to, from);
        (void)mkdir(from, 0755);
        snprintf(from, sizeof(from), "%s/%c/sub", b->share, 'a' + (int)(r / 12 % 3));
        (void)mkdir(from, 0755);
        break;
    default: write_kind(from, (unsigned)rand_r(seed), r / 12 % 4 == 0);
    }
}

static void *write_on(void *ctx)
{
    struct worker *w = ctx;
    for (int i = 0; i < STEPS; i++) {
        change(w);
        if (rand_r(&w->seed) % 8 == 0)
            clock_sleep_ms((unsigned)rand_r(&w->seed) % 10);
    }
    return NULL;
}

/* What one write left, whole. */
static int is_pure(const char *data, size_t n)
{
    if (n < 16 || strtoul(data, NULL, 10) != n)
        return 0;
    for (size_t i = 9; i < n; i++)
        if (data[i] != data[8])
            return 0;
    return 1;
}

static void *read_on(void *ctx)
{
    struct worker *w = ctx;
    struct peer *peer = peer_new(w->box->api_keys, NULL);
    char name[64], path[256], url[64];
    snprintf(url, sizeof(url), "http://%s", w->box->listen);
    while (!*w->stop) {
        make_name((unsigned)rand_r(&w->seed) % NAMES, name);
        snprintf(path, sizeof(path), "/files/%c%%2F%s%s", name[0], strstr(name, "sub") ? "sub%2F" : "", strrchr(name, '/') + 1);
        struct peer_call call = {.base_url = url, .to = w->box->id, .method = "GET", .path = path, .answer_max = BIG + 1000};
        assert_ok(peer_call(peer, &call, 5000));
        if (call.error) {
            w->broken++;
        } else if (call.status == 200) {
            w->whole++;
            if (!is_pure(call.answer.data, call.answer.len) && !w->mixed++)
                print_message("%s: %zu bytes of which the first are %.20s\n", path, call.answer.len, buf_str(&call.answer));
        }
        peer_calls_release(&call, 1);
    }
    peer_free(peer);
    return NULL;
}

/* The folder as find(1) sees it, sorted as the list is. */
static void check_folder(struct box *b)
{
    char command[640], line[512];
    struct shared_digest want = {{0}};
    char hex[SHARED_DIGEST_HEX_SIZE], got[SHARED_DIGEST_HEX_SIZE];
    uint64_t files, n = 0;
    snprintf(command, sizeof(command), "cd %s && find . -name '.?*' -prune -o -type f ! -name '*.part' -printf '%%P\\n'", b->share);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    while (fgets(line, sizeof(line), out)) {
        struct stat st;
        struct share_stat listed;
        uint8_t hash[HASH_SIZE];
        line[strcspn(line, "\n")] = '\0';
        struct shared_file f = {.name = line};
        assert_int_equal(stat(box_path(b, line), &st), 0);
        struct share_stat now = share_stat_of(&st);
        assert_ok(share_list_get(share_files(b->node.share), line, &listed, f.sha256));
        assert_true(share_stat_same(&now, &listed));
        int fd = open(box_path(b, line), O_RDONLY);
        assert_ok(hash_fd(fd, hash, NULL));
        close(fd);
        f.size = now.size;
        f.mtime_ms = now.mtime_ns / 1000000u;
        num_hex(hash, HASH_SIZE, f.sha256);
        shared_digest_toggle(&want, &f);
        n++;
    }
    pclose(out);
    share_list_sum(share_files(b->node.share), &files, got);
    shared_digest_hex(&want, hex);
    assert_int_equal(files, n);
    assert_string_equal(got, hex);
    print_message("%llu files in the end\n", (unsigned long long)n);
}

static void await_all_hashed(struct box *b)
{
    char before[SHARED_DIGEST_HEX_SIZE] = "", now[SHARED_DIGEST_HEX_SIZE] = "?";
    uint64_t files;
    for (int same = 0; same < 4; same = strcmp(before, now) == 0 ? same + 1 : 0) {
        memcpy(before, now, sizeof(before));
        clock_sleep_ms(400);
        share_list_sum(share_files(b->node.share), &files, now);
    }
}

static void the_list_ends_equal_to_the_folder_and_no_download_is_a_mixture(void **state)
{
    struct box *b = *state;
    struct worker writers[WRITERS], readers[READERS];
    pthread_t threads[WRITERS + READERS];
    atomic_int stop = 0;
    unsigned seed;
    int whole = 0, broken = 0;
    static const char *const dirs[] = {"a", "b", "c", "a/sub", "b/sub", "c/sub"};
    id_random(&seed, sizeof(seed));
    print_message("seed %u\n", seed);
    for (size_t i = 0; i < 6; i++)
        box_mkdir(b, dirs[i]);
    box_start(b);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct worker){.box = b, .seed = seed + i, .first = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_on, &writers[i]), 0);
    }
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct worker){.box = b, .seed = seed + 100 + i, .stop = &stop};
        assert_int_equal(pthread_create(&threads[WRITERS + i], NULL, read_on, &readers[i]), 0);
    }
    for (size_t i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    stop = 1;
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(threads[WRITERS + i], NULL);
        assert_int_equal(readers[i].mixed, 0);
        whole += readers[i].whole;
        broken += readers[i].broken;
    }
    print_message("%d whole downloads, %d broken off\n", whole, broken);
    await_all_hashed(b);
    check_folder(b);
    box_await_told(b);
    assert_int_equal(b->wholes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_list_ends_equal_to_the_folder_and_no_download_is_a_mixture, box_setup, box_teardown),
    };
    log_init("test", LOG_ERROR);
    if (peer_global_init() != ERR_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
