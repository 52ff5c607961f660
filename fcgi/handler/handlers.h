/* What the route table names. A handler turns HTTP words into domain words, calls one use case, turns its result back, and answers exactly once. */
#ifndef RB_FCGI_HANDLER_HANDLERS_H
#define RB_FCGI_HANDLER_HANDLERS_H

struct request;

/* syllabus.c */
void syllabus_put(struct request *r);
void syllabus_delete(struct request *r);
/* form.c: the same upload as an HTML form sends it */
void form_post(struct request *r);
/* bytes.c */
void bytes_get(struct request *r);
void bytes_get_adopted(struct request *r);
/* course.c */
void course_get(struct request *r);
void course_restore(struct request *r);
void course_get_placement(struct request *r);
/* list.c */
void list_get(struct request *r);
/* peers.c */
void peers_get(struct request *r);
void peers_get_files(struct request *r);
void peers_get_sources(struct request *r);
/* peers_bytes.c */
void peers_get_bytes(struct request *r);
/* cluster.c */
void cluster_get(struct request *r);
/* ring.c */
void ring_get(struct request *r);
/* admin.c */
void admin_put_replication(struct request *r);
void admin_drain(struct request *r);
void admin_undrain(struct request *r);
void admin_remove(struct request *r);
/* session.c: signing in and out */
void session_post(struct request *r);
void session_get(struct request *r);
void session_delete(struct request *r);
void session_delete_all(struct request *r);
/* users.c, users_change.c: accounts */
void users_get_all(struct request *r);
void users_post(struct request *r);
void users_get(struct request *r);
void users_patch(struct request *r);
void users_delete(struct request *r);
void users_put_password(struct request *r);
/* export.c: all that is somebody's, to take along or to remove */
void export_get(struct request *r);
void export_erase(struct request *r);
/* tokens.c: of programs */
void tokens_get(struct request *r);
void tokens_post(struct request *r);
void tokens_delete(struct request *r);
/* links.c, links_open.c: share links */
void links_post(struct request *r);
void links_get(struct request *r);
void links_delete(struct request *r);
void links_post_keys(struct request *r);
void links_open_get(struct request *r);
void links_open_post(struct request *r);
/* access.c: who may alter a course */
void access_get(struct request *r);
/* pending.c: uploads that wait for a maintainer */
void pending_get(struct request *r);
void pending_get_own(struct request *r);
void pending_get_file(struct request *r);
void pending_post_accept(struct request *r);
void pending_post_reject(struct request *r);
/* settings.c: of the whole cluster */
void settings_get(struct request *r);
void settings_put(struct request *r);
void settings_post_join(struct request *r);
/* join.c */
void join_post(struct request *r);
/* audit_view.c */
void audit_view_get(struct request *r);
/* ops.c */
void ops_healthz(struct request *r);
void ops_readyz(struct request *r);
void ops_metrics(struct request *r);
void ops_openapi(struct request *r);

#endif
