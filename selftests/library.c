// SPDX-License-Identifier: GPL-2.0-only
/*
 * library.c: libtlsock.so as a program meets it, loaded at run time, so that what is tried is the
 * object that gets installed: from a name to a socket, waiting, the getters, and every wrong use
 * with the errno that tlsock.h promises. It must never reach a function by another way than the
 * library's exported symbols.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <dlfcn.h>

#include "../user/libtlsock/tlsock.h"
#include "kselftest_harness.h"

#define FUNCTIONS(x)                                                                            \
	x(connect) x(listen) x(attach) x(start) x(wait) x(get_info) x(get_error)                \
		x(get_server_name) x(get_peer_certificate) x(get_channel_binding) x(key_update) \
			x(strerror)

static struct {
#define DECLARE(name) __typeof__(tlsock_##name) *name;
	FUNCTIONS(DECLARE)
} lib;

static int load(void)
{
	const char *build = getenv("BUILD");
	char path[512];
	void *so;

	snprintf(path, sizeof(path), "%s/libtlsock.so.0", build ? build : "build");
	so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!so) {
		fprintf(stderr, "# %s\n", dlerror());
		return -1;
	}
#define RESOLVE(name)                                                \
	lib.name = (__typeof__(lib.name))dlsym(so, "tlsock_" #name); \
	if (!lib.name)                                               \
		return -1;
	FUNCTIONS(RESOLVE)
	return 0;
}

FIXTURE(library)
{
	struct tlsock_options o;
	struct tlsock_error e;
	struct worker w;
	struct pair p;
	char port[8];
};

FIXTURE_SETUP(library)
{
	memset(&self->w, 0, sizeof(self->w));
	pair_init(&self->p, TLS13, 0);
	tlsock_options_init(&self->o);
	self->o.error = &self->e;
	self->o.credential = "test";
	memset(&self->e, 0, sizeof(self->e));
	ASSERT_EQ(0, load());
	ASSERT_EQ(0, env_setup());
}

FIXTURE_TEARDOWN(library)
{
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
	EXPECT_TRUE(WAIT_FOR(stat_get("TlsockInFlight") == 0));
}

static int port_of(int fd, char *port, size_t size)
{
	struct addr a = { .len = sizeof(a.in6) };

	if (getsockname(fd, &a.sa, &a.len))
		return -1;
	/* the port lies at the same place in both families */
	snprintf(port, size, "%u", ntohs(a.in.sin_port));
	return 0;
}

static void *accept_one(void *arg)
{
	struct pair *p = arg;

	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	return NULL;
}

/* A listener on host of which the port is told, a client to the same; both established. */
static void both(struct __test_metadata *_metadata, FIXTURE_DATA(library) * self, const char *host,
		 const char *to)
{
	pthread_t t;

	self->p.l = lib.listen(host, "0", &self->o);
	ASSERT_LE(0, self->p.l);
	ASSERT_EQ(0, port_of(self->p.l, self->port, sizeof(self->port)));
	t = thread_start(accept_one, &self->p);
	self->p.c = lib.connect(to, self->port, &self->o);
	ASSERT_LE(0, self->p.c)
	{
		TH_LOG("connect: %s", self->e.text);
	}
	pthread_join(t, NULL);
	ASSERT_LE(0, self->p.s);
	EXPECT_EQ(0, lib.wait(self->p.s, PATIENCE_MS));
}

