/* The log: one JSON object a line on standard error, every string escaped. Thread-safe: one write(2) a line. */
#ifndef RB_LIB_BASE_LOG_H
#define RB_LIB_BASE_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Names this process in each line ("node-1") and sets the smallest level that is written. process is copied (63 bytes). */
void log_init(const char *process, enum log_level min);

/* Writes {"at","level","process","event","text"}. event is a fixed short word ("join", "store"); the text may hold anything:
 * it is escaped and cut at 2,000 bytes. Never put secrets or whole bodies here. errno is kept. */
void log_write(enum log_level level, const char *event, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* "debug" | "info" | "warn" | "error" → level; -1 when it is none of these. */
int log_level_parse(const char *word);

#endif
