/* Which passwords too many people have. What is built in is the core that no list is needed for: a few stems that people add a year or a number to,
 * and shapes. */
#include "lib/auth/internal.h"

#include "lib/auth/secret.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORD_MIN 8
#define WORD_MAX 64
#define PIECE_MAX 4 /* bytes of what is repeated */
#define AFFIX_MAX 6 /* characters that are no letters around a stem */
#define NAME_MIN 3
#define NAME_MORE 4 /* bytes besides the name that do not make it a password */

struct password_list {
    size_t n;
    uint64_t *hashes; /* sorted */
};

static int is_between(unsigned char c)
{
    return c <= ' ' || c == ',' || c == '"' || c == '\'';
}

/* ---- lists */

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Walks the words of a text and keeps what they hash to, up to `max`, in hashes when that is not NULL. Returns how many there are. */
static size_t read_words(const char *text, size_t len, uint64_t *hashes, size_t max)
{
    size_t n = 0;
    for (size_t at = 0, start = 0; at <= len; at++) {
        if (at < len && !is_between((unsigned char)text[at]))
            continue;
        size_t word = at - start;
        if (word >= WORD_MIN && word <= WORD_MAX) {
            char lower[WORD_MAX];
            auth_lower(text + start, word, lower);
            if (hashes && n < max)
                hashes[n] = hash_ring_point(lower, word);
            n++;
        }
        start = at + 1;
    }
    return n;
}

enum err password_list_new(const char *text, size_t len, struct password_list **out)
{
    size_t n = len > PASSWORD_LIST_BYTES_MAX ? 0 : read_words(text, len, NULL, 0);
    if (len > PASSWORD_LIST_BYTES_MAX || n > PASSWORD_LIST_WORDS_MAX)
        return ERR_TOO_LARGE;
    struct password_list *list = malloc(sizeof(*list));
    uint64_t *hashes = calloc(n ? n : 1, sizeof(*hashes));
    if (!list || !hashes) {
        free(list);
        free(hashes);
        return ERR_NOMEM;
    }
    read_words(text, len, hashes, n);
    qsort(hashes, n, sizeof(*hashes), compare_hashes);
    *list = (struct password_list){n, hashes};
    *out = list;
    return ERR_OK;
}

void password_list_free(struct password_list *list)
{
    if (list)
        free(list->hashes);
    free(list);
}

size_t password_list_count(const struct password_list *list)
{
    return list ? list->n : 0;
}

static int is_listed(const struct password_list *list, const char *lower, size_t len)
{
    if (!list || len > WORD_MAX)
        return 0;
    uint64_t hash = hash_ring_point(lower, len);
    return bsearch(&hash, list->hashes, list->n, sizeof(hash), compare_hashes) != NULL;
}

/* ---- shapes */

/* One short piece over and over: aaaaaaaa, abcabcabc. */
static int is_repeated(const char *s, size_t len)
{
    for (size_t piece = 1; piece <= PIECE_MAX && 2 * piece <= len; piece++)
        if (memcmp(s, s + piece, len - piece) == 0)
            return 1;
    return 0;
}

/* One run, forwards or backwards, along digits, letters or the rows of a keyboard, beginning anew at the end: 34567890, qwertyui, hgfedcba. */
static int is_run(const char *s, size_t len)
{
    static const char *const rows[] = {"1234567890", "0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "q1w2e3r4t5y6u7i8o9p0", "1q2w3e4r5t6y7u8i9o0p"};
    for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
        const char *row = rows[r], *first = strchr(row, s[0]);
        size_t n = strlen(row), i = 0, j = 0;
        if (!first)
            continue;
        size_t at = (size_t)(first - row);
        while (i < len && s[i] == row[(at + i) % n])
            i++;
        while (j < len && s[j] == row[(at + (n - 1) * j) % n])
            j++;
        if (i == len || j == len)
            return 1;
    }
    return 0;
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (unsigned char)c >= 0x80;
}