TEST_F(library, exchange)
{
	struct script s = { .alpn = "h2", .certs = 2, .cert_len = 501 };
	unsigned char *der = NULL, binding[32], want[32];
	struct tlsock_info info;
	char name[256], buf[8];
	size_t len = 0;

	ASSERT_EQ(0, worker_start(&self->w, &s));
	self->o.alpn = "h2,http/1.1";
	self->o.timeout_ms = 9000;
	both(_metadata, self, "127.0.0.1", "127.0.0.1");

	ASSERT_EQ(0, lib.get_info(self->p.c, &info, sizeof(info)));
	EXPECT_EQ(TLSOCK_STATE_ESTABLISHED, info.state);
	EXPECT_EQ(TLSOCK_ROLE_CLIENT, info.role);
	EXPECT_EQ(2, info.alpn_len);
	EXPECT_EQ(9, lib.get_server_name(self->p.c, name, sizeof(name)));
	EXPECT_STREQ("127.0.0.1", name);
	EXPECT_EQ(10, lib.get_server_name(self->p.s, name, sizeof(name)));
	EXPECT_STREQ("asked.test", name);
	EXPECT_EQ(-ERANGE, lib.get_server_name(self->p.c, name, 9));
	EXPECT_EQ(-ERANGE, lib.get_server_name(self->p.c, name, 0));

	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(0, lib.get_peer_certificate(self->p.c, i, &der, &len));
		EXPECT_EQ(501, len);
		EXPECT_TRUE(pattern_ok(der, len, i));
		free(der);
	}
	EXPECT_EQ(-ENODATA, lib.get_peer_certificate(self->p.c, 2, &der, &len));
	memset(want, 0x5a, sizeof(want));
	ASSERT_EQ(0, lib.get_channel_binding(self->p.c, binding));
	EXPECT_EQ(0, memcmp(want, binding, sizeof(want)));

	EXPECT_EQ(0, lib.key_update(self->p.c));
	EXPECT_EQ(5, send(self->p.c, "hello", 5, 0));
	EXPECT_EQ(5, read_all(self->p.s, buf, 5));
	EXPECT_EQ(0, memcmp(buf, "hello", 5));
	ASSERT_EQ(0, lib.get_info(self->p.s, &info, sizeof(info)));
	EXPECT_EQ(1, info.rx_key_updates);
	EXPECT_EQ(0, shutdown(self->p.c, SHUT_WR));
	EXPECT_EQ(-EPIPE, lib.key_update(self->p.c));
	EXPECT_EQ(0, recv(self->p.s, buf, 1, 0));
}

/* What the host is called and what the server is asked for differ. */
TEST_F(library, server_name_of_host)
{
	char name[256];

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	both(_metadata, self, "::1", "::1%1");
	EXPECT_EQ(3, lib.get_server_name(self->p.c, name, sizeof(name)));
	EXPECT_STREQ("::1", name);
}

TEST_F(library, given_server_name)
{
	char name[256];

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	self->o.server_name = "given.test";
	both(_metadata, self, "127.0.0.1", "127.0.0.1");
	EXPECT_EQ(10, lib.get_server_name(self->p.c, name, sizeof(name)));
	EXPECT_STREQ("given.test", name);
}

/* Without a host a listener serves both families on one port. */
TEST_F(library, listen_everywhere)
{
	pthread_t t;
	int fd;

	ASSERT_EQ(0, worker_start(&self->w, NULL));
	both(_metadata, self, NULL, "127.0.0.1");
	close(self->p.s);
	t = thread_start(accept_one, &self->p);
	fd = lib.connect("::1", self->port, &self->o);
	pthread_join(t, NULL);
	EXPECT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	close(fd);
}

TEST_F(library, handshake_refused)
{
	struct script s = { .fail_errno = EKEYREJECTED, .fail_alert = 48 };

	ASSERT_EQ(0, worker_start(&self->w, &s));
	self->p.l = lib.listen("127.0.0.1", "0", &self->o);
	ASSERT_LE(0, self->p.l);
	ASSERT_EQ(0, port_of(self->p.l, self->port, sizeof(self->port)));
	EXPECT_EQ(-EKEYREJECTED, lib.connect("127.0.0.1", self->port, &self->o));
	EXPECT_EQ(EKEYREJECTED, self->e.error);
	EXPECT_EQ(48, self->e.alert_sent);
	EXPECT_STREQ("the script says no", self->e.text);

	/* the same, without anywhere to tell it */
	self->o.error = NULL;
	EXPECT_EQ(-EKEYREJECTED, lib.connect("127.0.0.1", self->port, &self->o));
}

