/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam to the daemon, as its files share it: handshakes in flight, workers, what a PUSH has,
 * and session tickets. Only they know what these look like; to the rest they are pointers.
 */
#ifndef _TLSOCK_SEAM_H
#define _TLSOCK_SEAM_H

#include "tlsock.h"

#define TLSOCK_ACTIONS_MAX	64		/* in one PUSH */
#define TLSOCK_TICKET_MAX	(16 * 1024)	/* a NewSessionTicket that is given to the daemon */

/* A handshake in flight as the daemon sees it. One reference for the socket, one for
 * the namespace's table.
 */
struct tlsock_conn {
	refcount_t refs;
	u64 id;
	u8 role;
	struct tlsock_net *tn;		/* whose workers have it: its own, or the host */
	u64 netns;			/* cookie and inode of its own */
	u32 netns_inode;
	struct tlsock_opts *opts;
	struct sockaddr_storage local, peer;
	u32 pid;
	kuid_t kuid;
	kgid_t kgid;
	struct tlsock_quota *quota;	/* of the listener, or NULL */

	/* under tn->lock from here on */
	struct sock *sk;		/* valid while the connection is in the table */
	u32 generation;
	struct hlist_node hash;
	struct list_head node;		/* tn->ready or worker->ready; or empty */
	struct list_head owned;		/* worker->conns; or empty */
	struct tlsock_worker *worker;
	bool announced;			/* CONN_NEW was given to worker */
	bool waiting;			/* the daemon has something to do */
	bool sent;			/* a PUSH was applied: no other worker can go on with it */
	bool gone;			/* the socket let go; only CONN_GONE is left to say */
	bool orphaned;			/* the worker died too late; fail it */
	u8 *flight;			/* complete messages; kept until sent */
	u32 flight_len, flight_off;	/* bytes in all, bytes given out */
	u8 flight_epoch;
};

/* What the daemon left for session tickets to come */
struct tlsock_cookie {
	refcount_t refs;		/* the socket, and each ticket */
	struct tlsock_net *tn;		/* whose daemon can read it; with COMPLETE */
	u32 len;
	u8 bytes[];
};

/* A session ticket that waits for a worker */
struct tlsock_ticket {
	struct list_head node;		/* tn->tickets */
	u64 id;				/* of the connection */
	struct tlsock_cookie *cookie;	/* with a reference */
	u32 len;
	u8 message[];
};

struct tlsock_worker {
	struct list_head node;		/* tn->workers */
	u32 portid;
	struct sk_buff *bell;		/* the DOORBELL it is armed with, or NULL */
	bool takes_new;			/* its last PULL asked for new connections */
	struct list_head ready;		/* connections with something for it */
	struct list_head conns;
};

/* One step of a PUSH, parsed. Pointers go into the netlink message. */
struct tlsock_act {
	u8 type;			/* enum tlsock_action */
	u8 epoch, content_type, direction, alert;
	u32 err, x509;
	u16 version, suite;
	u16 max_payload;		/* bytes of content in a record, of DATA and COMPLETE */
	u64 seq;
	const u8 *data, *key, *iv, *secret;
	u32 data_len;
	u16 key_len, iv_len, secret_len;
	const char *text;		/* NUL-terminated, or NULL */
	/* made ready before the socket lock is taken */
	struct tlsock_keys *keys;
	struct list_head bufs;		/* of tlsock_txbuf, room for DATA's records */
	struct tlsock_result *result;	/* of COMPLETE */
};

/* A PUSH, ready to be applied */
struct tlsock_push {
	struct tlsock_conn *conn;	/* with a reference */
	u32 portid, generation;
	struct sk_buff *skb;		/* what acts point into, with a reference */
	const struct nlmsghdr *nlh;	/* the message in it; wiped in the end */
	int n;				/* of acts in use */
	struct tlsock_act acts[TLSOCK_ACTIONS_MAX];
};

/* Apply @p in order, all or nothing. Process context, no lock held. @sk: held by the caller.
 * Errors: as TLSOCK_CMD_PUSH; *@why gets a constant sentence when the error is EINVAL. 1: the
 * socket is in use, and @p will be applied when it is not; it is no longer the caller's.
 */
int tlsock_hs_push(struct sock *sk, struct tlsock_push *p, const char **why);

