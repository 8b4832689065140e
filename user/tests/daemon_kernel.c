// SPDX-License-Identifier: MIT
/*
 * daemon_kernel.c - see daemon_kernel.h
 */
#include "daemon_kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/tlsock.h>
#include <netlink/genl/genl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define GENL_BYTES 4 /* struct genlmsghdr */

/* NLA_ALIGN() is of a signed type. */
static size_t padded(size_t len)
{
	return (len + NLA_ALIGNTO - 1) / NLA_ALIGNTO * NLA_ALIGNTO;
}

/* The attributes of a nest, walked by hand: one type's value, or NULL. */
static const uint8_t *attribute(const uint8_t *at, size_t len, int type, size_t *value_len)
{
	while (len >= sizeof(struct nlattr)) {
		const struct nlattr *a = (const struct nlattr *)at;
		size_t step = padded(a->nla_len);

		if (a->nla_len < sizeof(*a) || a->nla_len > len)
			bail("an attribute is longer than what it lies in");
		if ((a->nla_type & NLA_TYPE_MASK) == type) {
			*value_len = a->nla_len - sizeof(*a);
			return at + sizeof(*a);
		}
		at += step;
		len = step < len ? len - step : 0;
	}
	return NULL;
}

static uint32_t number(const uint8_t *at, size_t len, int type, size_t size)
{
	size_t n;
	const uint8_t *value = attribute(at, len, type, &n);
	uint32_t u32 = 0;
	uint16_t u16;

	if (!value)
		return 0;
	if (n != size)
		bail("attribute %d has %zu bytes, not %zu", type, n, size);
	if (size == 1)
		return *value;
	if (size == 2) {
		memcpy(&u16, value, 2);
		return u16;
	}
	memcpy(&u32, value, 4);
	return u32;
}

static size_t bytes(const uint8_t *at, size_t len, int type, void *out, size_t max)
{
	size_t n = 0;
	const uint8_t *value = attribute(at, len, type, &n);

	if (!value)
		return 0;
	if (n > max)
		bail("attribute %d has %zu bytes", type, n);
	memcpy(out, value, n);
	return n;
}

static void take_data(struct fake_kernel *k, const uint8_t *at, size_t len)
{
	uint8_t epoch = (uint8_t)number(at, len, TLSOCK_AA_EPOCH, 1);
	size_t n = 0;
	const uint8_t *data = attribute(at, len, TLSOCK_AA_DATA, &n);

	if (!n || n > 65000)
		bail("DATA of %zu bytes", n);
	if (number(at, len, TLSOCK_AA_CONTENT_TYPE, 1) != 22)
		return; /* change_cipher_spec: the receiving kernel drops it */
	k->sent = realloc(k->sent, k->sent_len + n);
	memcpy(k->sent + k->sent_len, data, n);
	k->sent_len += n;
	if (!k->part_count || k->parts[k->part_count - 1].epoch != epoch)
		k->parts[k->part_count++].epoch = epoch;
	k->parts[k->part_count - 1].len += n;
}

static void take_key(struct fake_kernel *k, const uint8_t *at, size_t len)
{
	uint32_t direction = number(at, len, TLSOCK_AA_DIRECTION, 1);
	uint32_t epoch = number(at, len, TLSOCK_AA_EPOCH, 1);
	struct fake_key *key = &k->keys[direction == TLSOCK_DIR_RX][epoch == 3];

	if ((direction != TLSOCK_DIR_TX && direction != TLSOCK_DIR_RX) ||
	    (epoch != 2 && epoch != 3))
		bail("KEY of direction %u, epoch %u", direction, epoch);
	memset(key, 0, sizeof(*key));
	key->epoch = (uint8_t)epoch;
	key->version = (uint16_t)number(at, len, TLSOCK_AA_VERSION, 2);
	key->suite = (uint16_t)number(at, len, TLSOCK_AA_SUITE, 2);
	key->key_len = bytes(at, len, TLSOCK_AA_KEY, key->key, sizeof(key->key));
	key->iv_len = bytes(at, len, TLSOCK_AA_IV, key->iv, sizeof(key->iv));
	key->secret_len = bytes(at, len, TLSOCK_AA_SECRET, key->secret, sizeof(key->secret));
}

static size_t count_certs(const uint8_t *at, size_t len)
{
	const uint8_t *end = at + len;
	size_t n, count = 0;

	while (at < end && (at = attribute(at, (size_t)(end - at), TLSOCK_AA_PEER_CERT, &n))) {
		at += padded(n);
		count++;
	}
	return count;
}

