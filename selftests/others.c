// SPDX-License-Identifier: GPL-2.0-only
/*
 * others.c: who else in the kernel takes hold of a TCP socket: a reader asleep in TCP while the ULP
 * or its keys come, a sockmap, an AF_KCM. Either TLS has the socket or they have it, never both: they
 * put their own functions in place of ours.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/kcm.h>
#include <linux/tls.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"

FIXTURE(others)
{
	struct pair p;
	struct worker w;
};

FIXTURE_SETUP(others)
{
	pair_init(&self->p, TLS13, SUITE_AES_128);
	memset(&self->w, 0, sizeof(self->w));
	ASSERT_EQ(0, env_setup());
}

FIXTURE_TEARDOWN(others)
{
	worker_stop(&self->w);
	pair_close(&self->p);
}

/* ---- a reader asleep ---- */

struct sleeper {
	int fd;
	pid_t tid;
	ssize_t rc;
	uint8_t got[256];
};

static void *sleeper_main(void *arg)
{
	struct sleeper *s = arg;

	__atomic_store_n(&s->tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	s->rc = recv(s->fd, s->got, sizeof(s->got), 0);
	if (s->rc < 0)
		s->rc = -errno;
	return NULL;
}

/* Is it in a system call that waits? */
static bool asleep(const struct sleeper *s)
{
	pid_t tid = __atomic_load_n(&s->tid, __ATOMIC_ACQUIRE);
	char path[64], line[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = tid ? fopen(path, "re") : NULL;
	if (!f)
		return false;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	return strstr(line, ") S ");
}

static pthread_t sleep_in(struct __test_metadata *_metadata, struct sleeper *s, int fd)
{
	pthread_t thread;

	memset(s, 0, sizeof(*s));
	s->fd = fd;
	thread = thread_start(sleeper_main, s);
	ASSERT_TRUE(WAIT_FOR(asleep(s)));
	return thread;
}

/* With "tlsock" it gets no byte of what is TLS. */
TEST_F(others, reader_asleep_when_the_ulp_comes)
{
	struct pair *p = &self->p;
	struct sleeper s;
	pthread_t thread;
	char got[16];

	ASSERT_EQ(0, pair_plain(p));
	thread = sleep_in(_metadata, &s, p->s);
	ASSERT_EQ(0, ulp_attach(p->s));
	ASSERT_EQ(0, key_set(p->s, TLS_TX, &p->stx));
	ASSERT_EQ(0, key_set(p->s, TLS_RX, &p->srx));
	ASSERT_EQ(0, rec_send(p->c, &p->ctx, REC_DATA, "hello", 5));
	pthread_join(thread, NULL);
	EXPECT_GT(0, s.rc);
	EXPECT_EQ(5, recv(p->s, got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp(got, "hello", 5));
}

/* ---- a sockmap ---- */

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int sockmap_new(void)
{
	union bpf_attr a = {
		.map_type = BPF_MAP_TYPE_SOCKMAP,
		.key_size = 4,
		.value_size = 4,
		.max_entries = 2,
	};

	return bpf(BPF_MAP_CREATE, &a);
}

static int sockmap_put(int map, int fd)
{
	uint32_t key = 0, value = (uint32_t)fd;
	union bpf_attr a = {
		.map_fd = (uint32_t)map,
		.key = (uint64_t)(uintptr_t)&key,
		.value = (uint64_t)(uintptr_t)&value,
	};

	return bpf(BPF_MAP_UPDATE_ELEM, &a) ? -errno : 0;
}

static void expect_traffic(struct __test_metadata *_metadata, const struct pair *p)
{
	char got[16];

	EXPECT_EQ(5, send(p->c, "hello", 5, 0));
	EXPECT_EQ(5, recv(p->s, got, sizeof(got), 0));
	EXPECT_EQ(0, memcmp(got, "hello", 5));
}

TEST_F(others, sockmap_of_a_tls_socket)
{
	struct pair *p = &self->p;
	int map = sockmap_new();

	if (map < 0)
		SKIP(return, "no sockmap in this kernel");
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(p, SUITE_AES_128));
	EXPECT_GT(0, sockmap_put(map, p->c));
	EXPECT_GT(0, sockmap_put(map, p->s));
	expect_traffic(_metadata, p);
	close(map);
}

TEST_F(others, tls_on_a_socket_of_a_sockmap)
{
	struct pair *p = &self->p;
	int map = sockmap_new();

	if (map < 0)
		SKIP(return, "no sockmap in this kernel");
	ASSERT_EQ(0, pair_plain(p));
	ASSERT_EQ(0, sockmap_put(map, p->s));
	EXPECT_EQ(-1, ulp_attach(p->s));
	EXPECT_EQ(EINVAL, errno);
	expect_traffic(_metadata, p);
	close(map);
}

/* ---- AF_KCM ---- */

/* What says how long a message is: five bytes */
static int parser_load(void)
{
	struct bpf_insn five[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 5 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insns = (uint64_t)(uintptr_t)five,
		.insn_cnt = ARRAY_LEN(five),
		.license = (uint64_t)(uintptr_t) "GPL",
	};

	return bpf(BPF_PROG_LOAD, &a);
}

static int kcm_attach(int kcm, int fd)
{
	struct kcm_attach a = { .fd = fd, .bpf_fd = parser_load() };
	int rc = ioctl(kcm, SIOCKCMATTACH, &a) ? -errno : 0;

	close(a.bpf_fd);
	return rc;
}

TEST_F(others, kcm_of_a_tls_socket)
{
	struct pair *p = &self->p;
	int kcm = socket(AF_KCM, SOCK_DGRAM, KCMPROTO_CONNECTED);

	if (kcm < 0)
		SKIP(return, "no AF_KCM in this kernel");
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	ASSERT_EQ(0, pair_tls(p, SUITE_AES_128));
	EXPECT_EQ(-EALREADY, kcm_attach(kcm, p->c));
	EXPECT_EQ(-EALREADY, kcm_attach(kcm, p->s));
	expect_traffic(_metadata, p);
	pair_close(p);
	ASSERT_EQ(0, pair_manual(p, TLS13, SUITE_AES_128));
	EXPECT_EQ(-EALREADY, kcm_attach(kcm, p->s));
	expect_traffic(_metadata, p);
	close(kcm);
}

TEST_F(others, tls_on_a_socket_of_a_kcm)
{
	struct pair *p = &self->p;
	int kcm = socket(AF_KCM, SOCK_DGRAM, KCMPROTO_CONNECTED);

	if (kcm < 0)
		SKIP(return, "no AF_KCM in this kernel");
	ASSERT_EQ(0, pair_plain(p));
	ASSERT_EQ(0, ulp_attach(p->s));
	ASSERT_EQ(0, kcm_attach(kcm, p->s));
	EXPECT_EQ(-1, key_set(p->s, TLS_RX, &p->srx));
	EXPECT_EQ(EBUSY, errno);
	EXPECT_EQ(0, opt_str(p->s, TLSOCK_SERVER_NAME, "name.test"));
	EXPECT_EQ(-1, opt_int(p->s, TLSOCK_START, TLSOCK_ROLE_CLIENT));
	EXPECT_EQ(EBUSY, errno);
	close(kcm);
}

/* Its callbacks would be the ones that ours call. */
TEST_F(others, tls_above_a_kcm)
{
	struct pair *p = &self->p;
	int kcm = socket(AF_KCM, SOCK_DGRAM, KCMPROTO_CONNECTED);

	if (kcm < 0)
		SKIP(return, "no AF_KCM in this kernel");
	ASSERT_EQ(0, pair_plain(p));
	ASSERT_EQ(0, kcm_attach(kcm, p->s));
	EXPECT_EQ(-1, ulp_attach(p->s));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(0, ioctl(kcm, SIOCKCMUNATTACH, &(struct kcm_unattach){ .fd = p->s }));
	EXPECT_EQ(0, ulp_attach(p->s));
	close(kcm);
}

/* A key that is refused leaves the socket as free as it was. */
TEST_F(others, handshake_after_a_bad_key)
{
	struct pair *p = &self->p;
	struct addr a;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	p->l = listen_on(AF_INET, true, &a);
	p->c = socket_new(AF_INET, false);
	ASSERT_EQ(0, connect(p->c, &a.sa, a.len));
	ASSERT_EQ(0, ulp_attach(p->c));
	ASSERT_EQ(0, opt_str(p->c, TLSOCK_SERVER_NAME, "name.test"));
	EXPECT_EQ(-1, setsockopt(p->c, SOL_TLS, TLS_TX, &(struct tls_crypto_info){ 0 }, 4));
	ASSERT_EQ(0, opt_int(p->c, TLSOCK_START, TLSOCK_ROLE_CLIENT));
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	expect_traffic(_metadata, p);
}

/* With "tls", as upstream's: keys come while a reader sleeps in TCP, or an AF_KCM has the socket.
 * Run by upstream.sh, with ktls=1.
 */
FIXTURE(ktls)
{
	struct pair p;
};

FIXTURE_SETUP(ktls)
{
	pair_init(&self->p, TLS13, 0);
	ASSERT_EQ(0, env_setup());
	if (!ktls_served())
		SKIP(return, "the module was not loaded with ktls=1; see upstream.sh");
	ASSERT_EQ(0, pair_plain(&self->p));
	ASSERT_EQ(0, setsockopt(self->p.s, IPPROTO_TCP, TCP_ULP, "tls", 3));
}

FIXTURE_TEARDOWN(ktls)
{
	pair_close(&self->p);
}

/* CVE-2025-38616: it takes bytes from under the record layer. They are its own; nothing else breaks. */
TEST_F(ktls, reader_asleep_when_the_keys_come)
{
	struct pair *p = &self->p;
	struct sleeper s;
	pthread_t thread;
	char got[16];

	thread = sleep_in(_metadata, &s, p->s);
	ASSERT_EQ(0, key_set(p->s, TLS_RX, &p->srx));
	ASSERT_EQ(0, rec_send(p->c, &p->ctx, REC_DATA, "stolen", 6));
	pthread_join(thread, NULL);
	ASSERT_EQ(0, rec_send(p->c, &p->ctx, REC_DATA, "next", 4));
	ASSERT_NE(0, poll_for(p->s, POLLIN));
	if (s.rc > 0) {
		EXPECT_EQ(-1, recv(p->s, got, sizeof(got), 0));
		EXPECT_EQ(EBADMSG, errno);
	} else {
		EXPECT_EQ(6, recv(p->s, got, 6, 0));
		EXPECT_EQ(4, recv(p->s, got, sizeof(got), 0));
	}
}

TEST_F(ktls, kcm)
{
	int kcm = socket(AF_KCM, SOCK_DGRAM, KCMPROTO_CONNECTED);
	struct pair *p = &self->p;
	char got[16];

	if (kcm < 0)
		SKIP(return, "no AF_KCM in this kernel");
	ASSERT_EQ(0, key_set(p->s, TLS_TX, &p->stx));
	ASSERT_EQ(0, key_set(p->s, TLS_RX, &p->srx));
	ASSERT_EQ(0, kcm_attach(kcm, p->s));
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, rec_send(p->c, &p->ctx, REC_DATA, "hello", 5));
		ASSERT_EQ(POLLIN, poll_for(kcm, POLLIN));
		ASSERT_EQ(5, recv(kcm, got, sizeof(got), 0));
		ASSERT_EQ(0, memcmp(got, "hello", 5));
	}
	close(kcm);
}

TEST_HARNESS_MAIN
