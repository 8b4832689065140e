// SPDX-License-Identifier: GPL-2.0-only
/*
 * The bench: what a record costs, from within the kernel, so that no system call is counted.
 * One thread sends a batch over loopback and then receives it, over plain TCP and over each
 * ULP in turn, slice by slice, so that a busy neighbour disturbs all of them alike. It prints
 * one line a slice; medians are made on the host. It must never judge, and never stays loaded.
 */
#include <linux/bvec.h>
#include <linux/delay.h>
#include <linux/in.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/tcp.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <uapi/linux/tls.h>

#define SEND_SIZE	(1UL << 20)
#define RECV_SIZE	(1UL << 18)
#define BATCH		65536UL

static char *mode = "stream";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "stream, latency or memory");
static char *path = "kernel";
module_param(path, charp, 0444);
MODULE_PARM_DESC(path, "where the data lies: kernel, user or pages");
static char *cipher = "tls13-aes-128-gcm";
module_param(cipher, charp, 0444);
static char *ulps = "plain,tls,tlsock";
module_param(ulps, charp, 0444);
static unsigned int sizes[16] = { 64, 512, 1400, 4096, 16384, 65536, 1048576 };
static int n_sizes = 7;
module_param_array(sizes, uint, &n_sizes, 0444);
static unsigned int rounds = 15;
module_param(rounds, uint, 0444);
static unsigned int slice_us = 20000;
module_param(slice_us, uint, 0444);
static unsigned int conns = 2000;
module_param(conns, uint, 0444);
MODULE_PARM_DESC(conns, "connections whose memory is weighed");
static unsigned int idle_ms;
module_param(idle_ms, uint, 0444);
MODULE_PARM_DESC(idle_ms, "how long they are idle when they are weighed");

struct pair {
	struct socket *a, *b;
};

static const struct suite {
	const char *name;
	u16 version, type;
	size_t len;
} suites[] = {
	{ "tls13-aes-128-gcm", TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128,
	  sizeof(struct tls12_crypto_info_aes_gcm_128) },
	{ "tls13-aes-256-gcm", TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_256,
	  sizeof(struct tls12_crypto_info_aes_gcm_256) },
	{ "tls13-chacha20-poly1305", TLS_1_3_VERSION, TLS_CIPHER_CHACHA20_POLY1305,
	  sizeof(struct tls12_crypto_info_chacha20_poly1305) },
	{ "tls12-aes-128-gcm", TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128,
	  sizeof(struct tls12_crypto_info_aes_gcm_128) },
};

static const struct suite *suite;
static bool in_user, in_pages;			/* what path says */
static struct bio_vec send_pages[SEND_SIZE / PAGE_SIZE];
static void *send_buf, *recv_buf;		/* kernel memory */
static unsigned long send_user, recv_user;	/* the same in the process that loads us */

static int set_option(struct socket *sock, int level, int option, void *value, int len)
{
	return sock->ops->setsockopt(sock, level, option, KERNEL_SOCKPTR(value), len);
}

/* From user memory, as a program does it: upstream's module does not take it from elsewhere. */
static int set_key(struct socket *sock, int direction)
{
	union {
		struct tls_crypto_info info;
		u8 bytes[64];
	} key;

	/* the same key both ways, sequence numbers from 0: nobody has to trust these records */
	memset(&key, 0, sizeof(key));
	key.info.version = suite->version;
	key.info.cipher_type = suite->type;
	if (copy_to_user((void __user *)recv_user, &key, suite->len))
		return -EFAULT;
	return sock->ops->setsockopt(sock, SOL_TLS, direction,
				     USER_SOCKPTR((void __user *)recv_user), suite->len);
}

static int set_ulp(struct socket *sock, const char *ulp)
{
	int err;

	if (!strcmp(ulp, "plain"))
		return 0;
	err = set_option(sock, SOL_TCP, TCP_ULP, (void *)ulp, strlen(ulp)) ?:
	      set_key(sock, TLS_TX) ?: set_key(sock, TLS_RX);
	if (err)
		pr_err("bench: %s, %s: %d\n", ulp, suite->name, err);
	return err;
}

static void pair_close(struct pair *p)
{
	if (p->a)
		sock_release(p->a);
	if (p->b)
		sock_release(p->b);
}

static int pair_open(struct pair *p, const char *ulp)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct socket *listener;
	int err, one = 1;

	p->a = NULL;
	p->b = NULL;
	err = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &listener);
	if (err)
		return err;
	err = kernel_bind(listener, (void *)&addr, sizeof(addr)) ?: kernel_listen(listener, 1);
	if (!err)
		err = min(kernel_getsockname(listener, (void *)&addr), 0);
	if (!err)
		err = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP, &p->a) ?:
		      kernel_connect(p->a, (void *)&addr, sizeof(addr), 0) ?:
		      kernel_accept(listener, &p->b, 0) ?:
		      set_option(p->a, SOL_TCP, TCP_NODELAY, &one, sizeof(one)) ?:
		      set_option(p->b, SOL_TCP, TCP_NODELAY, &one, sizeof(one)) ?:
		      set_ulp(p->a, ulp) ?: set_ulp(p->b, ulp);
	sock_release(listener);
	return err;
}

