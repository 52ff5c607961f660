#include "coordinator/plan.h"

#include "lib/wire/owners.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AWAY_MAX RING_MEMBERS_MAX

/* What the ring is to become, while it is worked out. */
struct wanted {
    struct ring_member *members; /* RING_MEMBERS_MAX */
    size_t n;
    char (*away)[RING_ID_MAX]; /* AWAY_MAX */
    size_t n_away;
    uint32_t k;
    size_t n_joins, n_others; /* changes: nodes that come, and everything else */
    uint64_t gather_ms;       /* boot time since which the first of those that come lives; 0 = nobody comes */
    char what[PLAN_WHY_MAX];  /* the changes, for people */
};

static __attribute__((format(printf, 2, 3))) void say(char text[PLAN_WHY_MAX], const char *fmt, ...)
{
    size_t len = strlen(text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + len, PLAN_WHY_MAX - len, fmt, ap);
    va_end(ap);
}

/* One more change for people; what does not fit is left out. */
static void tell(struct wanted *w, const char *node, const char *what)
{
    say(w->what, "%s%s %s", w->what[0] ? ", " : "", node, what);
}

static int is_away(const struct wanted *w, const char *id)
{
    for (size_t i = 0; i < w->n_away; i++) {
        if (strcmp(w->away[i], id) == 0)
            return 1;
    }
    return 0;
}

static int has_name(const struct wanted *w, const char *name)
{
    for (size_t i = 0; i < w->n; i++) {
        if (strcmp(w->members[i].name, name) == 0)
            return 1;
    }
    return 0;
}

/* ---- what is wanted */

static enum members_wish_kind wish_for(const struct plan_input *in, const char *id, int *has)
{
    const struct members_wish *wish = in->wishes ? members_wish_find(in->wishes, id) : NULL;
    *has = wish != NULL;
    return wish ? wish->kind : MEMBERS_WISH_UNDRAIN;
}

/* Those who are away, and those whom people send away. */
static void want_away(const struct plan_input *in, struct wanted *w)
{
    const struct ringdoc *ring = in->ring;
    int has;
    for (size_t i = 0; i < ring->n_away; i++) {
        if (wish_for(in, ring->away[i], &has) == MEMBERS_WISH_UNDRAIN && has) {
            w->n_others++;
            tell(w, ring->away[i], "may come back");
            continue;
        }
        memcpy(w->away[w->n_away++], ring->away[i], RING_ID_MAX);
    }
    for (size_t i = 0; in->wishes && i < in->wishes->n; i++) {
        const struct members_wish *wish = &in->wishes->at[i];
        if (wish->kind == MEMBERS_WISH_UNDRAIN || plan_wish_is_done(ring, wish) || w->n_away == AWAY_MAX)
            continue;
        memcpy(w->away[w->n_away++], wish->id, RING_ID_MAX);
        w->n_others++;
        tell(w, wish->id, wish->kind == MEMBERS_WISH_DRAIN ? "is drained" : "is removed");
    }
}

/* Whether a node outside the ring may be taken in now. */
static int is_ready(const struct plan_input *in, const struct wanted *w, const struct membership_node *node)
{
    const struct member *m = &node->member;
    return m->alive && m->stores && m->url[0] && node->since_ms != 0 && in->now_ms - node->since_ms >= PLAN_HEARD_MS &&
           !ringdoc_names(in->ring, m->id) && !is_away(w, m->id);
}

/* The new incarnation of a silent member that is to take its place, or NULL. */
static const struct membership_node *successor(const struct plan_input *in, const struct wanted *w, const struct ring_member *member)
{
    for (size_t i = 0; i < in->membership->n; i++) {
        const struct membership_node *node = &in->membership->nodes[i];
        if (strcmp(node->member.name, member->name) == 0 && is_ready(in, w, node))
            return node;
    }
    return NULL;
}

static void take(struct wanted *w, const char *id, const struct member *told)
{
    struct ring_member *m = &w->members[w->n++];
    *m = (struct ring_member){.weight = told->weight};
    memcpy(m->id, id, sizeof m->id);
    memcpy(m->name, told->name, sizeof m->name);
    memcpy(m->zone, told->zone, sizeof m->zone);
}

/* One member: stays, as it tells itself by now; goes; or gives its place to its successor. */
static void want_member(const struct plan_input *in, struct wanted *w, const struct ring_member *member)
{
    const struct membership_node *node = membership_find(in->membership, member->id);
    int lives = node && node->member.alive;
    if (is_away(w, member->id))
        return;
    const struct membership_node *next = lives || membership_is_deaf(in->membership, in->now_ms) ? NULL : successor(in, w, member);
    if (next) {
        take(w, next->member.id, &next->member);
        w->n_others++;
        tell(w, member->name, "comes back with another disk");
        return;
    }
    if (!lives && node && node->silent_ms >= in->out_after_ms) {
        w->n_others++;
        tell(w, member->name, "goes out");
        return;
    }
    if (lives && node->member.ring_epoch > in->ring->ring->epoch) {
        w->n_others++; /* proposed once and never committed: its node refuses everything until a document of that number is in force */
        tell(w, member->name, "has an unfinished ring");
    }
    if (lives && (strcmp(node->member.zone, member->zone) != 0 || node->member.weight != member->weight)) {
        take(w, member->id, &node->member);
        w->n_others++;
        tell(w, member->name, "has another zone or weight");
        return;
    }
    w->members[w->n++] = *member;
}