TEST_F(library, no_daemon)
{
	self->p.l = lib.listen("127.0.0.1", "0", &self->o);
	ASSERT_LE(0, self->p.l);
	ASSERT_EQ(0, port_of(self->p.l, self->port, sizeof(self->port)));
	ASSERT_EQ(0, nl_limit(TLSOCK_A_LIMIT_GRACE_MS, 50));
	EXPECT_EQ(-EUNATCH, lib.connect("127.0.0.1", self->port, &self->o));
	EXPECT_EQ(EUNATCH, self->e.error);
	EXPECT_LT(0, strlen(self->e.text));
	ASSERT_EQ(0, nl_limit(TLSOCK_A_LIMIT_HS_NETNS, 0));
	EXPECT_EQ(-ENOBUFS, lib.connect("127.0.0.1", self->port, &self->o));
}

TEST_F(library, nobody_listens)
{
	struct addr a;
	int fd = listen_on(AF_INET, false, &a);

	snprintf(self->port, sizeof(self->port), "%u", ntohs(a.in.sin_port));
	close(fd);
	EXPECT_EQ(-ECONNREFUSED, lib.connect("127.0.0.1", self->port, &self->o));
	EXPECT_EQ(ECONNREFUSED, self->e.error);
	EXPECT_EQ(-EINVAL, lib.connect(NULL, self->port, &self->o));
	EXPECT_EQ(-EINVAL, lib.connect("", self->port, &self->o));
	EXPECT_EQ(-EINVAL, lib.connect("127.0.0.1", NULL, &self->o));
	EXPECT_EQ(-EINVAL, lib.connect("127.0.0.1", "", &self->o));
	EXPECT_EQ(-ENXIO, lib.connect("127.0.0.1", "no-such-service", &self->o));
	EXPECT_NE(NULL, strstr(self->e.text, "no-such-service"));
	self->o.family = AF_INET6;
	EXPECT_EQ(-ENXIO, lib.connect("127.0.0.1", self->port, &self->o));
	self->o.family = AF_UNIX;
	EXPECT_EQ(-EINVAL, lib.connect("127.0.0.1", self->port, &self->o));
}

TEST_F(library, listener_refused)
{
	self->p.l = lib.listen("127.0.0.1", "0", &self->o);
	ASSERT_LE(0, self->p.l);
	ASSERT_EQ(0, port_of(self->p.l, self->port, sizeof(self->port)));
	EXPECT_EQ(-EADDRINUSE, lib.listen("127.0.0.1", self->port, &self->o));
	EXPECT_EQ(EADDRINUSE, self->e.error);
	EXPECT_EQ(-EADDRNOTAVAIL, lib.listen("192.0.2.1", "0", &self->o));
	EXPECT_EQ(-EINVAL, lib.listen("127.0.0.1", NULL, NULL));
	EXPECT_EQ(-EINVAL, lib.listen("", "0", NULL));
	close(self->p.l);
	self->p.l = lib.listen(NULL, self->port, NULL);
	EXPECT_LE(0, self->p.l);
}

/* One option is wrong; a socket that is thrown away afterwards. */
static int attach_with(const struct tlsock_options *o)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc = lib.attach(fd, o);

	close(fd);
	return rc;
}

