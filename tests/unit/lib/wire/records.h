/* Records to test with. */
#ifndef RB_TESTS_UNIT_LIB_WIRE_RECORDS_H
#define RB_TESTS_UNIT_LIB_WIRE_RECORDS_H

#include "lib/wire/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A record with the clock as its id, of the upload with this number. It has to be released. */
static inline struct record make_record(enum record_kind kind, uint64_t clock, uint64_t of, unsigned upload)
{
    struct record r;
    if (record_init(&r) || record_set(&r.course, "CSEN 317") || record_set(&r.key, "csen317"))
        abort();
    r.kind = kind;
    r.id = (struct stamp){clock, 1};
    if (of)
        r.of = (struct stamp){of, 1};
    snprintf(r.upload, sizeof(r.upload), "%032x", upload);
    if (kind != RECORD_DELETE) {
        r.size = 5;
        hash_sha256_hex("hello", 5, r.sha256);
        if (record_set(&r.term, "2026 Fall") || record_set(&r.filename, "syllabus.pdf") || record_set(&r.type, "application/pdf"))
            abort();
    }
    return r;
}

#endif
