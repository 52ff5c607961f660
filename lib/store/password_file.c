#include "lib/store/password_file.h"

#include "lib/base/fs.h"

#include <string.h>
#include <strings.h>

/* What stands in examples, with and without its usual tail, is typed in once and never changed. */
static const char *const words[] = {
    "changeme", "change-me", "password", "passwort", "secret", "redis", "foobared", "ringbinder", "admin", "default", "letmein"};

/* The length of the word that a text begins with, 0: of none. */
static size_t word_at(const char *text)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t len = strlen(words[i]);
        if (strncasecmp(text, words[i], len) == 0)
            return len;
    }
    return 0;
}

/* Words one behind the other, and maybe digits and signs after them. */
static int is_words(const char *password)
{
    const char *rest = password;
    for (size_t len = word_at(rest); len > 0; len = word_at(rest))
        rest += len;
    return rest > password && strspn(rest, "0123456789!-_.") == strlen(rest);
}

static int repeats(const char *password, size_t len)
{
    for (size_t period = 1; period <= len / 2; period++) {
        if (memcmp(password, password + period, len - period) == 0)
            return 1;
    }
    return 0;
}

/* In the order of hex digits or of letters, "9" before "a". */
static int counts(const char *password, size_t len)
{
    static const char order[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    int up = 1, down = 1;
    for (size_t i = 1; i < len; i++) {
        const char *a = strchr(order, password[i - 1] | 0x20), *b = strchr(order, password[i] | 0x20);
        up = up && a && b == a + 1;
        down = down && b && a == b + 1;
    }
    return up || down;
}

int password_file_is_known(const char *password)
{
    size_t len = strlen(password);
    return repeats(password, len) || counts(password, len) || is_words(password);
}

/* The length of the line, 0 when it is none. */
static size_t line_of(const struct buf *text)
{
    size_t len = text->len;
    if (len > 0 && text->data[len - 1] == '\n')
        len--;
    for (size_t i = 0; i < len; i++) {
        if (text->data[i] < '!' || text->data[i] > '~')
            return 0;
    }
    return len < PASSWORD_FILE_MIN || len >= PASSWORD_FILE_SIZE ? 0 : len;
}

enum err password_file_read(const char *path, char out[PASSWORD_FILE_SIZE])
{
    struct buf text;
    out[0] = '\0';
    if (!path || !*path)
        return ERR_OK;
    buf_init(&text, PASSWORD_FILE_SIZE);
    enum err e = fs_read_private(path, &text);
    size_t len = e == ERR_OK ? line_of(&text) : 0;
    if (e == ERR_OK && len == 0)
        e = ERR_SYNTAX;
    if (e == ERR_OK) {
        memcpy(out, text.data, len);
        out[len] = '\0';
        if (password_file_is_known(out))
            e = ERR_INVALID;
    }
    if (e != ERR_OK)
        explicit_bzero(out, PASSWORD_FILE_SIZE);
    if (text.data)
        explicit_bzero(text.data, text.len);
    buf_release(&text);
    return e;
}

const char *password_file_why(enum err e)
{
    switch (e) {
    case ERR_DENIED: return "it is not a file of this user that nobody else can read (chown, chmod 600)";
    case ERR_SYNTAX: return "it does not hold one line of 16 to 512 bytes without spaces";
    case ERR_INVALID: return "the password in it is one that anybody would try: draw one at random";
    default: return err_text(e);
    }
}
