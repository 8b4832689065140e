// SPDX-License-Identifier: GPL-2.0-only
/*
 * crowd.c: see crowd.h. A client sends a chunk, and the next one when that has come back. The first
 * four bytes are the connection's number, by which the server knows what has to follow.
 */
#include "crowd.h"

#include <sys/epoll.h>

#include "net.h"

#define NUMBER_LEN 4
#define PASSING 0x80000000U /* in the number of one that only passes: the server cannot tell */
#define PIECE 16384
#define TIMEOUT_MS 100000 /* a handshake that takes so long hangs */

enum role { LISTENER, SERVER, CLIENT };

struct peer {
	struct peer *next, *prev;
	int fd;
	enum role role;
	enum crowd_kind kind;
	bool up, shut, blocked, resting;
	uint32_t number;
	struct bytes bytes;
	uint64_t goal; /* a client sends up to here */
	unsigned int begun, carried; /* marks */
	uint8_t *left; /* of a server: to be sent back */
	size_t left_len, left_at;
};

static struct addr tls_address, plain_address;
static uint8_t piece[PIECE];

void tally_add(struct tally *t, int error)
{
	int i = 0;

	while (i < CROWD_ERRNOS - 1 && t->of[i].error && t->of[i].error != error)
		i++;
	t->of[i].error = error;
	t->of[i].times++;
	t->sum++;
}

/* ---- bytes ---- */

static uint64_t place(const struct peer *p, uint64_t at)
{
	return ((uint64_t)p->number << 32) + at;
}

static void fill(const struct peer *p, uint8_t *buf, size_t len, uint64_t at)
{
	pattern_fill(buf, len, place(p, at));
	for (; at < NUMBER_LEN && len; at++, len--)
		*buf++ = (uint8_t)(p->number >> (8 * at));
}

/* A server learns the number from them. */
static bool right(struct peer *p, const uint8_t *buf, size_t len)
{
	uint64_t at = p->bytes.received;

	for (; at < NUMBER_LEN && len; at++, len--, buf++) {
		if (p->role == SERVER)
			p->number |= (uint32_t)*buf << (8 * at);
		else if (*buf != (uint8_t)(p->number >> (8 * at)))
			return false;
	}
	return pattern_ok(buf, len, place(p, at));
}

/* ---- the set ---- */

static void listen_for(struct crowd *c, struct peer *p, uint32_t events, int op)
{
	struct epoll_event e = { .events = events, .data.ptr = p };

	if (epoll_ctl(c->epoll, op, p->fd, &e)) {
		perror("# epoll_ctl");
		_exit(1);
	}
}

static void want_to_write(struct crowd *c, struct peer *p, bool on)
{
	if (p->blocked == on)
		return;
	p->blocked = on;
	listen_for(c, p, on ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

static struct peer *add(struct crowd *c, int fd, enum role role, uint32_t events)
{
	struct peer *p = calloc(1, sizeof(*p));

	if (!p)
		_exit(1);
	p->fd = fd;
	p->role = role;
	p->blocked = events & EPOLLOUT;
	listen_for(c, p, events, EPOLL_CTL_ADD);
	return p;
}

/* Standing ones with nothing in flight, the longest rest first */
static void to_idle(struct crowd *c, struct peer *p)
{
	p->resting = true;
	p->next = NULL;
	p->prev = c->idle_last;
	*(c->idle_last ? &c->idle_last->next : &c->idle) = p;
	c->idle_last = p;
}

static void from_idle(struct crowd *c, struct peer *p)
{
	p->resting = false;
	*(p->prev ? &p->prev->next : &c->idle) = p->next;
	*(p->next ? &p->next->prev : &c->idle_last) = p->prev;
}

static void count_bytes(struct bytes *sum, const struct peer *p)
{
	if (p->number & PASSING)
		return;
	sum->sent += p->bytes.sent;
	sum->received += p->bytes.received;
}

/* Its end; error 0 when it is the one that was wanted. */
static void forget(struct crowd *c, struct peer *p, int error)
{
	count_bytes(p->role == SERVER ? &c->server : &c->client, p);
	if (p->role == SERVER) {
		c->servers--;
		if (error)
			tally_add(&c->server_failed, error);
	} else {
		(*(p->up ? &c->up : &c->opening))[p->kind]--;
		if (error)
			tally_add(&c->failed[p->kind], error);
		else
			c->ended[p->kind]++;
		if (p->resting)
			from_idle(c, p);
		else if (p->kind == CROWD_STANDING && p->up && !p->shut)
			c->busy--;
		if (p->kind == CROWD_STANDING && p->up && p->carried != c->mark)
			c->unmarked--;
	}
	close(p->fd);
	free(p->left);
	free(p);
}

/* ---- clients ---- */

static void pump(struct crowd *c, struct peer *p)
{
	while (p->bytes.sent < p->goal) {
		size_t len = p->goal - p->bytes.sent;
		ssize_t n;

		if (len > PIECE)
			len = PIECE;
		fill(p, piece, len, p->bytes.sent);
		n = send(p->fd, piece, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			forget(c, p, errno);
			return;
		}
		p->bytes.sent += (uint64_t)n;
	}
	want_to_write(c, p, p->bytes.sent < p->goal);
}

/* Chunks of many sizes: a byte, a record, two records. */
static void begin_chunk(struct crowd *c, struct peer *p)
{
	static const unsigned int sizes[] = { 1, 100, 400, 30, 17000, 20, 1400, 3 };

	p->begun = c->mark;
	p->goal += sizes[(p->number + p->goal) % ARRAY_LEN(sizes)];
	pump(c, p);
}

static void shut(struct crowd *c, struct peer *p)
{
	p->shut = true;
	if (shutdown(p->fd, SHUT_WR))
		forget(c, p, errno);
}

/* All that was sent has come back. */
static void chunk_is_back(struct crowd *c, struct peer *p)
{
	if (!p->up) {
		p->up = true;
		c->opening[p->kind]--;
		c->up[p->kind]++;
		p->carried = c->mark;
		if (p->kind == CROWD_STANDING)
			c->busy++;
	}
	if (p->kind == CROWD_PASSING) {
		if (p->goal == NUMBER_LEN)
			begin_chunk(c, p);
		else
			shut(c, p);
		return;
	}
	if (p->begun == c->mark && p->carried != c->mark) {
		p->carried = c->mark;
		c->unmarked--;
	}
	c->busy--;
	to_idle(c, p);
}

static void on_connected(struct crowd *c, struct peer *p)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error) {
		forget(c, p, error ? error : errno);
		return;
	}
	p->goal = NUMBER_LEN;
	pump(c, p);
}

