/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's own contexts and prototypes, grouped by file; the seam's own are in seam.h. Locks
 * and lifetimes are explained in DESIGN.md; in short:
 *
 *   socket lock   everything in struct tlsock_ctx, unless a comment says otherwise
 *   tn->lock      struct tlsock_net's lists, and of struct tlsock_conn what its
 *                 comment names; taken inside the socket lock, never around it
 */
#ifndef _TLSOCK_H
#define _TLSOCK_H

#include <linux/bvec.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/scatterlist.h>
#include <linux/workqueue.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/tls.h>
#include <crypto/aead.h>
#include <uapi/linux/tlsock.h>

#include "cipher_suite.h"
#include "record.h"

/* Pages that hold one record with its header and protection, wherever in a page it begins */
#define TLSOCK_RECORD_PAGES	\
	(DIV_ROUND_UP(TLSOCK_HEADER_LEN + TLSOCK_CIPHERTEXT_MAX, PAGE_SIZE) + 1)
#define TLSOCK_HS_BYTES_MAX	(128 * 1024)	/* of one handshake, each way */
#define TLSOCK_HELLO_BYTES_MAX	(64 * 1024)	/* before the first message is complete */
#define TLSOCK_CERT_BYTES_MAX	(100 * 1024)
#define TLSOCK_IDLE_RECORDS_MAX	32		/* in a row that bring no application data */
#define TLSOCK_IDLE_BYTES_MAX	(256 * 1024)	/* of handshake messages in their place */
#define TLSOCK_KEY_UPDATE_MS	100		/* between two that are answered */

/* What an application asked for. Immutable: setters make another. No longer than it has to be,
 * since each established connection has one.
 */
struct tlsock_opts {
	refcount_t refs;
	u32 timeout_ms;
	u8 verify;		/* enum tlsock_verify, or TLSOCK_VERIFY_UNSET */
	u8 eof;			/* enum tlsock_eof */
	u8 alpn_len;
	u16 padding;		/* TLSOCK_PADDING */
	const u8 *alpn;
	/* "" when not set */
	const char *server_name, *credential, *trust, *profile;
	char data[];		/* where these point to */
};

#define TLSOCK_VERIFY_UNSET	255

/* What a key works with: the cipher with its expanded key, and a record's request */
struct tlsock_engine {
	struct crypto_wait wait;	/* of req */
	u8 nonce[16];			/* of the record in work, as the AEAD wants it */
	u8 aad[TLSOCK_AAD_MAX];		/* likewise; must not be on the stack */
	u8 inner_type;			/* likewise */
	struct aead_request req;	/* and behind it what the driver needs */
};

/* Keys of one direction and epoch. Owned by one tlsock_dir, or by nobody yet. */
struct tlsock_keys {
	const struct tlsock_cipher *cipher;
	struct tlsock_engine *engine;	/* NULL: at rest; see rest.c */
	u32 used;			/* when, in jiffies */
	u64 seq;			/* of the next record */
	u64 expl;			/* explicit nonce of the next record that is sent */
	u16 suite;			/* 0 when set by hand */
	u8 epoch;			/* enum tlsock_epoch */
	u8 secret_len;			/* 0: KeyUpdate is not possible */
	u8 iv[TLSOCK_NONCE_LEN];
	u8 key[TLSOCK_KEY_MAX];
	u8 secret[TLSOCK_SECRET_MAX];	/* traffic secret, RFC 8446 section 7.2 */
};

/* Finished records that TCP has not taken yet, in their order */
struct tlsock_txbuf {
	struct list_head node;
	u32 off, len;			/* bytes taken, bytes in all */
	u8 data[];
};

/* Application records of one batch, and the pages that they take, at worst single ones */
#define TLSOCK_BATCH_BYTES	65536		/* of plaintext, about */
#define TLSOCK_BATCH_SEGS	(TLSOCK_BATCH_BYTES / 4096 + TLSOCK_RECORD_PAGES + 1)
#define TLSOCK_RECORD_SEGS	(TLSOCK_RECORD_PAGES + 1)

