/* The folder of a process's audit log: files AUDIT-<13 digits: unix ms of the chain's start>-<6 digits: number of the file>.jsonl, so that the order of names is that
 * of lines, and `seed` with its number: {"start","seed"}. */
#ifndef RB_LIB_AUDIT_FOLDER_H
#define RB_LIB_AUDIT_FOLDER_H

#include "lib/audit/line.h"

#define AUDIT_NAME_SIZE 40u /* bytes of a file's name with NUL */
#define AUDIT_FILES_MAX 100000u
#define AUDIT_PATH_SIZE 4096u

struct audit_file {
    char name[AUDIT_NAME_SIZE];
    uint64_t bytes, changed_ms; /* size and mtime, unix */
};

struct audit_files {
    struct audit_file *at;
    size_t n;
};

/* The log's files in the order of their names. Others are passed over. ERR_NOT_FOUND: no such folder. ERR_IO, ERR_NOMEM, ERR_TOO_LARGE: more than AUDIT_FILES_MAX. */
enum err audit_folder_list(const char *folder, struct audit_files *out) MUST_CHECK;
void audit_files_release(struct audit_files *f);

/* "AUDIT-…": unix ms below 10^13, file 1 to 999,999. */
void audit_folder_name(uint64_t started_ms, uint64_t file, char out[AUDIT_NAME_SIZE]);
/* folder/name. ERR_TOO_LARGE. */
enum err audit_folder_path(const char *folder, const char *name, char out[AUDIT_PATH_SIZE]) MUST_CHECK;

/* What a file begins and ends with; nothing of it is believed. */
struct audit_tail {
    char chain[AUDIT_CHAIN_SIZE];
    uint64_t file, n;
    uint8_t h[HASH_SIZE]; /* of the last whole line */
};
/* ERR_NOT_FOUND, ERR_IO; ERR_CORRUPT: its first or its last whole line cannot be read. */
enum err audit_folder_tail(const char *folder, const char *name, struct audit_tail *out) MUST_CHECK;

/* The seed for the next start, and its number. ERR_NOT_FOUND: it was never given one. ERR_CORRUPT: it cannot be read. ERR_IO. */
enum err audit_folder_read_seed(const char *folder, uint8_t seed[AUDIT_KEY_SIZE], uint64_t *start) MUST_CHECK;
/* Keeps it, durably, in the place of the one before. ERR_IO, ERR_FULL. */
enum err audit_folder_write_seed(const char *folder, const uint8_t seed[AUDIT_KEY_SIZE], uint64_t start) MUST_CHECK;

#endif
