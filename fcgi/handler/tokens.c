/* /tokens: of programs. */
#include "fcgi/handler/allow.h"
#include "fcgi/handler/handlers.h"
#include "fcgi/handler/people.h"
#include "lib/base/num.h"

#include <string.h>

#define TOKEN_LIFE_MAX_S UINT64_C(315360000) /* ten years */

/* Whose tokens: one's own, or for who keeps the accounts anybody's. After an error the problem is answered already. */
static enum err find_user(struct request *r, const char *given, char name[AUTH_NAME_SIZE])
{
    const char *typed = given ? given : request_asker(r)->who.name;
    enum err e = auth_name(typed, strlen(typed), name);
    if (e)
        response_problem(r, e, "“user” is no name that an account can have.");
    else if (!allow_is_self(r, name) && !allow_whole(r, ACT_ACCOUNTS))
        request_refuse(r, e = ERR_DENIED, NULL);
    return e;
}

void tokens_get(struct request *r)
{
    struct people_page wish;
    struct tokens_page page;
    char user[AUTH_NAME_SIZE];
    if (people_read_page(r, &wish) || find_user(r, request_query(r, "user"), user))
        return;
    enum err e = tokens_list(request_worker(r), user, wish.after, wish.limit, &page);
    if (e) {
        people_send_no_list(r, e);
        return;
    }
    struct json *items = json_array();
    for (size_t i = 0; i < page.n; i++)
        json_append(items, people_token(&page.items[i].token, page.items[i].used_at_ms));
    people_send_page(r, items, page.next);
}

static void make(struct request *r, const struct tokens_new *in)
{
    struct docs_token made;
    char text[SECRET_TOKEN_SIZE];
    const char *detail = NULL;
    enum err e = tokens_make(request_worker(r), in, request_asker(r)->who.name, &made, text, &detail);
    if (e) {
        response_problem(r, e, e == ERR_NOT_FOUND ? "There is no such account." : detail);
        return;
    }
    struct json *j = people_token(&made, 0);
    json_set_str(j, "token", text);
    secret_wipe(text, sizeof(text));
    request_note_detail(r, made.id);
    response_json(r, 201, j);
}

void tokens_post(struct request *r)
{
    struct posted p;
    char label[DOCS_SHOWN_SIZE], user[AUTH_NAME_SIZE];
    struct tokens_new in = {.user = user, .label = label};
    if (posted_open(&p, r, "user label acts scopes expires_s"))
        return;
    const char *typed = posted_text(&p, "user", POSTED_MAY, POSTED_BYTES_MAX);
    posted_words(&p, "label", POSTED_MUST, DOCS_SHOWN_CHARS_MAX, label, sizeof(label));
    people_read_acts(&p, POSTED_MUST, &in.acts);
    people_read_scopes(&p, POSTED_MAY, &in.scopes);
    in.expires_at_ms = people_read_end(&p, POSTED_MAY, TOKEN_LIFE_MAX_S, 1);
    const struct who *who = &request_asker(r)->who;
    if (who->how == HOW_TOKEN && !auth_covers(who, in.acts, &in.scopes))
        posted_fail(&p, ERR_DENIED, "A token makes only tokens that may no more than it may itself.");
    if (!posted_check(&p) && !find_user(r, typed, user))
        make(r, &in);
    posted_close(&p);
}

void tokens_delete(struct request *r)
{
    const char *id = request_capture(r, 0, NULL), *self = request_asker(r)->who.name;
    enum err e = num_is_hex(id, AUTH_ID_SIZE - 1) ? tokens_revoke(request_worker(r), id, allow_whole(r, ACT_ACCOUNTS) ? NULL : self, self)
                                                  : ERR_NOT_FOUND;
    if (e)
        response_problem(r, e, e == ERR_NOT_FOUND ? "You have no such token." : NULL);
    else
        response_empty(r, 204);
}