struct tlsock_tx {
	struct tlsock_keys *keys;	/* NULL: epoch 0 */
	struct list_head queue;		/* of tlsock_txbuf */
	struct tlsock_txbuf rec;	/* application records, in seg; on queue: busy */
	struct bio_vec *seg;		/* with a reference to each page */
	struct bio_vec few[TLSOCK_RECORD_SEGS];	/* what seg is, unless a large write is in work */
	u8 max_seg, n_seg, seg_at;	/* room, how many, the first that TCP has not taken whole */
	struct page *pages[TLSOCK_RECORD_PAGES]; /* of the open record */
	u32 open;			/* plaintext bytes in pages, not yet a record */
	u8 open_type;
	u16 max_payload;		/* TLS_TX_MAX_PAYLOAD_LEN */
	u16 peer_payload;		/* bytes of plaintext in a record that the peer takes */
	bool fixed;			/* their size does not follow the congestion window */
	u16 padding;			/* what they are padded to a multiple of; 0: not */
	bool zerocopy_ro;		/* TLS_TX_ZEROCOPY_RO: kept, and not needed */
	bool close_sent;
	bool user_shut;			/* the application said SHUT_WR */
	u64 records, bytes;
	u32 key_updates;
	bool answer_due;		/* a KeyUpdate was asked for; before the next record */
};

/* A received record. type, off and len are of its content, once it is decrypted. */
struct tlsock_rxrec {
	struct list_head node;		/* on rx.ahead, unless it is the one in work */
	u8 type;
	u32 off, len;			/* within pages */
	u32 size;			/* on rx.ahead: bytes of memory */
	struct page *pages[TLSOCK_RECORD_PAGES];
};

struct tlsock_rx {
	struct tlsock_keys *keys;
	struct tlsock_keys *pending;	/* TLS 1.2: in force from the change_cipher_spec on */
	struct tlsock_rxrec rec;	/* in work */
	u32 taken;			/* bytes of TCP's queue that TCP is not yet told of */
	struct sk_buff *skb;		/* of the queue: where they end. Only while taken */
	u32 fill;			/* bytes of it that are there, header included */
	u32 need;			/* bytes that it has in all, as far as known */
	bool open;			/* it is decrypted */
	struct list_head ahead;		/* decrypted before it, for a MSG_PEEK that went on */
	u32 ahead_size;			/* bytes of memory there; at most SO_RCVBUF */
	bool ready;			/* WRITE_ONCE by data_ready, READ_ONCE by poll */
	bool eof;			/* close_notify came */
	bool no_pad;			/* TLS_RX_EXPECT_NO_PAD */
	bool padded;			/* the peer pads: do not open to user memory */
	bool key_pending;		/* by hand: KeyUpdate came, the new key did not yet */
	bool dead;			/* by hand: what follows cannot be cut into records */
	int err;			/* by hand: positive errno, of every read from now on */
	bool user_shut;			/* the application said SHUT_RD */
	u8 idle;			/* records in a row without application data */
	u32 idle_bytes;			/* the same, bytes of handshake messages */
	bool refused;			/* renegotiation, once */
	u64 records, bytes;
	u32 key_updates;
	unsigned long last_update;	/* jiffies */
};

struct tlsock_quota {
	refcount_t refs;
	atomic_t in_flight;
};

/* Handshake state of a socket */
struct tlsock_hs {
	struct tlsock_conn *conn;
	u8 *buf;			/* handshake bytes as they come */
	u32 len, size, ready;		/* bytes in, room, bytes of complete messages */
	u32 total;			/* bytes read in all */
	bool blocked;			/* wait for the daemon before reading on */
	u8 ccs_seen;			/* change_cipher_specs that changed nothing */
	unsigned long started, deadline; /* jiffies */
};

/* What became of the handshake; for TLSOCK_INFO and friends. No longer than it has to be. */
struct tlsock_result {
	u32 flags;
	u32 x509_verify;
	u16 suite, group, signature_scheme;
	u8 alpn_len, binding_len;
	u32 certs_len;
	struct tlsock_cookie *cookie;	/* for tickets to come; or NULL */
	u8 tickets;			/* that came while there was one */
	const u8 *alpn, *binding;
	const char *server_name;	/* that the client asked for; "" in a client */
	const u8 *certs;		/* struct tlsock_cert[], as getsockopt gives it */
	u8 data[];			/* where these point to */
};

/* What getsockopt() gives */
struct tlsock_answer {
	size_t size;			/* bytes */
	bool grows;			/* a struct: may be cut to what the caller knows */
	u8 data[];
};