static void want_joins(const struct plan_input *in, struct wanted *w)
{
    for (size_t i = 0; i < in->membership->n && w->n < RING_MEMBERS_MAX; i++) {
        const struct membership_node *node = &in->membership->nodes[i];
        if (!is_ready(in, w, node) || has_name(w, node->member.name))
            continue;
        take(w, node->member.id, &node->member);
        w->n_joins++;
        if (w->gather_ms == 0 || node->since_ms < w->gather_ms)
            w->gather_ms = node->since_ms;
        tell(w, node->member.name, "joins");
    }
}

/* Who is away need not be remembered any more once another node has its name. */
static void forget_replaced(struct wanted *w)
{
    char name[RING_NAME_MAX];
    for (size_t i = w->n_away; i > 0; i--) {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(w->away[i - 1], "."), w->away[i - 1]);
        if (has_name(w, name))
            memcpy(w->away[i - 1], w->away[--w->n_away], RING_ID_MAX);
    }
}

static void work_out(const struct plan_input *in, struct wanted *w)
{
    const struct ring *ring = in->ring->ring;
    want_away(in, w);
    for (size_t i = 0; i < ring->n_members; i++)
        want_member(in, w, &ring->members[i]);
    want_joins(in, w);
    forget_replaced(w);
    w->k = in->wishes && in->wishes->k ? in->wishes->k : ring->k;
    if (w->k != ring->k) {
        w->n_others++;
        say(w->what, "%sk becomes %u", w->what[0] ? ", " : "", w->k);
    }
}

/* ---- whether it may begin */

static int lives(void *ctx, const char *id)
{
    const struct membership_node *node = membership_find(ctx, id);
    return node && node->member.alive;
}

/* The member that stays and does not have the present document, as far as it told; NULL: all have it. */
static const struct ring_member *find_asleep(const struct plan_input *in, const struct wanted *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct membership_node *node = membership_find(in->membership, w->members[i].id);
        if (ring_find(in->ring->ring, w->members[i].id) >= 0 && (!node || node->member.ring_epoch < in->ring->ring->epoch))
            return &w->members[i];
    }
    return NULL;
}

/* Who lives, by the places in the two rings of a joint document: a ring has 512 arcs a member. */
struct living {
    const struct ringdoc *joint;
    unsigned char now[RING_MEMBERS_MAX], before[RING_MEMBERS_MAX];
    int all;
};

static void call_roll(struct living *l, const struct ringdoc *joint, const struct membership *m)
{
    *l = (struct living){.joint = joint, .all = 1};
    for (size_t i = 0; i < joint->ring->n_members; i++)
        l->all &= l->now[i] = (unsigned char)lives((void *)(uintptr_t)m, joint->ring->members[i].id);
    for (size_t i = 0; i < joint->before->n_members; i++)
        l->all &= l->before[i] = (unsigned char)lives((void *)(uintptr_t)m, joint->before->members[i].id);
}

static unsigned char owner_lives(const struct living *l, const struct owners_one *owner)
{
    return owner->now ? l->now[owner->member - l->joint->ring->members] : l->before[owner->member - l->joint->before->members];
}

/* How many living owners the poorest arc that begins at a token of this ring lacks; *poorest are its owners. */
static size_t lacking_arcs(const struct living *l, const struct ring *ring, struct owners *poorest)
{
    size_t worst = 0;
    for (size_t i = 0; i < ring->n_tokens; i++) {
        struct owners owners;
        unsigned char living[OWNERS_MAX] = {0};
        owners_find(l->joint, ring->tokens[i].point, &owners);
        for (size_t j = 0; j < owners.n; j++)
            living[j] = owner_lives(l, &owners.at[j]);
        size_t lack = owners_write_missing(&owners, living);
        if (lack <= worst)
            continue;
        worst = lack;
        *poorest = owners;
    }
    return worst;
}

static int has_living_arcs(const struct plan_input *in, const struct ringdoc *joint, char why[PLAN_WHY_MAX])
{
    struct living living;
    struct owners poorest = {.n = 0};
    call_roll(&living, joint, in->membership);
    if (living.all)
        return 1;
    size_t lack = lacking_arcs(&living, joint->before, &poorest);
    if (lack == 0)
        lack = lacking_arcs(&living, joint->ring, &poorest);
    if (lack == 0)
        return 1;
    say(why, ": waiting for %zu more of the owners of an arc:", lack);
    for (size_t i = 0; i < poorest.n; i++) {
        if (!owner_lives(&living, &poorest.at[i]))
            say(why, " %s", poorest.at[i].member->name);
    }
    return 0;
}