static void on_client(struct crowd *c, struct peer *p, uint32_t events)
{
	ssize_t n;

	if (!p->goal) {
		on_connected(c, p);
		return;
	}
	if (events & ~(uint32_t)EPOLLOUT) {
		n = recv(p->fd, piece, PIECE, 0);
		if (n > 0 && !right(p, piece, (size_t)n))
			n = -1, errno = EILSEQ;
		if (n == 0) {
			forget(c, p, p->shut && p->bytes.received == p->bytes.sent ? 0 : ENODATA);
			return;
		}
		if (n < 0 && errno != EAGAIN) {
			forget(c, p, errno);
			return;
		}
		if (n > 0) {
			p->bytes.received += (uint64_t)n;
			if (p->bytes.received == p->goal && p->bytes.sent == p->goal && !p->shut) {
				chunk_is_back(c, p);
				return;
			}
		}
	}
	if (p->bytes.sent < p->goal)
		pump(c, p);
}

static int options(const struct crowd *c, int fd)
{
	return ulp_attach(fd) || opt_str(fd, TLSOCK_SERVER_NAME, c->name) ||
	       opt_str(fd, TLSOCK_TRUST, c->trust) || opt_int(fd, TLSOCK_TIMEOUT_MS, TIMEOUT_MS);
}

void crowd_open(struct crowd *c, enum crowd_kind kind, bool tls)
{
	const struct addr *to = tls || kind == CROWD_SILENT ? c->tls : c->plain;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct peer *p;

	if (fd < 0 || (tls && options(c, fd)) ||
	    (connect(fd, &to->sa, to->len) && errno != EINPROGRESS)) {
		tally_add(&c->failed[kind], errno);
		close(fd);
		return;
	}
	c->opening[kind]++;
	p = add(c, fd, CLIENT, EPOLLIN | EPOLLOUT);
	p->kind = kind;
	p->number = c->next_id++ | (kind == CROWD_PASSING ? PASSING : 0);
	if (kind != CROWD_SILENT)
		return;
	p->next = c->silent;
	if (p->next)
		p->next->prev = p;
	c->silent = p;
}

/* Once TCP is up it has said all, and waits for its end. What a server says to a hello is dropped. */
static void on_silent(struct crowd *c, struct peer *p)
{
	socklen_t len = sizeof(int);
	int error = 0;
	ssize_t n = 0;

	getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (!error && !p->up) {
		p->up = true;
		c->opening[CROWD_SILENT]--;
		c->up[CROWD_SILENT]++;
		want_to_write(c, p, false);
		if (!c->hello_len ||
		    send(p->fd, c->hello, c->hello_len, MSG_NOSIGNAL) == (ssize_t)c->hello_len)
			return;
		error = errno;
	}
	if (!error)
		n = recv(p->fd, piece, PIECE, 0);
	if (!error && (n > 0 || (n < 0 && errno == EAGAIN)))
		return;
	if (p->prev)
		p->prev->next = p->next;
	else
		c->silent = p->next;
	if (p->next)
		p->next->prev = p->prev;
	forget(c, p, error ? error : n < 0 ? errno : ECONNRESET);
}

