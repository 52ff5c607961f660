/* The file that holds the password of one Redis user. It comes by a file alone: arguments and environments are read by others. */
#ifndef RB_LIB_STORE_PASSWORD_FILE_H
#define RB_LIB_STORE_PASSWORD_FILE_H

#include "lib/base/err.h"

#define PASSWORD_FILE_MIN 16   /* bytes that a password has at least: whoever reaches Redis may guess as fast as it answers */
#define PASSWORD_FILE_SIZE 513 /* of the array that holds any of them: 512 bytes and NUL */

/* Reads the file's one line, with or without a newline, into out; "" when path is NULL or "": Redis wants no password. Bytes are those from '!' to '~'.
 * ERR_DENIED: others may touch the file (fs_read_private); ERR_SYNTAX: it is not one such line of PASSWORD_FILE_MIN bytes or more; ERR_INVALID: the password is one that anybody
 * would try; ERR_NOT_FOUND, ERR_NOMEM, ERR_IO. After an error out is "". The caller wipes it. */
enum err password_file_read(const char *path, char out[PASSWORD_FILE_SIZE]) MUST_CHECK;
/* The sentence for an error of password_file_read, without the path. */
const char *password_file_why(enum err e);

/* True for what repeats itself after half its length at the latest, counts up or down, or is a word that is in every list. Pure. */
int password_file_is_known(const char *password);

#endif
