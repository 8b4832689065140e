// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handshakes in flight, the workers that serve them, and their limits, all of one network
 * namespace. Knows no TLS. Everything under tn->lock, which is taken inside the socket lock
 * and in softirq; a connection in the table has a live socket, because close() takes it out
 * first.
 */
#include <linux/cred.h>
#include <linux/hash.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/mm.h>
#include <net/ipv6.h>

#include "seam.h"

/* Other namespaces' handshakes that the initial one's daemon has: as many as its own may be,
 * one namespace no more than this part of them
 */
#define GUEST_SHARE	4

/* A handshake whose worker dies before it has sent anything gets another; so often: */
#define WORKERS_TRIED	2

struct tlsock_uid {
	struct hlist_node node;
	kuid_t uid;
	u32 in_flight;
};

static struct hlist_head *id_bucket(struct tlsock_net *tn, u64 id)
{
	return &tn->conns[hash_64(id, TLSOCK_HASH_BITS)];
}

static struct tlsock_conn *id_find(struct tlsock_net *tn, u64 id)
{
	struct tlsock_conn *conn;

	lockdep_assert_held(&tn->lock);
	hlist_for_each_entry(conn, id_bucket(tn, id), hash)
		if (conn->id == id)
			return conn;
	return NULL;
}

struct tlsock_quota *tlsock_quota_new(void)
{
	struct tlsock_quota *q = kzalloc(sizeof(*q), GFP_KERNEL);

	if (q)
		refcount_set(&q->refs, 1);
	return q;
}

void tlsock_quota_put(struct tlsock_quota *q)
{
	if (q && refcount_dec_and_test(&q->refs))
		kfree(q);
}

void tlsock_conn_put(struct tlsock_conn *conn)
{
	if (!refcount_dec_and_test(&conn->refs))
		return;
	tlsock_opts_put(conn->opts);
	tlsock_quota_put(conn->quota);
	kvfree(conn->flight);
	kfree(conn);
}

static void fill_addresses(struct tlsock_conn *conn, const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);

#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6) {
		struct sockaddr_in6 *l = (void *)&conn->local, *p = (void *)&conn->peer;

		l->sin6_family = AF_INET6;
		l->sin6_port = inet->inet_sport;
		l->sin6_addr = sk->sk_v6_rcv_saddr;
		p->sin6_family = AF_INET6;
		p->sin6_port = inet->inet_dport;
		p->sin6_addr = sk->sk_v6_daddr;
		return;
	}
#endif
	{
		struct sockaddr_in *l = (void *)&conn->local, *p = (void *)&conn->peer;

		l->sin_family = AF_INET;
		l->sin_port = inet->inet_sport;
		l->sin_addr.s_addr = inet->inet_saddr;
		p->sin_family = AF_INET;
		p->sin_port = inet->inet_dport;
		p->sin_addr.s_addr = inet->inet_daddr;
	}
}

static struct tlsock_uid *uid_find(struct tlsock_net *tn, kuid_t uid, struct hlist_head **bucket)
{
	struct tlsock_uid *u;

	*bucket = &tn->uids[hash_32(__kuid_val(uid), ilog2(ARRAY_SIZE(tn->uids)))];
	hlist_for_each_entry(u, *bucket, node)
		if (uid_eq(u->uid, uid))
			return u;
	return NULL;
}

/* Count one more, or say that there are too many. @spare is used for a new uid. */
static int limits_take(struct tlsock_net *tn, struct tlsock_conn *conn,
		       struct tlsock_uid **spare)
{
	struct hlist_head *bucket;
	struct tlsock_uid *u;

	lockdep_assert_held(&tn->lock);
	u = uid_find(tn, conn->kuid, &bucket);
	if (tn->in_flight >= tn->max_netns || (u ? u->in_flight : 0) >= tn->max_uid ||
	    (conn->quota && atomic_read(&conn->quota->in_flight) >= (int)tn->max_listener))
		return -ENOBUFS;
	if (!u) {
		u = *spare;
		*spare = NULL;
		u->uid = conn->kuid;
		hlist_add_head(&u->node, bucket);
	}
	u->in_flight++;
	WRITE_ONCE(tn->in_flight, tn->in_flight + 1);
	if (conn->quota)
		atomic_inc(&conn->quota->in_flight);
	return 0;
}

