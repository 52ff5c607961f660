/* The nonces of the last minute: a hash table to find one, and a wheel of seconds to forget them when their window is over.
 *
 * A signature made at time t is refused from t + SIGN_WINDOW_MS on, so its nonce is kept through the second in which that moment lies. The table
 * grows with what is in it, up to SIGN_NONCES_MAX. Links are indices, so that growing may move the entries. */
#include "lib/sign/internal.h"

#include "lib/base/num.h"

#include <stdlib.h>
#include <string.h>

#define NONCE_BYTES 16
#define NONE UINT32_MAX
/* More seconds than a nonce can be kept: 30 s behind plus 30 s ahead of now, and both ends. */
#define WHEEL_SECONDS 64u
#define FIRST_CAPACITY 1024u

struct entry {
    uint8_t nonce[NONCE_BYTES];
    uint32_t next_hash;  /* in the same chain, or the next free entry */
    uint32_t next_wheel; /* that ends in the same second */
};

struct sign_nonces {
    pthread_mutex_t lock; /* guards everything below */
    struct entry *entries;
    uint32_t *chains; /* capacity of them: a power of two */
    uint32_t capacity, free;
    uint32_t wheel[WHEEL_SECONDS];
    uint64_t swept_s; /* nonces that end at or before this second are forgotten */
};

static uint32_t chain_of(const struct sign_nonces *n, const uint8_t *nonce)
{
    /* Only holders of the key get a nonce in here, and they draw it at random: any 32 bits of it are a good hash. */
    return num_load_be32(nonce) & (n->capacity - 1);
}

struct sign_nonces *sign_nonces_new(void)
{
    struct sign_nonces *n = calloc(1, sizeof *n);

    if (!n)
        return NULL;
    pthread_mutex_init(&n->lock, NULL);
    n->free = NONE;
    memset(n->wheel, 0xff, sizeof n->wheel);
    return n;
}

void sign_nonces_free(struct sign_nonces *n)
{
    if (!n)
        return;
    pthread_mutex_destroy(&n->lock);
    free(n->entries);
    free(n->chains);
    free(n);
}

/* Links an entry into its chain. */
static void link_chain(struct sign_nonces *n, uint32_t i)
{
    uint32_t chain = chain_of(n, n->entries[i].nonce);

    n->entries[i].next_hash = n->chains[chain];
    n->chains[chain] = i;
}

/* Doubles the capacity. Called only when every entry is in use, so all are linked again. */
static enum err grow(struct sign_nonces *n)
{
    uint32_t capacity = n->capacity ? n->capacity * 2 : FIRST_CAPACITY;
    struct entry *entries;
    uint32_t *chains;

    if (capacity > SIGN_NONCES_MAX)
        return ERR_UNAVAILABLE;
    chains = malloc(capacity * sizeof *chains);
    if (!chains)
        return ERR_UNAVAILABLE;
    entries = realloc(n->entries, capacity * sizeof *entries);
    if (!entries) {
        free(chains);
        return ERR_UNAVAILABLE;
    }
    memset(chains, 0xff, capacity * sizeof *chains);
    free(n->chains);
    n->chains = chains;
    n->entries = entries;
    for (uint32_t i = n->capacity; i < capacity; i++) {
        entries[i].next_hash = n->free;
        n->free = i;
    }
    uint32_t old = n->capacity;
    n->capacity = capacity;
    for (uint32_t i = 0; i < old; i++)
        link_chain(n, i);
    return ERR_OK;
}

static void forget(struct sign_nonces *n, uint32_t i)
{
    uint32_t *link = &n->chains[chain_of(n, n->entries[i].nonce)];

    while (*link != i)
        link = &n->entries[*link].next_hash;
    *link = n->entries[i].next_hash;
    n->entries[i].next_hash = n->free;
    n->free = i;
}

/* Forgets what ended before the second now_s. The wheel turns at most once round: after a longer pause everything in it has ended. */
static void sweep(struct sign_nonces *n, uint64_t now_s)
{
    uint64_t last_s = now_s - 1;
    uint64_t first_s;

    if (now_s == 0 || last_s <= n->swept_s)
        return;
    first_s = last_s - n->swept_s >= WHEEL_SECONDS ? last_s - WHEEL_SECONDS + 1 : n->swept_s + 1;
    for (uint64_t s = first_s; s <= last_s; s++) {
        uint32_t *head = &n->wheel[s % WHEEL_SECONDS];
        while (*head != NONE) {
            uint32_t i = *head;
            *head = n->entries[i].next_wheel;
            forget(n, i);
        }
    }
    n->swept_s = last_s;
}

static int is_known(const struct sign_nonces *n, const uint8_t *nonce)
{
    if (n->capacity == 0)
        return 0;
    for (uint32_t i = n->chains[chain_of(n, nonce)]; i != NONE; i = n->entries[i].next_hash) {
        if (memcmp(n->entries[i].nonce, nonce, NONCE_BYTES) == 0)
            return 1;
    }
    return 0;
}

static enum err remember(struct sign_nonces *n, const uint8_t *nonce, uint64_t end_s)
{
    uint32_t i;

    if (n->free == NONE) {
        enum err e = grow(n);
        if (e)
            return e;
    }
    i = n->free;
    n->free = n->entries[i].next_hash;
    memcpy(n->entries[i].nonce, nonce, NONCE_BYTES);
    link_chain(n, i);
    n->entries[i].next_wheel = n->wheel[end_s % WHEEL_SECONDS];
    n->wheel[end_s % WHEEL_SECONDS] = i;
    return ERR_OK;
}

enum err nonces_use(struct sign_nonces *n, const char *nonce, uint64_t time_ms, uint64_t now_ms)
{
    uint64_t end_s = (time_ms + SIGN_WINDOW_MS) / 1000;
    uint8_t bytes[NONCE_BYTES];
    enum err e;

    if (num_unhex(nonce, bytes, sizeof bytes))
        return ERR_AUTH;
    pthread_mutex_lock(&n->lock);
    sweep(n, now_ms / 1000);
    /* Our clock went back: this signature is within its window again, but whether it was used is forgotten. */
    if (end_s <= n->swept_s)
        e = ERR_CLOCK;
    else if (is_known(n, bytes))
        e = ERR_AUTH;
    else
        e = remember(n, bytes, end_s);
    pthread_mutex_unlock(&n->lock);
    return e;
}
