// SPDX-License-Identifier: MIT
/*
 * live.c - see live.h
 */
#include "live.h"

#include <stdio.h>
#include <string.h>

#include "live_words.h"

static void tell(const struct feed *feed, const struct log_subject *subject, struct live_head *head,
		 const void *bytes, size_t len)
{
	const struct iovec parts[] = {
		{ .iov_base = head, .iov_len = sizeof(*head) },
		{ .iov_base = (void *)bytes, .iov_len = len },
	};

	head->size = sizeof(*head);
	head->id = subject->id;
	head->server = subject->server;
	feed_send(feed, parts, len ? 2 : 1);
}

void live_begin(const struct feed *feed, const struct log_subject *subject)
{
	struct live_head head = { .kind = LIVE_BEGIN };
	char text[512];
	int n;

	if (!feed_is_on(feed))
		return;
	n = snprintf(text, sizeof(text), "%s %s %s %s%s%s, uid %u pid %u",
		     subject->server ? "server" : "client", subject->local,
		     subject->server ? "from" : "to", subject->peer,
		     subject->name[0] ? ", name " : "", subject->name, subject->uid, subject->pid);
	tell(feed, subject, &head, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void live_received(const struct feed *feed, const struct log_subject *subject, unsigned int epoch,
		   const void *messages, size_t len)
{
	struct live_head head = { .kind = LIVE_RECEIVED, .epoch = epoch };

	if (feed_is_on(feed))
		tell(feed, subject, &head, messages, len);
}

void live_failed(const struct feed *feed, const struct log_subject *subject, const char *text)
{
	struct live_head head = { .kind = LIVE_FAILED };

	if (feed_is_on(feed))
		tell(feed, subject, &head, text, strlen(text));
}

void live_gone(const struct feed *feed, const struct log_subject *subject)
{
	struct live_head head = { .kind = LIVE_GONE };

	if (feed_is_on(feed))
		tell(feed, subject, &head, NULL, 0);
}

/* What a key is for, and not the key. */
static void describe_key(struct live_head *head, const struct hs_key *key)
{
	head->kind = LIVE_KEY;
	head->direction = key->direction;
	head->epoch = key->epoch;
	head->version = key->version;
	head->suite = key->suite;
	head->key_len = (uint32_t)key->key_len;
	head->iv_len = (uint32_t)key->iv_len;
}

static void describe_end(struct live_head *head, const struct hs_summary *s)
{
	head->kind = LIVE_COMPLETE;
	head->version = s->version;
	head->suite = s->suite;
	head->group = s->group;
	head->scheme = s->scheme;
	head->resumed = s->resumed;
	head->psk = s->psk;
	head->authenticated = s->peer_authenticated;
	head->verify_code = s->verify_code;
}

void live_action(const struct feed *feed, const struct log_subject *subject,
		 const struct hs_action *action)
{
	struct live_head head = { .kind = LIVE_SENT };
	const void *bytes = NULL;
	size_t len = 0;

	if (!feed_is_on(feed))
		return;
	switch (action->type) {
	case HS_ACTION_DATA:
		head.epoch = action->data.epoch;
		if (action->data.content_type == HS_CONTENT_CHANGE_CIPHER_SPEC) {
			head.kind = LIVE_CHANGE;
			break;
		}
		bytes = action->data.bytes;
		len = action->data.len;
		break;
	case HS_ACTION_KEY:
		describe_key(&head, &action->key);
		break;
	case HS_ACTION_CONTINUE:
		return;
	case HS_ACTION_COMPLETE:
		describe_end(&head, action->summary);
		break;
	case HS_ACTION_FAIL:
		head.kind = LIVE_FAILED;
		head.alert = action->failure.alert;
		bytes = action->failure.text;
		len = strlen(action->failure.text);
		break;
	}
	tell(feed, subject, &head, bytes, len);
}