/* Makes the document and looks whether it can be installed and settled. *out is set when so; ERR_OK without it: wait. */
static enum err make(
    const struct plan_input *in, const struct wanted *w, const struct ballot *b, char why[PLAN_WHY_MAX], struct ringdoc **out)
{
    struct ringdoc *joint;
    struct ringdoc_change to = {
        .members = w->members, .n = w->n, .k = w->k, .away = (const char(*)[RING_ID_MAX])w->away, .n_away = w->n_away};
    enum err e = ringdoc_joint(in->ring, &to, b, &joint);
    if (e != ERR_OK)
        return e;
    size_t missing = ringdoc_quorum_missing(joint, lives, (void *)(uintptr_t)in->membership);
    if (missing > 0)
        say(why, ": waiting for %zu more nodes to agree to it", missing);
    else if (has_living_arcs(in, joint, why)) {
        *out = joint;
        return ERR_OK;
    }
    ringdoc_free(joint);
    return ERR_OK;
}

static enum err decide(const struct plan_input *in, const struct wanted *w, const struct ballot *b, struct plan *p)
{
    if (w->n_joins == 0 && w->n_others == 0)
        return ERR_OK;
    p->kind = PLAN_WAIT;
    say(p->why, "%s", w->what);
    if (w->n == 0) {
        say(p->why, ": nobody would be left");
        return ERR_OK;
    }
    if (w->n_others == 0 && in->now_ms - w->gather_ms < PLAN_HEARD_MS + PLAN_GATHER_MS) {
        say(p->why, ": waiting a moment for others");
        return ERR_OK;
    }
    const struct ring_member *asleep = find_asleep(in, w);
    if (asleep) {
        say(p->why, ": waiting for %s to install ring %llu", asleep->name, (unsigned long long)in->ring->ring->epoch);
        return ERR_OK;
    }
    enum err e = make(in, w, b, p->why, &p->next);
    if (p->next)
        p->kind = PLAN_CHANGE;
    return e;
}

enum err plan_next(const struct plan_input *in, const struct ballot *b, struct plan *out)
{
    struct plan p = {.kind = PLAN_NOTHING};
    if (ringdoc_is_joint(in->ring)) {
        say(p.why, "ring %llu is being settled", (unsigned long long)in->ring->ring->epoch);
        *out = p;
        return ERR_OK;
    }
    struct wanted *w = calloc(1, sizeof *w);
    enum err e = w ? ERR_OK : ERR_NOMEM;
    if (w) {
        w->members = calloc(RING_MEMBERS_MAX, sizeof *w->members);
        w->away = calloc(AWAY_MAX, sizeof *w->away);
        e = w->members && w->away ? ERR_OK : ERR_NOMEM;
    }
    if (e == ERR_OK) {
        work_out(in, w);
        e = decide(in, w, b, &p);
    }
    if (w) {
        free(w->members);
        free(w->away);
        free(w);
    }
    if (e == ERR_OK)
        *out = p;
    return e;
}

void plan_release(struct plan *p)
{
    ringdoc_free(p->next);
    *p = (struct plan){.kind = PLAN_NOTHING};
}

/* ---- wishes */

/* Whether another node has this one's name and place. */
static int is_replaced(const struct ringdoc *ring, const char *id)
{
    char name[RING_NAME_MAX];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(id, "."), id);
    return !ringdoc_names(ring, id) && ring_find_name(ring->ring, name) >= 0;
}

int plan_wish_is_done(const struct ringdoc *ring, const struct members_wish *wish)
{
    int is_gone = ringdoc_is_away(ring, wish->id);
    return wish->kind == MEMBERS_WISH_UNDRAIN ? !is_gone : is_gone || is_replaced(ring, wish->id);
}

const char *plan_refusal(const struct ringdoc *ring, const char *id)
{
    if (ring_find(ring->ring, id) >= 0 && ring->ring->n_members == 1)
        return "It is the last node of the ring: nobody would be left.";
    if (ring->n_away == AWAY_MAX && !ringdoc_is_away(ring, id))
        return "As many nodes are away as the ring can remember.";
    return NULL;
}

static enum err sketch_from(const struct ringdoc *stable, const char *const *ids, size_t n, uint32_t k, struct ringdoc **out)
{
    const struct ring *ring = stable->ring;
    struct ring_member *members = calloc(ring->n_members, sizeof *members);
    size_t left = 0;
    if (!members)
        return ERR_NOMEM;
    for (size_t i = 0; i < ring->n_members; i++) {
        size_t j = 0;
        while (j < n && strcmp(ids[j], ring->members[i].id) != 0)
            j++;
        if (j == n)
            members[left++] = ring->members[i];
    }
    enum err e = ringdoc_joint(stable, &(struct ringdoc_change){.members = members, .n = left, .k = k}, &stable->ballot, out);
    free(members);
    return e;
}

enum err plan_sketch(const struct ringdoc *ring, const char *const *ids, size_t n, uint32_t k, struct ringdoc **out)
{
    struct ringdoc *stable = NULL;
    enum err e = ringdoc_is_joint(ring) ? ringdoc_settled(ring, &ring->ballot, &stable) : ringdoc_copy(ring, &stable);
    if (e == ERR_OK)
        e = sketch_from(stable, ids, n, k, out);
    ringdoc_free(stable);
    return e;
}
