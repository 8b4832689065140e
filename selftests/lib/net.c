// SPDX-License-Identifier: GPL-2.0-only
/*
 * net.c: see net.h.
 */
#include "net.h"

#include <arpa/inet.h>
#include <linux/tls.h>
#include <net/if.h>

#include "worker.h"

struct addr addr_of(int family, uint16_t port)
{
	struct addr a;

	memset(&a, 0, sizeof(a));
	if (family == AF_INET) {
		a.in.sin_family = AF_INET;
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a.in.sin_port = htons(port);
		a.len = sizeof(a.in);
	} else {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_addr = in6addr_loopback;
		a.in6.sin6_port = htons(port);
		a.len = sizeof(a.in6);
	}
	return a;
}

struct addr addr_mapped(uint16_t port)
{
	struct addr a = addr_of(AF_INET6, port);

	inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.in6.sin6_addr);
	return a;
}

int socket_new(int family, bool tls)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && tls && (ulp_attach(fd) || opt_str(fd, TLSOCK_SERVER_NAME, "name.test"))) {
		close(fd);
		return -1;
	}
	return fd;
}

int listen_on(int family, bool tls, struct addr *addr)
{
	int fd = socket_new(family, tls), one = 1;

	if (fd < 0)
		return -1;
	*addr = addr_of(family, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if ((tls && opt_str(fd, TLSOCK_CREDENTIAL, "test")) || bind(fd, &addr->sa, addr->len) ||
	    listen(fd, 64) || getsockname(fd, &addr->sa, &addr->len)) {
		close(fd);
		return -1;
	}
	return fd;
}

int lo_mtu_set(int mtu)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = mtu };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	rc = ioctl(fd, SIOCSIFMTU, &r);
	close(fd);
	return rc;
}

void pair_init(struct pair *p, uint16_t version, uint16_t suite)
{
	if (!suite)
		suite = SUITE_AES_128;
	p->l = p->c = p->s = -1;
	p->ctx = p->srx = key_of(version, suite, TLSOCK_EPOCH_APPLICATION, false);
	p->crx = p->stx = key_of(version, suite, TLSOCK_EPOCH_APPLICATION, true);
}

int pair_plain(struct pair *p)
{
	struct addr a;

	pair_init(p, TLS13, 0);
	p->l = listen_on(AF_INET, false, &a);
	p->c = socket_new(AF_INET, false);
	if (p->l < 0 || p->c < 0 || connect(p->c, &a.sa, a.len))
		return -1;
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	return p->s < 0 ? -1 : 0;
}

/* TLS 1.2's IV of 12 bytes is the salt of 4 and the first explicit nonce of 8. */
int key_set(int fd, int opt, const struct rec_key *k)
{
	uint16_t version = k->version;
	uint8_t seq[8];

	for (int i = 0; i < 8; i++)
		seq[i] = (uint8_t)(k->seq >> (56 - 8 * i));
	if (k->key_len == 32) {
		struct tls12_crypto_info_aes_gcm_256 c = { .info = { version,
								     TLS_CIPHER_AES_GCM_256 } };

		memcpy(c.salt, k->iv, 4);
		memcpy(c.iv, version == TLS12 ? seq : k->iv + 4, 8);
		memcpy(c.key, k->key, 32);
		memcpy(c.rec_seq, seq, 8);
		return setsockopt(fd, SOL_TLS, opt, &c, sizeof(c));
	}
	struct tls12_crypto_info_aes_gcm_128 c = { .info = { version, TLS_CIPHER_AES_GCM_128 } };

	memcpy(c.salt, k->iv, 4);
	memcpy(c.iv, version == TLS12 ? seq : k->iv + 4, 8);
	memcpy(c.key, k->key, 16);
	memcpy(c.rec_seq, seq, 8);
	return setsockopt(fd, SOL_TLS, opt, &c, sizeof(c));
}

int pair_manual_server(struct pair *p, uint16_t version, uint16_t suite)
{
	if (pair_plain(p))
		return -1;
	p->ctx = p->srx = key_of(version, suite, TLSOCK_EPOCH_APPLICATION, false);
	p->crx = p->stx = key_of(version, suite, TLSOCK_EPOCH_APPLICATION, true);
	if (ulp_attach(p->s) || key_set(p->s, TLS_TX, &p->stx) || key_set(p->s, TLS_RX, &p->srx))
		return -1;
	return 0;
}

