/* A TCP port that speaks the line protocol: one thread waits for all of its connections, none of which can hold up another.
 *
 * What is said is handed to call-backs, all on the port's own thread, one at a time. A connection that says nothing costs a descriptor and this struct. */
#ifndef RB_LIB_PLAIN_PORT_H
#define RB_LIB_PLAIN_PORT_H

#include "lib/plain/plain.h"

#include <netinet/in.h>

#define PORT_CONNECTIONS_MAX 256u /* when one more comes, the oldest that never said a whole message ends; else the newcomer is told so */
#define PORT_FORM_WAIT_MS 300u    /* without a first byte for so long it is greeted in lines */
#define PORT_HALF_MAX_MS 30000u   /* for a message that was begun, and for taking an answer */
#define PORT_SILENT_MAX_MS 60000u /* between two messages, unless the connection stays (below) */
#define PORT_LINGER_MS 1000u      /* after the last answer, for the other side to close */
#define PORT_TICK_MS 500u         /* between two calls of tick */
#define PORT_OUT_MAX 65536u       /* bytes of answers that wait; above a quarter of it no further command is looked at */
#define PORT_HOST_SIZE (INET6_ADDRSTRLEN + 2)

struct port;

/* One connection. The first three are for the call-backs to use; the rest is the port's. */
struct port_conn {
    void *user;     /* theirs, NULL at first */
    int stays;      /* silence does not end it: it has something listed */
    struct buf out; /* answers on their way */

    char host[PORT_HOST_SIZE]; /* where it comes from, a numeric address, IPv6 in brackets */
    struct plain in;
    int fd;
    int greeted, spoke, ending, shut;
    uint64_t since_ms, due_ms; /* boot times: of its beginning; when it ends unless something happens */
    size_t half;               /* bytes of the message that was begun */
};

enum port_verdict {
    PORT_GO_ON,
    PORT_END,  /* after what is in `out` was sent */
    PORT_TAKEN /* the call-back took the descriptor by port_take() */
};

struct port_calls {
    /* The form is known: its first byte came, or none for PORT_FORM_WAIT_MS (lines). */
    enum port_verdict (*greet)(void *ctx, struct port_conn *c);
    /* A whole message. */
    enum port_verdict (*said)(void *ctx, struct port_conn *c, const struct pickle *message);
    /* No other whole message is there now: what was put off to be done for several at once is due. May be NULL. */
    enum port_verdict (*rest)(void *ctx, struct port_conn *c);
    /* It is over, however; not called after PORT_TAKEN. May be NULL. */
    void (*gone)(void *ctx, struct port_conn *c);
    /* Each PORT_TICK_MS. May be NULL. */
    void (*tick)(void *ctx);
};

/* Listens at the address of `listen` ("ADDR:PORT" as --listen has it, numeric) and the given port, and starts the thread. calls is borrowed until port_stop(). ERR_INVALID:
 * no such address; ERR_IO: the port is taken or not ours to take; ERR_NOMEM. */
enum err port_start(const char *listen, uint16_t number, const struct port_calls *calls, void *ctx, struct port **out) MUST_CHECK;
/* Ends the thread and all connections; gone() is called for each. NULL is fine. */
void port_stop(struct port *p);

/* For the call-backs. Says why, as "ERROR <why>", and ends the connection: returns PORT_END. */
enum port_verdict port_refuse(struct port_conn *c, const char *why);
/* The descriptor and with it the rest of the connection's life; it is non-blocking. Followed by PORT_TAKEN. What is in `out` is the taker's to send first. */
int port_take(struct port_conn *c);
/* After the last byte was sent: says so, and reads what still comes until the other side closes or PORT_LINGER_MS are over, so that the last bytes are not lost to a
 * reset. For takers, on their own threads; they close. */
void port_linger(int fd);

#endif