/* The letter that a digit or sign is often written for, or the character itself. */
static char meant(char c)
{
    switch (c) {
    case '@':
    case '4': return 'a';
    case '3': return 'e';
    case '1':
    case '!': return 'i';
    case '0': return 'o';
    case '$':
    case '5': return 's';
    case '7': return 't';
    default: return c;
    }
}

static int is_stem(const char *s, size_t len)
{
    static const char *const stems[] = {"password", "passwort", "passwd", "passphrase", "pass", "secret", "letmein", "welcome", "qwerty",
        "qwertz", "azerty", "admin", "administrator", "root", "login", "master", "changeme", "default", "guest", "user", "test", "testing",
        "abc", "iloveyou", "monkey", "dragon", "football", "baseball", "sunshine", "princess", "superman", "batman", "trustno", "shadow",
        "michael", "jordan", "spring", "summer", "autumn", "fall", "winter", "january", "february", "march", "april", "may", "june", "july",
        "august", "september", "october", "november", "december", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
        "sunday", "school", "college", "university", "campus", "student", "teacher", "professor", "syllabus", "course", "ringbinder"};
    for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++) {
        size_t at = 0;
        while (at < len && stems[i][at] && meant(s[at]) == stems[i][at])
            at++;
        if (at == len && !stems[i][at])
            return 1;
    }
    return 0;
}

/* A stem with a few digits and signs around it: Password2026!, 123welcome, p@ssw0rd1. Signs at its ends may be meant as letters, so each cut is tried. */
static int is_decorated(const char *s, size_t len)
{
    size_t head_max = 0, tail_max = 0;
    while (head_max < len && head_max < AFFIX_MAX && !is_letter(s[head_max]))
        head_max++;
    while (tail_max < len && tail_max < AFFIX_MAX && !is_letter(s[len - 1 - tail_max]))
        tail_max++;
    for (size_t head = 0; head <= head_max; head++)
        for (size_t tail = 0; tail <= tail_max && head + tail <= AFFIX_MAX && head + tail < len; tail++)
            if (is_stem(s + head, len - head - tail))
                return 1;
    return 0;
}

/* The name, or what stands before its @, and a few bytes more. */
static int is_name(const char *s, size_t len, const char *name)
{
    size_t whole = strlen(name), before = strcspn(name, "@");
    for (int i = 0; i < 2; i++) {
        size_t n = i == 0 ? whole : before;
        if (n >= NAME_MIN && len <= n + NAME_MORE && memmem(s, len, name, n))
            return 1;
    }
    return 0;
}

enum password_fault password_check(const char *password, size_t len, const char *name, const struct password_list *list)
{
    char lower[PASSWORD_BYTES_MAX] = "", lower_name[AUTH_NAME_SIZE] = "";
    if (len > PASSWORD_BYTES_MAX)
        return PASSWORD_LONG;
    if (!text_is_utf8(password, len) || text_has_control(password, len))
        return PASSWORD_TEXT;
    if (text_length(password, len) < PASSWORD_CHARS_MIN)
        return PASSWORD_SHORT;
    auth_lower(password, len, lower);
    auth_lower(name, strnlen(name, AUTH_NAME_SIZE - 1), lower_name);
    enum password_fault fault = PASSWORD_FINE;
    if (is_name(lower, len, lower_name))
        fault = PASSWORD_NAME;
    else if (is_repeated(lower, len) || is_run(lower, len) || is_decorated(lower, len) || is_listed(list, lower, len))
        fault = PASSWORD_COMMON;
    secret_wipe(lower, sizeof(lower));
    return fault;
}

const char *password_fault_text(enum password_fault f)
{
    switch (f) {
    case PASSWORD_FINE: return "This password is fine";
    case PASSWORD_TEXT: return "A password is UTF-8 text without control characters";
    case PASSWORD_SHORT: return "A password has at least 8 characters";
    case PASSWORD_LONG: return "A password has at most 1,024 bytes";
    case PASSWORD_COMMON: return "Too many people use this password, or one much like it";
    case PASSWORD_NAME: return "This password is little more than the name of the account";
    }
    return "This password cannot be used";
}