static void limits_give(struct tlsock_net *tn, struct tlsock_conn *conn)
{
	struct hlist_head *bucket;
	struct tlsock_uid *u;

	lockdep_assert_held(&tn->lock);
	u = uid_find(tn, conn->kuid, &bucket);
	if (!WARN_ON_ONCE(!u) && !--u->in_flight) {
		hlist_del(&u->node);
		kfree(u);
	}
	WRITE_ONCE(tn->in_flight, tn->in_flight - 1);
	if (conn->quota)
		atomic_dec(&conn->quota->in_flight);
}

/* Whose workers have a new handshake of @own. A daemon that has just gone may come back. */
static struct tlsock_net *served_by(struct tlsock_net *own)
{
	struct tlsock_net *host = tlsock_net(&init_net);
	unsigned long grace;
	bool itself;

	if (own == host || !READ_ONCE(own->host_daemon))
		return own;
	spin_lock_bh(&own->lock);
	grace = msecs_to_jiffies(own->grace_ms);
	itself = own->n_workers ||
		 (own->had_worker && time_before(jiffies, own->workers_gone + grace));
	spin_unlock_bh(&own->lock);
	return itself ? own : host;
}

/* Into the table of @conn->tn. -ENOBUFS: it has enough of other namespaces'. */
static int table_add(struct tlsock_conn *conn, const struct tlsock_net *own)
{
	struct tlsock_net *tn = conn->tn;
	bool guest = tn != own;
	int err = -ENOBUFS;

	spin_lock_bh(&tn->lock);
	if (!guest || (tn->guests < tn->max_netns &&
		       READ_ONCE(own->in_flight) <= tn->max_netns / GUEST_SHARE)) {
		do {
			conn->id = get_random_u64();
		} while (!conn->id || id_find(tn, conn->id));
		hlist_add_head(&conn->hash, id_bucket(tn, conn->id));
		tn->guests += guest;
		err = 0;
	}
	spin_unlock_bh(&tn->lock);
	return err;
}

struct tlsock_conn *tlsock_conn_new(struct sock *sk, struct tlsock_ctx *ctx)
{
	struct tlsock_net *tn = tlsock_net(sock_net(sk));
	struct tlsock_uid *spare;
	struct tlsock_conn *conn;
	int err;

	conn = kzalloc(sizeof(*conn), GFP_KERNEL);
	spare = kzalloc(sizeof(*spare), GFP_KERNEL);
	if (!conn || !spare) {
		kfree(conn);
		kfree(spare);
		return ERR_PTR(-ENOMEM);
	}
	refcount_set(&conn->refs, 2);	/* the socket's and the table's */
	INIT_LIST_HEAD(&conn->node);
	INIT_LIST_HEAD(&conn->owned);
	conn->sk = sk;
	conn->role = ctx->role;
	conn->tn = served_by(tn);
	conn->netns = sock_net(sk)->net_cookie;
	conn->netns_inode = sock_net(sk)->ns.inum;
	conn->opts = tlsock_opts_get(ctx->opts);
	conn->kuid = ctx->uid;
	conn->kgid = ctx->gid;
	conn->pid = ctx->pid;
	if (ctx->quota) {
		conn->quota = ctx->quota;
		refcount_inc(&conn->quota->refs);
	}
	fill_addresses(conn, sk);

	spin_lock_bh(&tn->lock);
	err = limits_take(tn, conn, &spare);
	spin_unlock_bh(&tn->lock);
	kfree(spare);
	if (!err) {
		err = table_add(conn, tn);
		if (err) {
			spin_lock_bh(&tn->lock);
			limits_give(tn, conn);
			spin_unlock_bh(&tn->lock);
		}
	}
	if (err) {
		refcount_set(&conn->refs, 1);
		tlsock_conn_put(conn);
		return ERR_PTR(err);
	}
	return conn;
}

static void ring_worker(struct tlsock_net *tn, struct tlsock_worker *w)
{
	struct sk_buff *bell = w->bell;

	w->bell = NULL;
	if (bell)
		tlsock_nl_doorbell(tn->net, w->portid, bell);
}