struct tlsock_ctx {
	/* Must be first, and zero: vmlinux casts icsk_ulp_data of any ULP to struct tls_context
	 * and looks at rx_conf and priv_ctx_* (net/core/filter.c, net/ipv4/tcp_bpf.c).
	 */
	u8 upstream[offsetofend(struct tls_context, priv_ctx_rx)] __aligned(sizeof(void *));

	refcount_t refs;		/* the socket, and each queued work */
	struct rcu_head rcu;
	struct sock *sk;
	const struct proto *base_prot;
	const struct proto_ops *base_ops;
	void (*base_data_ready)(struct sock *sk);
	void (*base_state_change)(struct sock *sk);
	void (*base_write_space)(struct sock *sk);

	u8 state;			/* enum tlsock_state; READ_ONCE by poll */
	u8 role;			/* enum tlsock_role */
	bool connect_done;		/* connect() has returned 0 */
	bool tcp_up;			/* CONNECTING: TCP was established, and may be gone again */
	bool detached;			/* close() has begun: works do nothing. Set under slock */
	bool brief;			/* the owner is a work or a PUSH. Under slock */
	bool missed;			/* a work found the socket owned: once more. Under slock */
	struct tlsock_push *parked;	/* a PUSH that found it owned. Under slock */
	u32 rcvlowat;			/* the application's, while a handshake needs 1 */
	bool claimed;			/* sk_user_data is ours */
	bool upstream_abi;		/* the ULP is "tls": plaintext until keys are set */
	bool tx_counted, rx_counted;	/* in TLSOCK_MIB_CURR_* */
	struct tlsock_opts *opts;
	struct tlsock_quota *quota;	/* a listener's, for its children; theirs: borrowed */
	kuid_t uid;
	kgid_t gid;
	u32 pid;

	struct tlsock_tx tx;
	struct tlsock_rx rx;
	struct tlsock_hs hs;
	struct tlsock_result *result;	/* NULL before COMPLETE */
	u64 id;				/* of the handshake */
	u16 version;			/* of the protocol; 0: not known */

	int err;			/* positive errno, sticky; set before state FAILED */
	u16 kernel_type;		/* TLS_CIPHER_* of the keys, for diag */
	u8 alert_sent, alert_received;
	u32 err_x509;
	char *err_text;			/* NULL: there is none, or was no memory for it */

	struct work_struct work;	/* reads the handshake, flushes tx.queue */
	struct delayed_work timer;	/* deadline and grace; then when keys are to rest */
};

enum tlsock_mib_item {
	TLSOCK_MIB_TX_RECORDS,
	TLSOCK_MIB_RX_RECORDS,
	TLSOCK_MIB_TX_BYTES,
	TLSOCK_MIB_RX_BYTES,
	TLSOCK_MIB_HANDSHAKES,
	TLSOCK_MIB_DONE,
	TLSOCK_MIB_FAILED,
	TLSOCK_MIB_DECRYPT_ERROR,
	TLSOCK_MIB_ALERTS_SENT,
	TLSOCK_MIB_ALERTS_RECEIVED,
	TLSOCK_MIB_TICKETS_DROPPED,
	TLSOCK_MIB_TICKETS,
	TLSOCK_MIB_RESUMED,
	TLSOCK_MIB_KEYS_RESTED,
	/* keys set by hand, as upstream counts them */
	TLSOCK_MIB_CURR_TX,
	TLSOCK_MIB_CURR_RX,
	TLSOCK_MIB_TX,
	TLSOCK_MIB_RX,
	TLSOCK_MIB_DECRYPT_RETRY,
	TLSOCK_MIB_NO_PAD_VIOLATION,
	TLSOCK_MIB_RX_REKEY,
	TLSOCK_MIB_RX_REKEY_ERROR,
	TLSOCK_MIB_TX_REKEY,
	TLSOCK_MIB_TX_REKEY_ERROR,
	TLSOCK_MIB_RX_REKEY_RECEIVED,
	TLSOCK_MIB_ITEMS
};

struct tlsock_mib {
	u64 v[TLSOCK_MIB_ITEMS];
};

#define TLSOCK_HASH_BITS	10