/* A message over the @len bytes at @off of a buffer, in the memory that the path names */
struct aim {
	struct msghdr msg;
	union {
		struct kvec kernel;
		struct iovec user;
	};
};

static void aim(struct aim *a, bool send, size_t off, size_t len)
{
	unsigned int rw = send ? WRITE : READ;

	memset(&a->msg, 0, sizeof(a->msg));
	a->msg.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	if (in_user) {
		a->user.iov_base = (void __user *)((send ? send_user : recv_user) + off);
		a->user.iov_len = len;
		iov_iter_init(&a->msg.msg_iter, rw, &a->user, 1, len);
		return;
	}
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
	if (send && in_pages) {
		iov_iter_bvec(&a->msg.msg_iter, rw, send_pages, ARRAY_SIZE(send_pages), off + len);
		iov_iter_advance(&a->msg.msg_iter, off);
		a->msg.msg_flags |= MSG_SPLICE_PAGES;
		return;
	}
#endif
	a->kernel.iov_base = (send ? send_buf : recv_buf) + off;
	a->kernel.iov_len = len;
	iov_iter_kvec(&a->msg.msg_iter, rw, &a->kernel, 1, len);
}

static int send_some(struct socket *sock, size_t off, size_t len)
{
	static struct aim a;

	aim(&a, true, off, len);
	return sock_sendmsg(sock, &a.msg);
}

static int recv_some(struct socket *sock, size_t len)
{
	static struct aim a;

	aim(&a, false, 0, len);
	return sock_recvmsg(sock, &a.msg, MSG_DONTWAIT);
}

/* Whole writes of @size until the batch is full or the socket is; *@off is where one was cut. */
static int fill(struct socket *sock, size_t size, size_t *off, u64 *sent)
{
	size_t now = 0;
	int n;

	while (now < BATCH || *off) {
		n = send_some(sock, *off, size - *off);
		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return n ?: -EPIPE;
		now += n;
		*sent += n;
		*off = (*off + n) % size;
	}
	return 0;
}

/* What was sent, as far as it is there; loopback delivers at once, but for what the window held. */
static int empty(struct socket *sock, u64 sent, u64 *got)
{
	int n;

	while (*got < sent) {
		n = recv_some(sock, RECV_SIZE);
		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return n ?: -EPIPE;
		*got += n;
	}
	return 0;
}

struct cost {
	u64 tx, rx;		/* ps a write */
};

static int slice(struct pair *p, size_t size, struct cost *cost)
{
	u64 tx = 0, rx = 0, sent = 0, got = 0, start = ktime_get_ns(), t0, t1, idle = 0, before;
	size_t off = 0;
	int err;

	do {
		t0 = ktime_get_ns();
		err = fill(p->a, size, &off, &sent);
		if (err)
			return err;
		t1 = ktime_get_ns();
		before = got;
		err = empty(p->b, sent, &got);
		if (err)
			return err;
		tx += t1 - t0;
		rx += ktime_get_ns() - t1;
		if (got == before && ++idle > 1000000)
			return -ETIMEDOUT;
		cond_resched();
	} while (t1 - start < slice_us * 1000ULL || off || got < sent);
	cost->tx = div64_u64(tx * 1000 * size, sent);
	cost->rx = div64_u64(rx * 1000 * size, sent);
	return 0;
}

static int whole(struct socket *from, struct socket *to, size_t size)
{
	size_t sent = 0, got = 0;
	u64 tries = 0;
	int n;

	while (got < size) {
		if (sent < size) {
			n = send_some(from, sent, size - sent);
			if (n < 0 && n != -EAGAIN)
				return n;
			sent += max(n, 0);
		}
		n = recv_some(to, size - got);
		if (n < 0 && n != -EAGAIN)
			return n;
		got += max(n, 0);
		if (++tries > 10000000)
			return -ETIMEDOUT;
	}
	return 0;
}

static int cmp_u32(const void *a, const void *b)
{
	return *(u32 *)a < *(u32 *)b ? -1 : *(u32 *)a > *(u32 *)b;
}

/* One request and its response, again and again: ns at the median and at the 99th percentile. The
 * clock of a User Mode Linux counts by the quarter of a microsecond; the processor's own is finer.
 */
static int latency(struct pair *p, size_t size, struct cost *cost)
{
	static u32 ticks[1000];
	u64 t0 = ktime_get_ns(), start = __builtin_ia32_rdtsc(), before, all;
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(ticks); i++) {
		before = __builtin_ia32_rdtsc();
		err = whole(p->a, p->b, size) ?: whole(p->b, p->a, size);
		if (err)
			return err;
		ticks[i] = __builtin_ia32_rdtsc() - before;
	}
	all = __builtin_ia32_rdtsc() - start;
	t0 = ktime_get_ns() - t0;
	sort(ticks, ARRAY_SIZE(ticks), sizeof(ticks[0]), cmp_u32, NULL);
	cost->tx = mul_u64_u64_div_u64(ticks[ARRAY_SIZE(ticks) / 2] * 1000ULL, t0, all);
	cost->rx = mul_u64_u64_div_u64(ticks[ARRAY_SIZE(ticks) * 99 / 100] * 1000ULL, t0, all);
	return 0;
}

