// SPDX-License-Identifier: MIT
/*
 * trace_live.c - tlsock trace --live: the handshakes of the daemon as they happen, in the same words
 *
 * For root, over the daemon's control socket; the daemon's log says it. Bytes of a peer go through
 * trace_print.c alone. No secret is in what comes.
 */
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli.h"
#include "daemon/control_words.h"
#include "daemon/live_words.h"

#define MESSAGE_MAX (sizeof(struct live_head) + HS_MAX_INPUT)
#define CONNECTIONS 256U

/* What has to be known of a connection between two messages; the oldest place is taken anew. */
struct connection {
	uint64_t id;
	struct trace_names names;
	bool known, explained;
};

struct live {
	struct connection connections[CONNECTIONS];
	size_t next;
	uint64_t shown; /* whose lines were the last */
	bool any;
	unsigned long left; /* 0: without end */
};

static struct connection *connection_of(struct live *l, uint64_t id)
{
	struct connection *c;

	for (size_t i = 0; i < CONNECTIONS; i++)
		if (l->connections[i].known && l->connections[i].id == id)
			return &l->connections[i];
	c = &l->connections[l->next++ % CONNECTIONS];
	*c = (struct connection){ .id = id, .known = true };
	return c;
}

static void show_messages(struct connection *c, const struct live_head *head, const uint8_t *bytes,
			  size_t len)
{
	while (len >= 4) {
		size_t n = 4 + ((size_t)bytes[1] << 16 | (size_t)bytes[2] << 8 | bytes[3]);

		if (n > len)
			break;
		trace_message(&c->names, head->kind == LIVE_SENT, head->epoch, bytes, n);
		bytes += n;
		len -= n;
	}
}

static void show_key(struct connection *c, const struct live_head *head)
{
	const struct hs_key key = {
		.direction = head->direction,
		.epoch = head->epoch,
		.version = head->version,
		.suite = head->suite,
		.key_len = head->key_len,
		.iv_len = head->iv_len,
	};

	if (!c->explained)
		trace_schedule(head->version == HS_TLS_1_3);
	c->explained = true;
	trace_key(&key, head->server);
}

static void show_end(const struct live_head *head)
{
	const struct hs_summary summary = {
		.version = head->version,
		.suite = head->suite,
		.group = head->group,
		.scheme = head->scheme,
		.resumed = head->resumed,
		.psk = head->psk,
		.peer_authenticated = head->authenticated,
		.verify_code = head->verify_code,
	};

	trace_end(&summary, head->server, head->verify_code);
}

/* True: a handshake has ended. */
static bool show(struct live *l, const struct live_head *head, const uint8_t *bytes, size_t len)
{
	struct connection *c = connection_of(l, head->id);
	char text[2048], number[8];

	escape(bytes, head->kind == LIVE_BEGIN || head->kind == LIVE_FAILED ? len : 0, text,
	       sizeof(text));
	if (!l->any || l->shown != head->id || head->kind == LIVE_BEGIN)
		trace_line("%s#### %016" PRIx64 "%s%s", l->any ? "\n" : "", head->id,
			   head->kind == LIVE_BEGIN ? " " : " goes on",
			   head->kind == LIVE_BEGIN ? text : "");
	l->shown = head->id;
	l->any = true;
	switch ((enum live_kind)head->kind) {
	case LIVE_BEGIN:
		return false;
	case LIVE_RECEIVED:
	case LIVE_SENT:
		show_messages(c, head, bytes, len);
		return false;
	case LIVE_CHANGE:
		trace_change(true, c->names.tls13);
		return false;
	case LIVE_KEY:
		show_key(c, head);
		return false;
	case LIVE_COMPLETE:
		show_end(head);
		break;
	case LIVE_FAILED:
		trace_line("%s===  FAILED: %s%s", colour(COLOUR_BAD), text, colour(COLOUR_NONE));
		if (head->alert)
			trace_detail("alert %s", name_or_number(alert_name((uint8_t)head->alert),
								(uint8_t)head->alert, number));
		break;
	case LIVE_GONE:
		trace_line("===  closed before the handshake was complete");
		break;
	}
	c->known = false;
	return true;
}

/* All that there is. An exit status, or -1: go on. */
static int take(struct live *l, int feed, uint8_t *message)
{
	struct live_head head;
	ssize_t n;

	while ((n = recv(feed, message, MESSAGE_MAX, MSG_DONTWAIT | MSG_TRUNC)) > 0) {
		memcpy(&head, message, sizeof(head));
		if ((size_t)n < sizeof(head) || head.size != sizeof(head)) {
			complain("the daemon is of another version");
			return EX_UNAVAILABLE;
		}
		if ((size_t)n > MESSAGE_MAX)
			n = MESSAGE_MAX;
		if (show(l, &head, message + sizeof(head), (size_t)n - sizeof(head)) && l->left &&
		    !--l->left)
			return 0;
		if (fflush(stdout))
			return 0; /* whoever read has gone; main() looks at it */
	}
	return -1;
}

static int follow(struct live *l, int control, int feed)
{
	struct pollfd fds[] = {
		{ .fd = feed, .events = POLLIN },
		{ .fd = control, .events = POLLIN },
		{ .fd = STDOUT_FILENO }, /* whoever reads has gone */
	};
	uint8_t *message = calloc(1, MESSAGE_MAX);
	int status = message ? -1 : EX_OSERR;

	while (status < 0) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			status = EX_OSERR;
		else
			status = take(l, feed, message);
		if (status < 0 && fds[2].revents & (POLLERR | POLLNVAL))
			status = 0;
		if (status < 0 && fds[1].revents) {
			complain("the daemon has ended");
			status = EX_UNAVAILABLE;
		}
	}
	free(message);
	return status;
}

int trace_live(unsigned long count)
{
	struct live *l = calloc(1, sizeof(*l));
	int control, feed = -1, status;

	if (!l)
		return EX_OSERR;
	l->left = count;
	control = control_listen(CONTROL_LIVE, "trace --live", &feed, &status);
	if (control >= 0) {
		complain("the daemon's handshakes from now on; ^C ends it");
		status = follow(l, control, feed);
		if (!status)
			control_tell_lost(control, 1);
		close(feed);
		close(control);
	}
	free(l);
	return status;
}