struct tlsock_net {
	struct net *net;
	spinlock_t lock;		/* of all that follows, the counters and mib aside */
	struct list_head ready;		/* connections that no worker has yet */
	struct list_head workers;	/* rotated, so that doorbells go round */
	struct hlist_head conns[1 << TLSOCK_HASH_BITS];
	struct hlist_head uids[1 << 6];	/* of struct tlsock_uid */
	u32 n_workers;
	u32 in_flight;
	struct list_head tickets;	/* of struct tlsock_ticket; none while there is no worker */
	u32 n_tickets, ticket_bytes;
	bool had_worker;
	unsigned long workers_gone;	/* jiffies: when the last one went */
	u32 guests;			/* of conns, those of other namespaces */
	u32 grace_ms, max_netns, max_uid, max_listener;
	struct tlsock_mib __percpu *mib;
	u8 host_daemon;			/* sysctl: without a daemon here, ask the initial one's */
	int rest_ms;			/* sysctl: keys not used for so long rest; 0: never */
	struct ctl_table_header *sysctl;
	struct ctl_table *sysctl_table;
};

extern unsigned int tlsock_net_id;
extern struct workqueue_struct *tlsock_wq;

struct genl_info;

struct tlsock_net *tlsock_net(const struct net *net);

/* Count. Process context alone: one processor counts one at a time. */
static inline void tlsock_add(const struct sock *sk, enum tlsock_mib_item item, s64 n)
{
	struct tlsock_mib __percpu *mib = tlsock_net(sock_net(sk))->mib;
	u64 *v;

	lockdep_assert(!in_serving_softirq());
	v = &get_cpu_ptr(mib)->v[item];
	WRITE_ONCE(*v, *v + n);		/* pairs with tlsock_stats_sum() */
	put_cpu_ptr(mib);
}

static inline void tlsock_inc(const struct sock *sk, enum tlsock_mib_item item)
{
	tlsock_add(sk, item, 1);
}

static inline struct tlsock_ctx *tlsock_ctx(const struct sock *sk)
{
	/* set once, and taken away by close(): system calls look before they have the lock */
	return (__force struct tlsock_ctx *)READ_ONCE(inet_csk(sk)->icsk_ulp_data);
}

/* The ULP "tls" before its keys, whose calls are TCP's. After a failure the keys are gone too. */
static inline bool tlsock_passes(const struct tlsock_ctx *ctx, const struct tlsock_keys *keys)
{
	if (!ctx->upstream_abi || keys)
		return false;
	/* pairs with tlsock_fail(): who sees the keys gone sees why */
	smp_rmb();
	return READ_ONCE(ctx->state) != TLSOCK_STATE_FAILED;
}

/* What TCP has to tell: a negative errno, or 0. Looked at once, and said or tested as it was then:
 * getsockopt(SO_ERROR) takes it without the socket lock.
 */
static inline int tlsock_sk_err(const struct sock *sk)
{
	return -READ_ONCE(sk->sk_err);
}

/* context.c */
int tlsock_ctx_init(void);
void tlsock_ctx_exit(void);
/* With one reference, for @sk, which it does not hold. @opts: shared, or NULL. May sleep. NULL: no
 * memory.
 */
struct tlsock_ctx *tlsock_ctx_new(struct sock *sk, struct tlsock_opts *opts);
void tlsock_ctx_put(struct tlsock_ctx *ctx);
/* Whom the daemon's policy asks for: the calling task. Socket lock, or nobody else has it yet. */
void tlsock_ctx_owner(struct tlsock_ctx *ctx);
/* Drop keys, buffers and the handshake; state becomes IDLE. Socket lock. */
void tlsock_ctx_reset(struct sock *sk, struct tlsock_ctx *ctx);
/* Nobody else in the kernel (AF_KCM, a sockmap) gets the socket until it is reset: they put
 * their own callbacks over ours. Socket lock. -EBUSY: somebody has it.
 */
int tlsock_ctx_claim(struct sock *sk, struct tlsock_ctx *ctx);
/* NULL is nothing */
void tlsock_result_free(struct tlsock_result *r);
/* Queue the work. Any context; the caller's own reference to @ctx and its socket is enough. */
void tlsock_kick(struct tlsock_ctx *ctx);

/* ulp.c: the ULP, and the protos and proto_ops put in place of TCP's */
int tlsock_ulp_register(bool tls);
bool tlsock_ulp_is_tls(void);
void tlsock_ulp_unregister(void);
/* 0 when data may flow; else a negative errno. Sleeps up to *@timeo jiffies while a
 * handshake runs. Socket lock, which is dropped while sleeping.
 */