/* Wake one armed worker, the next in turn */
static void ring_any(struct tlsock_net *tn)
{
	struct tlsock_worker *w;

	list_for_each_entry(w, &tn->workers, node) {
		if (!w->bell || !w->takes_new)
			continue;
		list_move_tail(&w->node, &tn->workers);
		ring_worker(tn, w);
		return;
	}
}

void tlsock_worker_pass(struct tlsock_net *tn)
{
	lockdep_assert_held(&tn->lock);
	if (!list_empty(&tn->ready) || !list_empty(&tn->tickets))
		ring_any(tn);
}

static void ring(struct tlsock_net *tn, struct tlsock_conn *conn)
{
	lockdep_assert_held(&tn->lock);
	if (!conn->worker) {
		list_move_tail(&conn->node, &tn->ready);
		ring_any(tn);
		return;
	}
	list_move_tail(&conn->node, &conn->worker->ready);
	ring_worker(tn, conn->worker);
}

void tlsock_conn_announce(struct tlsock_conn *conn)
{
	struct tlsock_net *tn = conn->tn;

	spin_lock_bh(&tn->lock);
	conn->waiting = true;
	ring(tn, conn);
	spin_unlock_bh(&tn->lock);
}

void tlsock_conn_deliver(struct tlsock_conn *conn, u8 *flight, u32 len, u8 epoch)
{
	struct tlsock_net *tn = conn->tn;
	u8 *old;

	spin_lock_bh(&tn->lock);
	old = conn->flight;
	conn->flight = flight;
	conn->flight_len = len;
	conn->flight_off = 0;
	conn->flight_epoch = epoch;
	conn->waiting = true;
	ring(tn, conn);
	spin_unlock_bh(&tn->lock);
	kvfree(old);
}

void tlsock_conn_remove(struct tlsock_conn *conn, bool tell)
{
	struct tlsock_net *own = tlsock_net(sock_net(conn->sk)), *tn = conn->tn;
	bool put = false;

	spin_lock_bh(&own->lock);
	limits_give(own, conn);
	spin_unlock_bh(&own->lock);
	spin_lock_bh(&tn->lock);
	hlist_del_init(&conn->hash);
	tn->guests -= tn != own;
	conn->sk = NULL;
	conn->waiting = false;
	if (tell && conn->announced && conn->worker) {
		conn->gone = true;
		ring(tn, conn);
	} else {
		list_del_init(&conn->node);
		list_del_init(&conn->owned);
		conn->worker = NULL;
		put = true;
	}
	spin_unlock_bh(&tn->lock);
	if (put)
		tlsock_conn_put(conn);
}

void tlsock_conn_told(struct tlsock_conn *conn)
{
	list_del_init(&conn->node);
	conn->waiting = false;
	if (!conn->gone)
		return;
	list_del_init(&conn->owned);
	conn->worker = NULL;
	tlsock_conn_put(conn);
}

int tlsock_conn_claim(struct tlsock_conn *conn, u32 portid, u32 generation, bool pins)
{
	struct tlsock_net *tn = conn->tn;
	u8 *flight = NULL;
	int err = -ESTALE;

	spin_lock_bh(&tn->lock);
	if (conn->worker && conn->worker->portid == portid && conn->generation == generation &&
	    !conn->orphaned) {
		err = 0;
		conn->sent |= pins;
		/* with bytes sent nobody else can take over: no need to keep them */
		if (conn->sent && !conn->waiting) {
			flight = conn->flight;
			conn->flight = NULL;
			conn->flight_len = 0;
			conn->flight_off = 0;
		}
	}
	spin_unlock_bh(&tn->lock);
	kvfree(flight);
	return err;
}

bool tlsock_conn_orphaned(struct tlsock_conn *conn)
{
	return READ_ONCE(conn->orphaned);
}

bool tlsock_conn_lonely(struct tlsock_conn *conn, unsigned long *since)
{
	struct tlsock_net *tn = conn->tn;
	bool lonely;

	spin_lock_bh(&tn->lock);
	lonely = conn->waiting && !conn->worker && !tn->n_workers;
	*since = tn->workers_gone;
	spin_unlock_bh(&tn->lock);
	return lonely;
}

int tlsock_conn_find(struct tlsock_net *tn, u64 id, u32 generation, u32 portid,
		     struct tlsock_conn **out, struct sock **sk)
{
	struct tlsock_conn *conn;
	int err = -ENOENT;