/* A client of ours says it to a listener of TCP alone. */
int crowd_take_hello(struct crowd *c)
{
	struct addr a;
	int l = listen_on(AF_INET, false, &a), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int s = -1, error = -EIO;
	ssize_t n;

	if (l < 0 || fd < 0 || options(c, fd) ||
	    (connect(fd, &a.sa, a.len) && errno != EINPROGRESS))
		goto out;
	s = accept(l, NULL, NULL);
	n = s < 0 ? -1 : read_all(s, c->hello, 5);
	if (n != 5)
		goto out;
	c->hello_len = 5 + (size_t)c->hello[3] * 256 + c->hello[4];
	if (c->hello_len > sizeof(c->hello) ||
	    read_all(s, c->hello + 5, c->hello_len - 5) != (ssize_t)c->hello_len - 5)
		goto out;
	error = 0;
out:
	close(s);
	close(fd);
	close(l);
	return error;
}

/* ---- servers ---- */

static void on_listener(struct crowd *c, const struct peer *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		add(c, fd, SERVER, EPOLLIN);
		c->servers++;
	}
	if (errno != EAGAIN)
		tally_add(&c->server_failed, errno);
}

static int send_back(struct peer *p)
{
	while (p->left_at < p->left_len) {
		ssize_t n = send(p->fd, p->left + p->left_at, p->left_len - p->left_at,
				 MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : errno;
		p->left_at += (size_t)n;
		p->bytes.sent += (uint64_t)n;
	}
	free(p->left);
	p->left = NULL;
	p->left_len = p->left_at = 0;
	return 0;
}

static int serve(struct peer *p, bool *end)
{
	ssize_t n = p->left ? -1 : recv(p->fd, piece, PIECE, 0);

	*end = n == 0;
	if (p->left)
		return send_back(p);
	if (n <= 0)
		return n < 0 && errno != EAGAIN ? errno : 0;
	if (!right(p, piece, (size_t)n))
		return EILSEQ;
	p->bytes.received += (uint64_t)n;
	p->left = malloc((size_t)n);
	if (!p->left)
		return ENOMEM;
	memcpy(p->left, piece, (size_t)n);
	p->left_len = (size_t)n;
	return send_back(p);
}

/* One step of reading or of writing at a time, so that nobody has all of the processor. */
static void on_server(struct crowd *c, struct peer *p)
{
	bool end;
	int error = serve(p, &end);

	if (end || error) {
		forget(c, p, error);
		return;
	}
	if (!p->left != !p->blocked) {
		p->blocked = p->left;
		listen_for(c, p, p->left ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
	}
}

/* ---- all of them ---- */

static int listener(struct crowd *c, struct addr *a, bool tls)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	*a = addr_of(AF_INET, 0);
	if (fd < 0 ||
	    (tls && (ulp_attach(fd) || opt_str(fd, TLSOCK_CREDENTIAL, c->credential) ||
		     opt_int(fd, TLSOCK_TIMEOUT_MS, TIMEOUT_MS))) ||
	    bind(fd, &a->sa, a->len) || listen(fd, 65535) || getsockname(fd, &a->sa, &a->len))
		return -errno;
	add(c, fd, LISTENER, EPOLLIN);
	return 0;
}

int crowd_init(struct crowd *c)
{
	int error;

	c->tls = &tls_address;
	c->plain = &plain_address;
	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll < 0)
		return -errno;
	error = listener(c, c->tls, true);
	return error ? error : listener(c, c->plain, false);
}

void crowd_mark(struct crowd *c)
{
	c->mark++;
	c->unmarked = c->up[CROWD_STANDING];
}

void crowd_go_on(struct crowd *c)
{
	unsigned int missing = c->opening[CROWD_PASSING] + c->up[CROWD_PASSING];
	struct peer *p;

	missing = c->passing > missing ? c->passing - missing : 0;
	while (missing--)
		crowd_open(c, CROWD_PASSING, true);
	while (c->idle && (c->ending || c->busy < c->busy_most)) {
		p = c->idle;
		from_idle(c, p);
		if (c->ending) {
			shut(c, p);
		} else {
			c->busy++;
			begin_chunk(c, p);
		}
	}
}

void crowd_drop_silent(struct crowd *c)
{
	while (c->silent) {
		struct peer *p = c->silent;

		c->silent = p->next;
		forget(c, p, 0);
	}
}

void crowd_end(struct crowd *c)
{
	c->ending = true;
	c->busy_most = 0;
	c->passing = 0;
}

bool crowd_step(struct crowd *c)
{
	struct epoll_event events[64];
	int n = epoll_wait(c->epoll, events, ARRAY_LEN(events), -1);
	bool other = false;

	for (int i = 0; i < n; i++) {
		struct peer *p = events[i].data.ptr;

		if (!p)
			other = true;
		else if (p->role == LISTENER)
			on_listener(c, p);
		else if (p->role == SERVER)
			on_server(c, p);
		else if (p->kind == CROWD_SILENT)
			on_silent(c, p);
		else
			on_client(c, p, events[i].events);
	}
	return other;
}