/* The handshake is complete: tell everybody. Socket lock. */
void tlsock_hs_done(struct sock *sk, struct tlsock_ctx *ctx);

/* apply.c: the same under the socket lock. -ENOENT: the socket has another handshake, or none. */
int tlsock_push_apply(struct sock *sk, struct tlsock_push *p, const char **why);

/* conn.c: connections, workers and limits of a network namespace. tn->lock inside. */
struct tlsock_conn *tlsock_conn_new(struct sock *sk, struct tlsock_ctx *ctx);
void tlsock_conn_put(struct tlsock_conn *conn);
/* Give the daemon @len bytes of complete messages; owns @flight from then on. */
void tlsock_conn_deliver(struct tlsock_conn *conn, u8 *flight, u32 len, u8 epoch);
/* A client's connection: nothing to read, but there is something to do. */
void tlsock_conn_announce(struct tlsock_conn *conn);
/* Take it out of the table. @tell: its worker gets CONN_GONE. */
void tlsock_conn_remove(struct tlsock_conn *conn, bool tell);
/* Before a PUSH is applied: 0 when @portid still owns @generation, else -ESTALE. @pins: what
 * is done now cannot be done again, so from now on it cannot change its worker.
 */
int tlsock_conn_claim(struct tlsock_conn *conn, u32 portid, u32 generation, bool pins);
bool tlsock_conn_orphaned(struct tlsock_conn *conn);
/* Wanted by a daemon, and nobody has it: the grace period counts. */
bool tlsock_conn_lonely(struct tlsock_conn *conn, unsigned long *since);
/* For a PUSH: 0, *@out with a reference and *@sk held; or -ENOENT, -ESTALE, -EPERM */
int tlsock_conn_find(struct tlsock_net *tn, u64 id, u32 generation, u32 portid,
		     struct tlsock_conn **out, struct sock **sk);
int tlsock_worker_add(struct tlsock_net *tn, u32 portid);
void tlsock_worker_del(struct tlsock_net *tn, u32 portid);
void tlsock_workers_clear(struct tlsock_net *tn);
/* The next connection with something for @portid, moved to it; NULL and armed when there
 * is none. tn->lock held.
 */
struct tlsock_conn *tlsock_conn_next(struct tlsock_net *tn, struct tlsock_worker *w,
				     bool may_adopt);
/* Ring for connections and tickets that wait for any worker, if there are. tn->lock held. */
void tlsock_worker_pass(struct tlsock_net *tn);
struct tlsock_worker *tlsock_worker_find(struct tlsock_net *tn, u32 portid);
/* It has been told all there is; a gone one is forgotten. tn->lock held. */
void tlsock_conn_told(struct tlsock_conn *conn);
struct tlsock_quota *tlsock_quota_new(void);
void tlsock_quota_put(struct tlsock_quota *q);

/* ticket.c: session tickets for the daemon */
struct tlsock_cookie *tlsock_cookie_new(const void *bytes, size_t len);
void tlsock_cookie_put(struct tlsock_cookie *c);
/* A NewSessionTicket came: queue it, or drop it. Socket lock; tn->lock inside. */
void tlsock_ticket_recv(struct sock *sk, struct tlsock_ctx *ctx, const u8 *msg, size_t len);
/* The next, or NULL; it was given, or cannot be; forget all. tn->lock held. */
struct tlsock_ticket *tlsock_ticket_next(struct tlsock_net *tn);
void tlsock_ticket_told(struct tlsock_net *tn, struct tlsock_ticket *t);
void tlsock_tickets_clear(struct tlsock_net *tn);

/* push.c */
int tlsock_nl_push(struct sk_buff *skb, struct genl_info *info);
/* Wipe and free; NULL is nothing. */
void tlsock_push_free(struct tlsock_push *p);

/* netlink.c */
int tlsock_nl_init(void);
void tlsock_nl_exit(void);
/* Send @bell, which is the caller's no more. tn->lock held. */
void tlsock_nl_doorbell(struct net *net, u32 portid, struct sk_buff *bell);
void tlsock_nl_event(const struct tlsock_conn *conn, struct net *net, u8 event, int err,
		     const char *text, u16 version, u16 suite);

#endif /* _TLSOCK_SEAM_H */
