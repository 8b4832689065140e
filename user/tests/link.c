// SPDX-License-Identifier: MIT
/*
 * link.c - an engine on a TCP socket, for tests against other implementations
 *
 * See link.h. RFC 8446 section 5.1: handshake messages may be split over records and share
 * them; the engine gets them whole.
 */
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define CHUNK 16384

__attribute__((format(printf, 2, 3))) static bool give_up(struct link *link, const char *format,
							  ...)
{
	va_list ap;

	if (!link->failed) {
		va_start(ap, format);
		vsnprintf(link->text, sizeof(link->text), format, ap);
		va_end(ap);
	}
	link->failed = true;
	return false;
}

struct link *link_new(int fd, const struct hs_config *config, enum hs_role role)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		bail("out of memory");
	link->fd = fd;
	link->engine = hs_engine_new(config, role);
	if (!link->engine)
		bail("no engine");
	return link;
}

bool send_whole(int fd, const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_all(struct link *link, const uint8_t *bytes, size_t len)
{
	return send_whole(link->fd, bytes, len) || give_up(link, "send: %s", strerror(errno));
}

static bool send_record(struct link *link, uint8_t type, const uint8_t *bytes, size_t len)
{
	uint8_t record[RECORD_HEADER + CHUNK + 256] = { type, 3, 3, (uint8_t)(len >> 8),
							(uint8_t)len };

	if (link->keys[HS_TX].key_len)
		return write_all(link, record,
				 record_seal(&link->keys[HS_TX], type, bytes, len, record));
	memcpy(record + RECORD_HEADER, bytes, len);
	return write_all(link, record, RECORD_HEADER + len);
}

static bool send_data(struct link *link, const struct hs_data *data)
{
	size_t most = CHUNK < data->max_payload ? CHUNK : data->max_payload;

	for (size_t at = 0; at < data->len; at += most) {
		size_t part = data->len - at < most ? data->len - at : most;

		if (!send_record(link, (uint8_t)data->content_type, data->bytes + at, part))
			return false;
	}
	return true;
}

static bool fail_action(struct link *link, const struct hs_failure *failure)
{
	uint8_t alert[2] = { 2, failure->alert };

	send_record(link, 21, alert, sizeof(alert));
	link->failure = *failure;
	return give_up(link, "%s", failure->text);
}

static void take_key(struct link *link, const struct hs_key *key)
{
	if (key->direction == HS_RX && key->version == HS_TLS_1_2) {
		link->pending = *key;
		return;
	}
	link->keys[key->direction] = *key;
	if (key->direction == HS_RX)
		link->epoch = key->epoch;
}

/* In TLS 1.3 it means nothing; in TLS 1.2 it must not come early, nor within a message. */
static bool take_change_cipher_spec(struct link *link)
{
	if (!link->pending.key_len)
		return link->keys[HS_RX].version == HS_TLS_1_3 || !link->complete ||
		       give_up(link, "a change_cipher_spec out of its place");
	if (link->handshake_len)
		return give_up(link, "a change_cipher_spec within a message");
	link->keys[HS_RX] = link->pending;
	link->epoch = link->pending.epoch;
	link->pending.key_len = 0;
	return true;
}

static bool take_actions(struct link *link)
{
	const struct hs_action *a;
	bool good = true;

	while (good && (a = hs_engine_next_action(link->engine))) {
		switch (a->type) {
		case HS_ACTION_DATA:
			good = send_data(link, &a->data);
			break;
		case HS_ACTION_KEY:
			take_key(link, &a->key);
			break;
		case HS_ACTION_CONTINUE:
			break;
		case HS_ACTION_COMPLETE:
			link->complete = true;
			break;
		case HS_ACTION_FAIL:
			good = fail_action(link, &a->failure);
			break;
		}
	}
	return good;
}

static bool read_all(struct link *link, uint8_t *bytes, size_t len)
{
	struct pollfd p = { .fd = link->fd, .events = POLLIN };

	while (len) {
		ssize_t n;

		if (poll(&p, 1, LINK_TIMEOUT_MS) != 1)
			return give_up(link, "nothing came in time");
		n = recv(link->fd, bytes, len, 0);
		if (n <= 0)
			return give_up(link, "the peer closed: %s", n ? strerror(errno) : "FIN");
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Whole messages to the engine, one by one, each in the epoch its last byte came in. */
static bool take_handshake(struct link *link, const uint8_t *bytes, size_t len)
{
	if (len > sizeof(link->handshake) - link->handshake_len)
		return give_up(link, "too many handshake bytes");
	memcpy(link->handshake + link->handshake_len, bytes, len);
	link->handshake_len += len;
	while (link->handshake_len >= 4) {
		uint8_t *h = link->handshake;
		size_t whole = 4 + ((size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3]);

		if (whole > link->handshake_len)
			break;
		link->post_handshake_messages += link->complete;
		hs_engine_input(link->engine, link->epoch, h, whole);
		link->handshake_len -= whole;
		memmove(h, h + whole, link->handshake_len);
		if (!take_actions(link))
			return false;
	}
	return true;
}

static bool take_plain(struct link *link, uint8_t type, const uint8_t *bytes, size_t len)
{
	switch (type) {
	case 20:
		return take_change_cipher_spec(link);
	case 21:
		link->closed = len == 2 && bytes[1] == 0;
		return give_up(link, "the peer sent alert %s",
			       len == 2 ? hs_alert_name(bytes[1]) : "of a wrong length");
	case 22:
		return take_handshake(link, bytes, len);
	case 23:
		if (!link->complete || len >= sizeof(link->data) - link->data_len)
			return give_up(link, "unexpected data");
		memcpy(link->data + link->data_len, bytes, len);
		link->data_len += len;
		return true;
	}
	return give_up(link, "a record of type %u", type);
}

static bool receive_record(struct link *link)
{
	uint8_t record[RECORD_HEADER + RECORD_MAX], plain[RECORD_MAX], type;
	size_t len;
	int n;

	if (!read_all(link, record, RECORD_HEADER))
		return false;
	len = (size_t)record[3] << 8 | record[4];
	if (len > RECORD_MAX)
		return give_up(link, "a record of %zu bytes", len);
	if (!read_all(link, record + RECORD_HEADER, len))
		return false;
	if (!link->keys[HS_RX].key_len ||
	    (link->keys[HS_RX].version == HS_TLS_1_3 && record[0] != 23))
		return take_plain(link, record[0], record + RECORD_HEADER, len);
	n = record_open(&link->keys[HS_RX], record, RECORD_HEADER + len, plain, &type);
	if (n < 0)
		return give_up(link, "a record does not open");
	return take_plain(link, type, plain, (size_t)n);
}

bool link_handshake(struct link *link)
{
	bool good;

	hs_engine_start(link->engine);
	good = take_actions(link);
	while (good && !link->complete)
		good = receive_record(link);
	return good;
}

bool link_send(struct link *link, const char *text)
{
	return send_record(link, 23, (const uint8_t *)text, strlen(text));
}

bool link_expect(struct link *link, const char *text)
{
	while (!strstr(link->data, text))
		if (!receive_record(link))
			return false;
	return true;
}

void link_close(struct link *link)
{
	static const uint8_t close_notify[] = { 1, 0 };

	if (link->complete && !link->failed)
		send_record(link, 21, close_notify, sizeof(close_notify));
	close(link->fd);
	hs_engine_free(link->engine);
	free(link);
}

/* --- foreign programs --- */

bool program_exists(const char *name)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path ? path : "/usr/bin:/bin"), *rest = copy, *dir;
	char full[4096];
	bool found = false;

	while (!found && (dir = strsep(&rest, ":"))) {
		snprintf(full, sizeof(full), "%s/%s", dir, name);
		found = access(full, X_OK) == 0;
	}
	free(copy);
	return found;
}

struct peer *peer_start(const char *const *argv)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	int in[2], out[2];

	if (!peer || pipe(in) < 0 || pipe(out) < 0)
		bail("no pipes");
	peer->pid = fork();
	if (peer->pid < 0)
		bail("fork");
	if (!peer->pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	peer->in = in[1];
	peer->out = out[0];
	return peer;
}

/* One read of its output; false at its end. What does not fit is dropped. */
static bool peer_read(struct peer *peer)
{
	struct pollfd p = { .fd = peer->out, .events = POLLIN };
	char spill[4096];
	size_t room = sizeof(peer->output) - 1 - peer->output_len;
	ssize_t n;

	if (poll(&p, 1, LINK_TIMEOUT_MS) != 1)
		return false;
	if (!room)
		return read(peer->out, spill, sizeof(spill)) > 0;
	n = read(peer->out, peer->output + peer->output_len, room);
	if (n <= 0)
		return false;
	for (ssize_t i = 0; i < n; i++)
		if (!peer->output[peer->output_len + (size_t)i])
			peer->output[peer->output_len + (size_t)i] = '?';
	peer->output_len += (size_t)n;
	return true;
}

bool peer_expect(struct peer *peer, const char *text)
{
	while (!strstr(peer->output, text))
		if (!peer_read(peer))
			return false;
	return true;
}

int peer_finish(struct peer *peer)
{
	int status = 0;

	if (peer->in >= 0)
		close(peer->in);
	peer->in = -1;
	while (peer_read(peer))
		;
	waitpid(peer->pid, &status, 0);
	peer->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void peer_kill(struct peer *peer)
{
	if (peer->pid) {
		kill(peer->pid, SIGKILL);
		waitpid(peer->pid, NULL, 0);
	}
	if (peer->in >= 0)
		close(peer->in);
	close(peer->out);
	free(peer);
}