int tlsock_wait_ready(struct sock *sk, long *timeo);
/* The same, but 0 whatever the handshake came to; -EAGAIN: *@timeo passed. */
int tlsock_wait_handshake(struct sock *sk, struct tlsock_ctx *ctx, long *timeo);

/* connect.c */
int tlsock_connect(struct socket *sock, compat_sockaddr *addr, int addr_len, int flags);

/* diag.c: for struct tcp_ulp_ops */
int tlsock_get_info(struct sock *sk, struct sk_buff *skb COMPAT_ULP_INFO_PARAMS);
size_t tlsock_get_info_size(const struct sock *sk COMPAT_ULP_INFO_PARAMS);

/* sockopt.c */
int tlsock_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval,
		      unsigned int optlen);
int tlsock_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
		      int __user *optlen);
/* A copy of @size bytes for getsockopt() to give. 0 or -ENOMEM. */
int tlsock_answer(struct tlsock_answer **out, const void *data, size_t size);
/* @o, or what a socket has by itself when that is NULL, with one more reference */
struct tlsock_opts *tlsock_opts_get(struct tlsock_opts *o);
void tlsock_opts_put(struct tlsock_opts *o);

/* manual.c: the options of <linux/tls.h>. Socket lock. Errors as upstream's. */
int tlsock_manual_set(struct sock *sk, struct tlsock_ctx *ctx, int optname, sockptr_t optval,
		      unsigned int optlen);
int tlsock_manual_get(struct sock *sk, struct tlsock_ctx *ctx, int optname, int len,
		      struct tlsock_answer **out);

/* handshake.c: the socket's side of a handshake. All under the socket lock. */

/* Begin, on an established TCP connection. Returns 0 or a negative errno; on error
 * the state has not changed.
 */
int tlsock_hs_start(struct sock *sk, struct tlsock_ctx *ctx);
/* The same; the connection fails when it cannot be. */
void tlsock_hs_start_or_fail(struct sock *sk, struct tlsock_ctx *ctx);
/* Begin a client's, once TCP was established; fail it if that cannot be. */
void tlsock_hs_begin(struct sock *sk, struct tlsock_ctx *ctx);
/* Read what came and hand it on, fail on errors, look at the clock. */
void tlsock_hs_run(struct sock *sk, struct tlsock_ctx *ctx);
/* Let go of the daemon's side. */
void tlsock_hs_drop(struct sock *sk, struct tlsock_ctx *ctx);
/* End the connection for good: remember why, send @alert (TLSOCK_ALERT_NONE: none), then
 * FIN, wake everybody. @err: positive errno. Only the first failure counts.
 */
void __printf(6, 7) tlsock_fail(struct sock *sk, struct tlsock_ctx *ctx, int err, u8 alert,
				u32 x509, const char *fmt, ...);
/* Take what lock_or_leave() parked; the caller frees it. */
struct tlsock_push *tlsock_hs_parked(struct sock *sk, struct tlsock_ctx *ctx);
void tlsock_work(struct work_struct *work);
void tlsock_timer(struct work_struct *work);
/* tlsock_timer() at @when, in jiffies, in place of when it was to be. Socket lock. */
void tlsock_timer_arm(struct tlsock_ctx *ctx, unsigned long when);

/* rest.c: all under the socket lock */

/* Keys are in force, or in use again: look at them later. */
void tlsock_rest_watch(struct sock *sk, struct tlsock_ctx *ctx);
/* Let those rest that were not used for long; for a work. */
void tlsock_rest(struct sock *sk, struct tlsock_ctx *ctx);
int tlsock_rest_end(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_keys *keys);
/* Before @keys are used. 0, or the negative errno of tlsock_keys_load(), which changes nothing: it
 * can be tried again.
 */
static inline int tlsock_keys_wake(struct sock *sk, struct tlsock_ctx *ctx,
				   struct tlsock_keys *keys)
{
	return likely(keys->engine) ? 0 : tlsock_rest_end(sk, ctx, keys);
}

/* sysctl.c: net.tlsock of a network namespace */
int tlsock_sysctl_net_init(struct tlsock_net *tn);
void tlsock_sysctl_net_exit(struct tlsock_net *tn);