TEST_F(library, wrong_options)
{
	static const char *const lists[] = { "", ",", "h2,", ",h2", "h2,,h3" };
	char longer[300];
	struct {
		struct tlsock_options o;
		uint64_t future;
	} grown = { .future = 0 };

	EXPECT_EQ(0, attach_with(&self->o));
	EXPECT_EQ(0, attach_with(NULL));
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		self->o.alpn = lists[i];
		EXPECT_EQ(-EINVAL, attach_with(&self->o));
	}
	self->o.alpn = longer;
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.alpn = longer + 44; /* 255 bytes, with their length 256 */
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.alpn = longer + 45;
	EXPECT_EQ(0, attach_with(&self->o));
	EXPECT_EQ(0, self->e.error - EINVAL); /* the last failure's; success leaves it */

	self->o.server_name = longer;
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.server_name = "";
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.server_name = "two words";
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.server_name = NULL;
	self->o.verify = 3;
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.verify = -1;
	self->o.eof = 2;
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.eof = -1;
	self->o.timeout_ms = -1;
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.timeout_ms = 0;

	self->o.size = 0;
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.size = sizeof(self->o) - 1;
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	self->o.size = 1 << 20;
	EXPECT_EQ(-EINVAL, attach_with(&self->o));
	grown.o = self->o;
	grown.o.size = sizeof(grown);
	EXPECT_EQ(0, attach_with(&grown.o));
	grown.future = 1;
	EXPECT_EQ(-E2BIG, attach_with(&grown.o));
}

TEST_F(library, wrong_descriptors)
{
	unsigned char *der, binding[32];
	struct tlsock_info info;
	char name[256];
	size_t len;
	int pipes[2], fd;

	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-EBADF, lib.attach(-1, NULL));
	EXPECT_EQ(-ENOTSOCK, lib.attach(pipes[0], NULL));
	EXPECT_EQ(-ENOTSOCK, lib.get_info(pipes[0], &info, sizeof(info)));
	EXPECT_EQ(-EBADF, lib.wait(-1, 0));

	fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_EQ(-ENOPROTOOPT, lib.get_info(fd, &info, sizeof(info)));
	EXPECT_EQ(-ENOPROTOOPT, lib.wait(fd, 0));
	EXPECT_EQ(-ENOPROTOOPT, lib.start(fd, TLSOCK_ROLE_CLIENT));
	EXPECT_EQ(-ENOPROTOOPT, lib.key_update(fd));
	EXPECT_EQ(-ENOPROTOOPT, lib.get_server_name(fd, name, sizeof(name)));
	EXPECT_EQ(-ENOPROTOOPT, lib.get_channel_binding(fd, binding));
	EXPECT_EQ(-ENOPROTOOPT, lib.get_peer_certificate(fd, 0, &der, &len));

	EXPECT_EQ(0, lib.attach(fd, NULL));
	EXPECT_EQ(-EEXIST, lib.attach(fd, NULL));
	EXPECT_EQ(-ENOTCONN, lib.wait(fd, 0));
	EXPECT_EQ(-ENOTCONN, lib.key_update(fd));
	EXPECT_EQ(-ENOTCONN, lib.start(fd, TLSOCK_ROLE_SERVER));
	EXPECT_EQ(-ENODATA, lib.get_channel_binding(fd, binding));
	EXPECT_EQ(-ENODATA, lib.get_peer_certificate(fd, 0, &der, &len));
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

/* Structs of another size than the kernel's: less is as much as fits, more is zero. */
TEST_F(library, sizes)
{
	struct {
		struct tlsock_info info;
		unsigned char more[64];
	} big;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ASSERT_EQ(0, lib.attach(fd, NULL));
	memset(&big, 0xff, sizeof(big));
	EXPECT_EQ(0, lib.get_info(fd, &big.info, 8));
	EXPECT_EQ(sizeof(big.info), big.info.size);
	EXPECT_EQ(0xff, big.info.state);
	EXPECT_EQ(0, lib.get_info(fd, &big.info, sizeof(big)));
	EXPECT_EQ(TLSOCK_STATE_IDLE, big.info.state);
	EXPECT_EQ(0, big.more[0]);
	EXPECT_EQ(0, big.more[63]);
	close(fd);
}