int pair_manual(struct pair *p, uint16_t version, uint16_t suite)
{
	if (pair_manual_server(p, version, suite))
		return -1;
	if (ulp_attach(p->c) || key_set(p->c, TLS_TX, &p->ctx) || key_set(p->c, TLS_RX, &p->crx))
		return -1;
	return 0;
}

int pair_key_update(struct pair *p, uint8_t value)
{
	uint8_t msg[5] = { MSG_KEY_UPDATE, 0, 0, 1, value };
	int rc = rec_send(p->c, &p->ctx, REC_HANDSHAKE, msg, sizeof(msg));

	key_next(&p->ctx);
	return rc;
}

/* Start the client's connect without waiting, then take the server's end. */
static int pair_open(struct pair *p, bool tls_client, bool tls_server)
{
	struct addr a;

	p->l = listen_on(AF_INET, tls_server, &a);
	p->c = socket_new(AF_INET, tls_client);
	if (p->l < 0 || p->c < 0)
		return -1;
	set_nonblock(p->c, true);
	if (connect(p->c, &a.sa, a.len) && errno != EINPROGRESS)
		return -1;
	if (!poll_for(p->l, POLLIN))
		return -1;
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	return p->s < 0 ? -1 : 0;
}

/* A blocked handshake must end: the socket is writable, and not by failure. */
static int wait_established(int fd)
{
	short ev = poll_for(fd, POLLOUT);
	uint8_t state = info_get(fd).state;

	if (ev == POLLOUT && state == TLSOCK_STATE_ESTABLISHED)
		return 0;
	fprintf(stderr, "# handshake: poll %#x, state %u, %s\n", (unsigned int)ev, state,
		error_get(fd).text);
	return -1;
}

int pair_tls(struct pair *p, uint16_t suite)
{
	pair_init(p, TLS13, suite);
	if (pair_open(p, true, true))
		return -1;
	if (wait_established(p->c) || wait_established(p->s))
		return -1;
	set_nonblock(p->c, false);
	return 0;
}

int pair_raw_client(struct pair *p, uint16_t suite)
{
	uint8_t hello[300], rec[400];
	size_t n = hs_message(MSG_CLIENT_HELLO, 200, hello);

	pair_init(p, TLS13, suite);
	if (pair_open(p, false, true))
		return -1;
	set_nonblock(p->c, false);
	n = rec_plain(REC_HANDSHAKE, hello, n, rec);
	if (write_all(p->c, rec, n) != (ssize_t)n)
		return -1;
	return wait_established(p->s);
}

int pair_raw_server(struct pair *p, uint16_t suite)
{
	static __thread uint8_t rec[REC_MAX];
	uint8_t hello[300];
	size_t n = hs_message(MSG_SERVER_HELLO, 90, hello);

	pair_init(p, TLS13, suite);
	if (pair_open(p, true, false))
		return -1;
	if (rec_read(p->s, rec) <= REC_HEADER || rec[0] != REC_HANDSHAKE)
		return -1;
	n = rec_plain(REC_HANDSHAKE, hello, n, rec);
	if (write_all(p->s, rec, n) != (ssize_t)n || wait_established(p->c))
		return -1;
	set_nonblock(p->c, false);
	return 0;
}

int pair_connecting(struct pair *p)
{
	struct addr a;

	p->l = listen_on(AF_INET, false, &a);
	if (listen(p->l, 0))
		return -1;
	/* A full queue drops the SYN; the first two are left to the namespace's end. */
	for (int i = 0; i < 3; i++) {
		p->c = socket_new(AF_INET, i == 2);
		set_nonblock(p->c, true);
		connect(p->c, &a.sa, a.len);
	}
	return info_get(p->c).state == TLSOCK_STATE_CONNECTING ? 0 : -1;
}

int pair_handshake(struct pair *p)
{
	struct addr a;

	p->l = listen_on(AF_INET, false, &a);
	p->c = socket_new(AF_INET, true);
	set_nonblock(p->c, true);
	connect(p->c, &a.sa, a.len);
	p->s = accept4(p->l, NULL, NULL, SOCK_CLOEXEC);
	return p->s < 0 ? -1 : 0;
}

int tcp_state(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) ? -1 : info.tcpi_state;
}

void reset(int *fd)
{
	struct linger hard = { .l_onoff = 1 };

	setsockopt(*fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(*fd);
	*fd = -1;
}

void pair_close(struct pair *p)
{
	if (p->c >= 0)
		close(p->c);
	if (p->s >= 0)
		close(p->s);
	if (p->l >= 0)
		close(p->l);
	p->l = p->c = p->s = -1;
}