/* stats.c */
int tlsock_stats_net_init(struct tlsock_net *tn);
void tlsock_stats_net_exit(struct tlsock_net *tn);
void tlsock_stats_sum(const struct tlsock_net *tn, struct tlsock_mib *sum);
/* Count a direction with keys set by hand, until tlsock_stats_end(). Socket lock. */
void tlsock_stats_direction(struct sock *sk, struct tlsock_ctx *ctx, bool tx);
void tlsock_stats_end(struct sock *sk, struct tlsock_ctx *ctx);
/* /proc/net/tls_stat, when the ULP "tls" is ours */
int tlsock_stats_tls_register(void);
void tlsock_stats_tls_unregister(void);

/* crypto.c */

int tlsock_keys_init(void);
void tlsock_keys_exit(void);
/* ERR_PTR: -EINVAL lengths, -EOPNOTSUPP the kernel has no such cipher, -ENOMEM. May sleep. */
struct tlsock_keys *tlsock_keys_new(const struct tlsock_cipher *cipher, const u8 *key,
				    size_t key_len, const u8 *iv, size_t iv_len);
void tlsock_keys_free(struct tlsock_keys *keys);
/* Have an engine: 0, -ENOMEM or what the driver says. May sleep. Be without one. */
int tlsock_keys_load(struct tlsock_keys *keys);
void tlsock_keys_unload(struct tlsock_keys *keys);
/* Where the scatterlists of the next two begin in a record: at its header in TLS 1.3, whose
 * additional data that is, else at the content. Bytes.
 */
size_t tlsock_keys_skip(const struct tlsock_keys *keys);
/* Protect @src to @dst, which may be the same. Both begin at tlsock_keys_skip() of the record; the
 * caller writes header and explicit nonce, in TLS 1.3 to both. @len: bytes of content, the inner
 * type counted; @dst has room for the tag behind them.
 */
int tlsock_keys_seal(struct tlsock_keys *keys, struct scatterlist *src, struct scatterlist *dst,
		     u8 type, size_t len);
/* Open @src to @dst. @type: of the header. @len: bytes behind the header and explicit nonce. */
int tlsock_keys_open(struct tlsock_keys *keys, struct scatterlist *src, struct scatterlist *dst,
		     u8 type, const u8 *expl, size_t len);
/* The next generation of traffic keys, RFC 8446 section 7.2. ERR_PTR as above. */
struct tlsock_keys *tlsock_keys_next(const struct tlsock_keys *keys);

/* pool.c: pages for records in work. Process context. What lies in one is not the caller's. */
struct page *tlsock_page_get(gfp_t gfp);
/* Drop the caller's reference. */
void tlsock_page_put(struct page *page);
/* The same for those there are of TLSOCK_RECORD_PAGES, which become NULL */
void tlsock_pages_put(struct page **pages);
/* sg_init_table() for one entry and what it is set to, without a call for that */
static inline void tlsock_sg_one(struct scatterlist *sg, struct page *page, size_t len, size_t off)
{
	*sg = (struct scatterlist){};
	sg_set_page(sg, page, len, off);
	sg_mark_end(sg);
}

#define TLSOCK_ITER_PAGES	(TLSOCK_FRAGMENT_MAX / PAGE_SIZE + 2)
/* The next @len bytes of @iter (user memory, or pages) where they lie, with a reference to each
 * page, as @sg of TLSOCK_ITER_PAGES, which sg_init_table() was called for. How many pages; 0: not
 * to be had. @iter is past them.
 */
int tlsock_iter_pages(struct iov_iter *iter, struct page **pages, struct scatterlist *sg,
		      size_t len);
/* @sg: TLSOCK_RECORD_PAGES entries, for the @len bytes at @off of a record in @pages */
void tlsock_pages_sg(struct scatterlist *sg, struct page **pages, size_t off, size_t len);
void tlsock_pool_exit(void);

/* tx.c: all under the socket lock */
int tlsock_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
void tlsock_tx_init(struct tlsock_tx *tx);
/* Bytes of plaintext that a record of application data may have, its padding included */
u16 tlsock_tx_payload(const struct tlsock_tx *tx);
void tlsock_tx_free(struct tlsock_tx *tx);
/* Room for one record of @len content bytes under any key */
struct tlsock_txbuf *tlsock_txbuf_new(size_t len, gfp_t gfp);
/* Make a record of @buf's content and queue it. Owns @buf, also on error. */
int tlsock_tx_record(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_txbuf *buf,
		     u8 type, const u8 *data, size_t len);