TEST_F(library, waiting)
{
	struct addr a;
	int fd;

	self->p.l = lib.listen("127.0.0.1", "0", &self->o);
	ASSERT_LE(0, self->p.l);
	EXPECT_EQ(-EINVAL, lib.wait(self->p.l, 0));
	a.len = sizeof(a.in6);
	ASSERT_EQ(0, getsockname(self->p.l, &a.sa, &a.len));

	/* no worker yet: in progress, until there is one */
	self->p.c = socket_new(AF_INET, true);
	set_nonblock(self->p.c, true);
	EXPECT_EQ(-1, connect(self->p.c, &a.sa, a.len));
	EXPECT_EQ(EINPROGRESS, errno);
	EXPECT_EQ(-ETIMEDOUT, lib.wait(self->p.c, 0));
	EXPECT_EQ(-ETIMEDOUT, lib.wait(self->p.c, 30));
	self->p.s = accept(self->p.l, NULL, NULL);
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	EXPECT_EQ(0, lib.wait(self->p.c, -1));
	EXPECT_EQ(0, lib.wait(self->p.s, -1));
	EXPECT_EQ(0, lib.wait(self->p.s, 0));

	/* TCP itself fails */
	close(self->p.l);
	self->p.l = -1;
	fd = socket_new(AF_INET, true);
	set_nonblock(fd, true);
	if (connect(fd, &a.sa, a.len) && errno == EINPROGRESS) {
		EXPECT_EQ(-ECONNREFUSED, lib.wait(fd, PATIENCE_MS));
	} else {
		EXPECT_EQ(ECONNREFUSED, errno);
	}
	close(fd);
}

TEST_F(library, starttls)
{
	ASSERT_EQ(0, pair_plain(&self->p));
	self->o.credential = NULL;
	ASSERT_EQ(0, lib.attach(self->p.c, &self->o));
	EXPECT_EQ(-EDESTADDRREQ, lib.start(self->p.c, TLSOCK_ROLE_CLIENT));
	EXPECT_EQ(-EINVAL, lib.start(self->p.c, TLSOCK_ROLE_SERVER));
	EXPECT_EQ(-EINVAL, lib.start(self->p.c, TLSOCK_ROLE_NONE));
	EXPECT_EQ(-EINVAL, lib.start(self->p.c, (enum tlsock_role)3));
	EXPECT_EQ(0, opt_str(self->p.c, TLSOCK_SERVER_NAME, "name.test"));
	self->o.credential = "test";
	ASSERT_EQ(0, lib.attach(self->p.s, &self->o));
	EXPECT_EQ(0, lib.start(self->p.c, TLSOCK_ROLE_CLIENT));
	EXPECT_EQ(-EALREADY, lib.start(self->p.c, TLSOCK_ROLE_CLIENT));
	EXPECT_EQ(0, lib.start(self->p.s, TLSOCK_ROLE_SERVER));
	ASSERT_EQ(0, worker_start(&self->w, NULL));
	EXPECT_EQ(0, lib.wait(self->p.c, PATIENCE_MS));
	EXPECT_EQ(0, lib.wait(self->p.s, PATIENCE_MS));
	EXPECT_EQ(-EISCONN, lib.start(self->p.c, TLSOCK_ROLE_CLIENT));
}

TEST_F(library, words)
{
	static const int ours[] = { EKEYREJECTED, ENOKEY,  EPERM, EPROTO,      EBADMSG,
				    EUNATCH,	  ENOBUFS, ENXIO, ECONNREFUSED };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		EXPECT_LT(5, strlen(lib.strerror(ours[i])));
		EXPECT_STREQ(lib.strerror(ours[i]), lib.strerror(-ours[i]));
	}
	EXPECT_STREQ("no error", lib.strerror(0));
	EXPECT_STREQ("unknown error", lib.strerror(123456));
	EXPECT_STREQ("unknown error", lib.strerror(-2147483647 - 1));
}

TEST_HARNESS_MAIN