static void take_complete(struct fake_kernel *k, const uint8_t *at, size_t len)
{
	k->complete = true;
	k->suite = (uint16_t)number(at, len, TLSOCK_AA_SUITE, 2);
	k->group = (uint16_t)number(at, len, TLSOCK_AA_GROUP, 2);
	k->scheme = (uint16_t)number(at, len, TLSOCK_AA_SIGNATURE_SCHEME, 2);
	k->flags = number(at, len, TLSOCK_AA_FLAGS, 4);
	k->verify_code = number(at, len, TLSOCK_AA_VERIFY_CODE, 4);
	bytes(at, len, TLSOCK_AA_SERVER_NAME, k->name, sizeof(k->name));
	k->alpn[bytes(at, len, TLSOCK_AA_ALPN, k->alpn, sizeof(k->alpn) - 1)] = '\0';
	if (bytes(at, len, TLSOCK_AA_CHANNEL_BINDING, k->binding, sizeof(k->binding)) != 32)
		bail("no channel binding");
	k->certs = count_certs(at, len);
	k->cookie_len = bytes(at, len, TLSOCK_AA_COOKIE, k->cookie, sizeof(k->cookie));
}

static void take_fail(struct fake_kernel *k, const uint8_t *at, size_t len)
{
	size_t n;

	k->failed = true;
	k->error = number(at, len, TLSOCK_AA_ERRNO, 4);
	k->alert = attribute(at, len, TLSOCK_AA_ALERT, &n) ?
			   (int)number(at, len, TLSOCK_AA_ALERT, 1) :
			   -1;
	k->verify_code = number(at, len, TLSOCK_AA_VERIFY_CODE, 4);
	n = bytes(at, len, TLSOCK_AA_TEXT, k->text, sizeof(k->text));
	if (!n || n > 240 || k->text[n - 1])
		bail("the text of a FAIL has %zu bytes", n);
}

static void take_actions(struct fake_kernel *k, const uint8_t *at, size_t len)
{
	k->nests++;
	if (len > k->nest_bytes)
		k->nest_bytes = len;
	while (len >= sizeof(struct nlattr)) {
		const struct nlattr *a = (const struct nlattr *)at;
		const uint8_t *in = at + sizeof(*a);
		size_t in_len = a->nla_len - sizeof(*a), step = padded(a->nla_len);
		int type = a->nla_type & NLA_TYPE_MASK;

		if (a->nla_len < sizeof(*a) || a->nla_len > len || !(a->nla_type & NLA_F_NESTED))
			bail("an action is no nest, or too long");
		if (strlen(k->order) + 1 < sizeof(k->order))
			k->order[strlen(k->order)] = "?DKCOF"[type];
		if (type == TLSOCK_ACT_DATA)
			take_data(k, in, in_len);
		else if (type == TLSOCK_ACT_KEY)
			take_key(k, in, in_len);
		else if (type == TLSOCK_ACT_COMPLETE)
			take_complete(k, in, in_len);
		else if (type == TLSOCK_ACT_FAIL)
			take_fail(k, in, in_len);
		at += step;
		len = step < len ? len - step : 0;
	}
}

static int on_push(void *ctx, struct nl_msg *message, const char **reason)
{
	const struct nlmsghdr *h = nlmsg_hdr(message);
	const uint8_t *at = (const uint8_t *)h + NLMSG_HDRLEN + GENL_BYTES;
	const uint8_t *end = (const uint8_t *)h + h->nlmsg_len;
	struct fake_kernel *k = ctx;
	size_t n;

	k->pushes++;
	memset(k->order, 0, sizeof(k->order));
	k->nests = k->nest_bytes = 0;
	if (k->refuse) {
		int refuse = k->refuse;

		*reason = k->refuse_reason ? k->refuse_reason : "";
		k->refuse = 0;
		return refuse;
	}
	if (!attribute(at, (size_t)(end - at), TLSOCK_A_ID, &n) || n != 8 ||
	    number(at, (size_t)(end - at), TLSOCK_A_GENERATION, 4) == 0)
		bail("a PUSH without ID or GENERATION");
	while (at < end && (at = attribute(at, (size_t)(end - at), TLSOCK_A_ACTIONS, &n))) {
		take_actions(k, at, n);
		at += padded(n);
	}
	if (!k->nests)
		bail("a PUSH without actions");
	return 0;
}

static int64_t on_clock(void *ctx)
{
	const struct fake_kernel *k = ctx;

	return k->now_us;
}

static const struct keylog no_keylog = { .file = -1 };

struct fake_kernel *fake_new(const struct config *config)
{
	struct fake_kernel *k = calloc(1, sizeof(*k));

	if (!k)
		bail("out of memory");
	k->daemon.config = config;
	k->daemon.family = 0x20;
	k->daemon.keylog = &no_keylog;
	k->daemon.push = on_push;
	k->daemon.now_us = on_clock;
	k->daemon.ctx = k;
	if (connections_init(&k->daemon))
		bail("out of memory");
	return k;
}

void fake_forget(struct fake_kernel *k)
{
	struct connections daemon = k->daemon;
	int64_t now_us = k->now_us;

	free(k->sent);
	memset(k, 0, sizeof(*k));
	k->daemon = daemon;
	k->now_us = now_us;
}

void fake_free(struct fake_kernel *k)
{
	connections_free(&k->daemon);
	free(k->sent);
	free(k);
}

