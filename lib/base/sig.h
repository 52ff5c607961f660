/* Process signals: SIGTERM and SIGINT ask for an orderly stop, SIGPIPE is ignored. */
#ifndef RB_LIB_BASE_SIG_H
#define RB_LIB_BASE_SIG_H

/* Installs the handlers; any thread may take the signals. Call once, after FCGX_Init, which replaces them (guarantees.md, traps). */
void sig_init(void);
/* True once a stop was asked for. */
int sig_stopping(void);
/* Asks for the stop from inside. */
void sig_stop(void);
/* A descriptor that becomes readable when a stop is asked for (poll it; never read it). */
int sig_fd(void);

#endif
