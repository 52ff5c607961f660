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
/* ops.c */
void ops_healthz(struct request *r);
void ops_readyz(struct request *r);
void ops_metrics(struct request *r);
void ops_openapi(struct request *r);

#endif
