/* A table that was read, written again with every cell quoted, is read as the same; rows stand in their order and cells within their bounds. */
#include "tests/fuzz/fuzz.h"

#include "cli/csv.h"

#define TEXT_MAX (1u << 20)

static void write_cell(struct buf *out, const char *cell, int first)
{
    FUZZ_CHECK(buf_add_str(out, first ? "\"" : ",\"") == ERR_OK);
    for (; *cell; cell++)
        FUZZ_CHECK(buf_add(out, *cell == '"' ? "\"\"" : cell, *cell == '"' ? 2 : 1) == ERR_OK);
    FUZZ_CHECK(buf_add_str(out, "\"") == ERR_OK);
}

/* Reads a whole text and writes what was in it. */
static enum err rewrite(const char *text, size_t len, struct buf *out)
{
    struct csv csv;
    struct csv_row row;
    unsigned line = 0;
    enum err e = csv_init(&csv, text, len);

    csv_row_init(&row);
    while (!e && !(e = csv_next(&csv, &row))) {
        FUZZ_CHECK(row.n > 0 && row.n <= CSV_CELLS_MAX && row.line > line && csv.at <= len);
        line = row.line;
        for (size_t i = 0; i < row.n; i++)
            write_cell(out, row.cells[i], i == 0);
        FUZZ_CHECK(buf_add_str(out, "\n") == ERR_OK);
    }
    FUZZ_CHECK(e == ERR_GONE || (e == ERR_SYNTAX && csv.why));
    csv_row_release(&row);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once, twice;
    char *text = malloc(size + 1); /* +1: malloc(0) may be NULL */

    if (!text || size > 8192) {
        free(text);
        return 0;
    }
    memcpy(text, data, size);
    buf_init(&once, TEXT_MAX);
    buf_init(&twice, TEXT_MAX);
    if (rewrite(text, size, &once) == ERR_GONE) {
        FUZZ_CHECK(rewrite(buf_str(&once), once.len, &twice) == ERR_GONE);
        FUZZ_CHECK(strcmp(buf_str(&once), buf_str(&twice)) == 0);
    }
    buf_release(&once);
    buf_release(&twice);
    free(text);
    return 0;
}