static char *ulp_name[4];
static int n_ulps;

/* One size with each ULP in turn; the first round warms up. */
static int measure(size_t size, int (*one)(struct pair *p, size_t size, struct cost *cost))
{
	struct pair p[ARRAY_SIZE(ulp_name)] = {};
	struct cost cost;
	int err = 0, u, r;

	for (u = 0; u < n_ulps && !err; u++)
		err = pair_open(&p[u], ulp_name[u]);
	for (r = -1; r < (int)rounds && !err; r++) {
		for (u = 0; u < n_ulps && !err; u++) {
			err = one(&p[u], size, &cost);
			if (!err && r >= 0)
				pr_info("bench: %s %s %s %zu %s %llu %llu\n", mode, cipher, path,
					size, ulp_name[u], cost.tx, cost.rx);
		}
	}
	for (u = 0; u < n_ulps; u++)
		pair_close(&p[u]);
	return err;
}

/* Bytes that a connection costs both its ends once it has been used and is idle */
static int weigh(const char *ulp)
{
	struct pair *p = kvcalloc(conns, sizeof(*p), GFP_KERNEL);
	struct sysinfo before, after;
	unsigned int i;
	int err = 0;

	if (!p)
		return -ENOMEM;
	rcu_barrier();		/* what was weighed last has gone */
	si_meminfo(&before);
	for (i = 0; i < conns && !err; i++)
		err = pair_open(&p[i], ulp) ?: whole(p[i].a, p[i].b, 16384) ?:
		      whole(p[i].b, p[i].a, 16384);
	msleep(idle_ms);
	rcu_barrier();
	si_meminfo(&after);
	if (!err)
		pr_info("bench: memory %s %s %d %s %lld 0\n", cipher, path, 0, ulp,
			div_s64(((s64)before.freeram - (s64)after.freeram) * PAGE_SIZE, conns));
	for (i = 0; i < conns; i++) {
		/* with a reset: what waits for late packets is memory too */
		if (p[i].a)
			sock_no_linger(p[i].a->sk);
		pair_close(&p[i]);
	}
	kvfree(p);
	/* sockets are freed by RCU, and that frees more */
	rcu_barrier();
	rcu_barrier();
	return err;
}

static int weigh_all(void)
{
	int err = 0, u, r;

	for (r = 0; r < 5 && !err; r++)
		for (u = 0; u < n_ulps && !err; u++)
			err = weigh(ulp_name[u]);
	return err;
}

static int run(void)
{
	int i, err = 0;

	if (!strcmp(mode, "memory"))
		return weigh_all();
	for (i = 0; i < n_sizes && !err; i++) {
		if (!sizes[i] || sizes[i] > SEND_SIZE)
			return -EINVAL;
		err = measure(sizes[i], strcmp(mode, "latency") ? slice : latency);
	}
	return err;
}

static unsigned long user_memory(size_t len)
{
	unsigned long addr = vm_mmap(NULL, 0, len, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, 0);

	/* touch each page now: faults are not what is measured */
	if (!IS_ERR_VALUE(addr) && clear_user((void __user *)addr, len))
		return -EFAULT;
	return addr;
}

static int prepare(void)
{
	char *list = kstrdup(ulps, GFP_KERNEL), *rest = list;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(suites); i++)
		if (!strcmp(suites[i].name, cipher))
			suite = &suites[i];
	if (!suite || !list)
		return -EINVAL;
	while (n_ulps < ARRAY_SIZE(ulp_name) && (ulp_name[n_ulps] = strsep(&rest, ",")))
		n_ulps++;
	send_buf = vzalloc(SEND_SIZE);
	recv_buf = vzalloc(RECV_SIZE);
	send_user = user_memory(SEND_SIZE);
	recv_user = user_memory(RECV_SIZE);
	if (!send_buf || !recv_buf || IS_ERR_VALUE(send_user) || IS_ERR_VALUE(recv_user))
		return -ENOMEM;
	in_user = !strcmp(path, "user");
	in_pages = !strcmp(path, "pages");
	for (i = 0; i < ARRAY_SIZE(send_pages); i++) {
		send_pages[i].bv_page = vmalloc_to_page(send_buf + i * PAGE_SIZE);
		send_pages[i].bv_len = PAGE_SIZE;
	}
	return 0;
}

static int __init bench_init(void)
{
	int err = prepare() ?: run();

	vfree(send_buf);
	vfree(recv_buf);
	kfree(ulp_name[0]);
	if (err)
		pr_err("bench: %s %s %s: error %d\n", mode, cipher, path, err);
	/* the user memory goes with the process */
	return err ?: -ECANCELED;
}

module_init(bench_init);
MODULE_DESCRIPTION("What a TLS record costs");
MODULE_LICENSE("GPL");