/* Finish the open application record, if any. */
int tlsock_tx_close_record(struct sock *sk, struct tlsock_ctx *ctx);
/* The same if that can be now, and send it: what MSG_MORE promised does not come. */
void tlsock_tx_end_record(struct sock *sk, struct tlsock_ctx *ctx);
/* Give TCP what is queued. 0: all of it; -EAGAIN: TCP is full. */
int tlsock_tx_flush(struct sock *sk, struct tlsock_ctx *ctx);
/* The same before a FIN: TCP has to take it beyond SO_SNDBUF. */
int tlsock_tx_flush_all(struct sock *sk, struct tlsock_ctx *ctx);

/* tx.c and tx_batch.c, for each other; socket lock */

/* RFC 8446 section 5.5: AES-GCM may protect 2^24.5 full-size records under one key */
#define TLSOCK_KEY_RECORDS	BIT_ULL(24)

/* RFC 8446 section 5.4: bytes of padding behind @content bytes and their type */
size_t tlsock_tx_pad_len(const struct tlsock_tx *tx, size_t content);
static inline size_t tlsock_tx_pad(const struct tlsock_tx *tx, size_t content)
{
	return unlikely(tx->padding) ? tlsock_tx_pad_len(tx, content) : 0;
}

/* Bytes of plaintext for the next record, behind those that wait: see tx.c */
size_t tlsock_tx_fit(const struct sock *sk, const struct tlsock_tx *tx);

/* Header and explicit nonce of the next record: tlsock_head_len() bytes */
void tlsock_tx_head(const struct tlsock_keys *keys, u8 *out, u8 type, size_t content);
/* Application records in tx.seg, of @content bytes, are whole. */
int tlsock_tx_enqueue(struct sock *sk, struct tlsock_ctx *ctx, u32 records, u32 content);
int tlsock_tx_seal_failed(struct sock *sk, struct tlsock_ctx *ctx, int err);
/* Make whole records of @msg until the batch is full, and queue them. Returns bytes taken, or a
 * negative errno. What is less than a record stays in @msg when there is @more to come. @fit: of
 * the first one, see above.
 */
int tlsock_tx_batch(struct sock *sk, struct tlsock_ctx *ctx, struct msghdr *msg, u8 type,
		    size_t fit, bool more);

/* recv.c */
int tlsock_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
/* For users within the kernel: as tcp_read_sock(), over records of data. Socket lock. */
int tlsock_read_sock(struct sock *sk, read_descriptor_t *desc, sk_read_actor_t actor);
ssize_t tlsock_splice_read(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			   size_t len, unsigned int flags);

/* rx.c: all under the socket lock */
void tlsock_rx_init(struct tlsock_rx *rx);
void tlsock_rx_free(struct tlsock_rx *rx);
/* No more records; what is decrypted already can still be read. */
void tlsock_rx_stop(struct tlsock_rx *rx);
/* What a read of many records has for the next one */
struct tlsock_rx_to {
	struct iov_iter *iter;		/* user memory to open it to, or NULL */
	size_t room;			/* bytes there */
	size_t given;			/* out: bytes of a record of data that went there, whole */
};

/* Open the next record. 0: rx.open; -EAGAIN: not complete; -EPIPE: FIN at a record's end;
 * -EPROTO: FIN within a record; else it has failed already, and its negative errno. @to may be
 * NULL; whoever gives one calls tlsock_rx_settle() before anything else of TCP, and before the
 * lock is free.
 */
int tlsock_rx_record(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_rx_to *to);
void tlsock_rx_consume(struct tlsock_rx *rx);
/* Hold no pages while there is nothing in them. */
void tlsock_rx_idle(struct tlsock_rx *rx);
/* The next record in work that the application is to see. 0: rx.open; -EAGAIN; -ENODATA: end
 * of file; else the connection has failed, and its negative errno. @to: see tlsock_rx_record()
 */