	spin_lock_bh(&tn->lock);
	conn = id_find(tn, id);
	if (conn) {
		if (conn->generation != generation)
			err = -ESTALE;
		else if (!conn->worker || conn->worker->portid != portid)
			err = -EPERM;
		else
			err = 0;
	}
	if (!err) {
		refcount_inc(&conn->refs);
		sock_hold(conn->sk);
		*out = conn;
		*sk = conn->sk;
	}
	spin_unlock_bh(&tn->lock);
	return err;
}

struct tlsock_worker *tlsock_worker_find(struct tlsock_net *tn, u32 portid)
{
	struct tlsock_worker *w;

	lockdep_assert_held(&tn->lock);
	list_for_each_entry(w, &tn->workers, node)
		if (w->portid == portid)
			return w;
	return NULL;
}

int tlsock_worker_add(struct tlsock_net *tn, u32 portid)
{
	struct tlsock_worker *w = kzalloc(sizeof(*w), GFP_KERNEL);
	int err = 0;

	if (!w)
		return -ENOMEM;
	w->portid = portid;
	INIT_LIST_HEAD(&w->ready);
	INIT_LIST_HEAD(&w->conns);
	spin_lock_bh(&tn->lock);
	if (tlsock_worker_find(tn, portid)) {
		err = -EALREADY;
	} else {
		list_add(&w->node, &tn->workers);
		WRITE_ONCE(tn->n_workers, tn->n_workers + 1);
		tn->had_worker = true;
		w = NULL;
	}
	spin_unlock_bh(&tn->lock);
	kfree(w);
	return err;
}

/* Its worker is gone: to another one, or, when bytes have left, to its end */
static void disown(struct tlsock_net *tn, struct tlsock_conn *conn)
{
	list_del_init(&conn->owned);
	list_del_init(&conn->node);
	conn->worker = NULL;
	if (conn->gone) {
		tlsock_conn_put(conn);
		return;
	}
	conn->generation++;
	conn->announced = false;
	/* what ended several workers would end the next one too */
	if (conn->sent || conn->generation > WORKERS_TRIED) {
		WRITE_ONCE(conn->orphaned, true);
	} else {
		conn->flight_off = 0;
		conn->waiting = true;
		ring(tn, conn);
	}
}

void tlsock_worker_del(struct tlsock_net *tn, u32 portid)
{
	struct tlsock_conn *conn, *tmp;
	struct tlsock_worker *w;
	int i;

	spin_lock_bh(&tn->lock);
	w = tlsock_worker_find(tn, portid);
	if (!w)
		goto out;
	list_del(&w->node);
	WRITE_ONCE(tn->n_workers, tn->n_workers - 1);
	if (!tn->n_workers) {
		tn->workers_gone = jiffies;
		tlsock_tickets_clear(tn);
	}
	list_for_each_entry_safe(conn, tmp, &w->conns, owned)
		disown(tn, conn);
	/* it may have been the one that was rung for these */
	tlsock_worker_pass(tn);
	/* let orphans fail, and those without any worker start to count */
	for (i = 0; i < ARRAY_SIZE(tn->conns); i++)
		hlist_for_each_entry(conn, &tn->conns[i], hash)
			if (conn->orphaned || !tn->n_workers)
				tlsock_kick(tlsock_ctx(conn->sk));
out:
	spin_unlock_bh(&tn->lock);
	if (w)
		kfree_skb(w->bell);
	kfree(w);
}

void tlsock_workers_clear(struct tlsock_net *tn)
{
	struct tlsock_worker *w;

	while ((w = list_first_entry_or_null(&tn->workers, struct tlsock_worker, node)))
		tlsock_worker_del(tn, w->portid);
}

struct tlsock_conn *tlsock_conn_next(struct tlsock_net *tn, struct tlsock_worker *w,
				     bool may_adopt)
{
	struct tlsock_conn *conn;

	lockdep_assert_held(&tn->lock);
	conn = list_first_entry_or_null(&w->ready, struct tlsock_conn, node);
	if (conn || !may_adopt)
		return conn;
	conn = list_first_entry_or_null(&tn->ready, struct tlsock_conn, node);
	if (conn) {
		conn->worker = w;
		list_move_tail(&conn->node, &w->ready);
		list_add_tail(&conn->owned, &w->conns);
	}
	return conn;
}