struct event fake_event(bool server, const char *name)
{
	return (struct event){
		.command = TLSOCK_CMD_CONN_NEW,
		.id = 0x0123456789abcdef,
		.generation = 1,
		.server = server,
		.server_name = name,
		.credential = "",
		.trust = "",
		.profile = "",
		.verify = server ? TLSOCK_VERIFY_NONE : TLSOCK_VERIFY_REQUIRED,
		.uid = 1000,
		.gid = 1000,
	};
}

/* What comes after COMPLETE: one NewSessionTicket */
static void deliver_ticket(struct fake_kernel *k, const struct event *conn, const uint8_t *data,
			   size_t len)
{
	struct event e = { .command = TLSOCK_CMD_CONN_TICKET,
			   .id = conn->id,
			   .cookie = k->cookie,
			   .cookie_len = k->cookie_len,
			   .data = data,
			   .data_len = len };

	if (!k->cookie_len)
		return;
	k->tickets++;
	connections_event(&k->daemon, &e);
}

void fake_deliver(struct fake_kernel *k, const struct event *conn, uint8_t epoch,
		  const uint8_t *data, size_t len, size_t piece)
{
	struct event e = { .command = TLSOCK_CMD_CONN_DATA,
			   .id = conn->id,
			   .generation = conn->generation,
			   .epoch = epoch };

	if (k->complete) {
		deliver_ticket(k, conn, data, len);
		return;
	}
	if (!piece)
		piece = len;
	for (size_t at = 0; at < len; at += piece) {
		e.data = data + at;
		e.data_len = len - at < piece ? len - at : piece;
		e.more = at + e.data_len < len;
		connections_event(&k->daemon, &e);
	}
}

void fake_carry(struct fake_kernel *from, struct fake_kernel *to, const struct event *conn,
		size_t piece)
{
	uint8_t *sent = from->sent;
	size_t at = 0, count = from->part_count;

	from->sent = NULL;
	from->sent_len = 0;
	from->part_count = 0;
	for (size_t i = 0; i < count; i++) {
		size_t len = from->parts[i].len;

		from->parts[i].len = 0;
		fake_deliver(to, conn, from->parts[i].epoch, sent + at, len, piece);
		at += len;
	}
	free(sent);
}

/* ---- files ---- */

static char scratch[64];

const char *scratch_new(void)
{
	snprintf(scratch, sizeof(scratch), "/tmp/tlsockd-test-XXXXXX");
	if (!mkdtemp(scratch))
		bail("mkdtemp: %s", strerror(errno));
	return scratch;
}

char *scratch_path(const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", scratch, name) < 0)
		bail("out of memory");
	return path;
}

void scratch_write(const char *name, unsigned int mode, const char *format, ...)
{
	char *path = scratch_path(name);
	FILE *f;
	va_list ap;

	unlink(path);
	f = fopen(path, "w");
	if (!f)
		bail("%s: %s", path, strerror(errno));
	va_start(ap, format);
	vfprintf(f, format, ap);
	va_end(ap);
	if (fclose(f) || chmod(path, mode))
		bail("%s: %s", path, strerror(errno));
	free(path);
}

void write_identity(const char *name, const struct identity *id)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.pem", name);
	scratch_write(file, 0644, "%s", id->cert_pem);
	snprintf(file, sizeof(file), "%s.key", name);
	scratch_write(file, 0600, "%s", id->key_pem);
}

static void remove_below(const char *folder)
{
	const struct dirent *entry;
	DIR *dir = opendir(folder);

	while (dir && (entry = readdir(dir))) {
		char path[512];

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (unlink(path) && errno == EISDIR)
			remove_below(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

void scratch_remove(void)
{
	if (scratch[0])
		remove_below(scratch);
	scratch[0] = '\0';
}

struct caught catch_stderr(void)
{
	struct caught caught = { .saved = dup(STDERR_FILENO) };
	int pipes[2];

	if (caught.saved < 0 || pipe2(pipes, O_NONBLOCK) || dup2(pipes[1], STDERR_FILENO) < 0)
		bail("pipe: %s", strerror(errno));
	close(pipes[1]);
	caught.pipe = pipes[0];
	return caught;
}

void caught_read(struct caught *caught, char *out, size_t size)
{
	ssize_t n;

	dup2(caught->saved, STDERR_FILENO);
	close(caught->saved);
	n = read(caught->pipe, out, size - 1);
	out[n > 0 ? n : 0] = '\0';
	close(caught->pipe);
}

struct identity *identity_today(const char *names, const struct identity *issuer, int64_t from_days,
				int64_t to_days)
{
	const struct identity_spec spec = {
		.common_name = names ? names : "Root",
		.names = names,
		.key = KEY_ECDSA_P256,
		.issuer = issuer,
		.authority = !names,
		.key_usage = names ? "critical,digitalSignature" : "critical,keyCertSign,cRLSign",
		.not_before = time(NULL) + from_days * DAY,
		.not_after = time(NULL) + to_days * DAY,
	};

	return identity_new(&spec);
}