int tlsock_rx_next(struct sock *sk, struct tlsock_ctx *ctx, struct tlsock_rx_to *to);
/* The record in work could not be opened: end with tlsock_keys_open()'s @err. */
int tlsock_rx_open_failed(struct sock *sk, struct tlsock_ctx *ctx, int err);
void tlsock_rx_ahead_free(struct tlsock_rxrec *rec);
/* Take bytes of the record in work off TCP's queue, without opening it. */
void tlsock_rx_pull(struct sock *sk, struct tlsock_ctx *ctx);
/* Copy @len bytes at @off of the open record. */
void tlsock_rx_copy(const struct tlsock_rx *rx, u32 off, u8 *out, size_t len);
/* Tell poll whether a read would do something. Socket lock, or softirq with it free. */
void tlsock_rx_update_ready(struct sock *sk, struct tlsock_ctx *ctx);
/* Open a record if none is, for who asks and does not read; its error is for who reads. Only with
 * the handshake over.
 */
void tlsock_rx_offer(struct sock *sk, struct tlsock_ctx *ctx);
/* For poll: open what is there, so that a record without application data makes nobody read. True:
 * something can be read, and an end of TCP behind it would be a truncation, as far as is known.
 */
bool tlsock_rx_look(struct sock *sk, struct tlsock_ctx *ctx);
/* Take what brings no application data off the queue, so that close() sends FIN, not RST */
void tlsock_rx_drain(struct sock *sk, struct tlsock_ctx *ctx);

/* rx_queue.c: all under the socket lock */

/* Pieces of a record in TCP's queue; with more of them a copy costs less */
#define TLSOCK_RX_PIECES	24

/* TCP is told of what was taken. */
void tlsock_rx_settle(struct sock *sk, struct tlsock_rx *rx);
/* @len bytes were read from where they lie. @more: tlsock_rx_settle() will follow. */
void tlsock_rx_take(struct sock *sk, struct tlsock_rx *rx, size_t len, bool more);
/* Own pages for the first @len bytes. A page that a pipe still holds is left to it. */
int tlsock_rx_pages_grow(struct sock *sk, struct tlsock_rx *rx, size_t len);
/* Take bytes until rx.need. 0: there; -EAGAIN: not yet; else a negative errno. */
int tlsock_rx_fill(struct sock *sk, struct tlsock_ctx *ctx);
/* The first @want bytes of the record in work: from our pages, then from TCP's queue. In softirq
 * too.
 */
bool tlsock_rx_peek(struct sock *sk, const struct tlsock_rx *rx, u8 *out, size_t want);
/* How many bytes lie together at the next record, and where; 0: in no way that suits us. */
u32 tlsock_rx_run(struct sock *sk, const struct tlsock_rx *rx, struct page **page, u32 *at);
/* Where @len bytes at @skip of the next record lie, as @sg of TLSOCK_RX_PIECES; false: in no way
 * that suits us.
 */
bool tlsock_rx_gather(struct sock *sk, const struct tlsock_rx *rx, struct scatterlist *sg,
		      size_t skip, size_t len);

/* rx_user.c: socket lock */

/* Open the next record, whole as @src, straight to @to. 0: done; 1: it has to be opened to our
 * pages; else the connection has failed. @header: explicit nonce included.
 */
int tlsock_rx_to_user(struct sock *sk, struct tlsock_ctx *ctx, const struct tlsock_header *h,
		      const u8 *header, struct scatterlist *src, struct tlsock_rx_to *to);

/* ioctl.c: takes the socket lock */
int tlsock_ioctl(struct sock *sk, int cmd, compat_ioctl_arg arg);

/* alert.c */
void tlsock_alert_send(struct sock *sk, struct tlsock_ctx *ctx, u8 level, u8 description);
/* An alert was received (the open record). Returns 0 to go on, or the negative errno. */
int tlsock_alert_recv(struct sock *sk, struct tlsock_ctx *ctx);
void tlsock_close_notify(struct sock *sk, struct tlsock_ctx *ctx);
const char *tlsock_alert_name(u8 description);

/* key_update.c: handshake messages after the handshake (the open record). Returns 0 or
 * the negative errno it failed with.
 */
int tlsock_post_handshake(struct sock *sk, struct tlsock_ctx *ctx);
/* -EAGAIN: what was queued before has not left yet. */
int tlsock_key_update_send(struct sock *sk, struct tlsock_ctx *ctx, bool request);
/* The answer that the peer asked for, once there is room for it */
int tlsock_key_update_answer(struct sock *sk, struct tlsock_ctx *ctx);

#endif /* _TLSOCK_H */
