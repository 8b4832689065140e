/* SPDX-License-Identifier: MIT */
/*
 * live.h - a worker's handshakes, told while somebody listens (live_words.h)
 *
 * Handshake messages as they come and go, which key comes when, and the end. Costs a look at a flag
 * while nobody does. Must never tell a secret.
 */
#ifndef DAEMON_LIVE_H
#define DAEMON_LIVE_H

#include "feed.h"
#include "handshake/handshake.h"
#include "log.h"

/* @feed: NULL, or one of live_words.h's messages. All of them take what they tell of for the call. */
void live_begin(const struct feed *feed, const struct log_subject *subject);
void live_received(const struct feed *feed, const struct log_subject *subject, unsigned int epoch,
		   const void *messages, size_t len);
void live_action(const struct feed *feed, const struct log_subject *subject,
		 const struct hs_action *action);
void live_failed(const struct feed *feed, const struct log_subject *subject, const char *text);
void live_gone(const struct feed *feed, const struct log_subject *subject);

#endif
