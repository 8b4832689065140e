// SPDX-License-Identifier: MIT
/*
 * connection.c - see connection.h
 *
 * The kernel may give a flight in pieces (MORE); the engine gets it whole. Whatever goes wrong on
 * this side ends in a FAIL, so that the application hears the reason at once and not the deadline.
 */
#include "connection.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "keylog.h"
#include "live.h"
#include "policy.h"

#define ALERT_HANDSHAKE_FAILURE 40
#define ALERT_BAD_CERTIFICATE 42
#define ALERT_INTERNAL_ERROR 80
#define ALERT_NONE -1

struct connection {
	struct connection *next; /* in its bucket */
	uint64_t id;
	uint32_t generation;
	struct hs_engine *engine;
	int64_t started;
	struct log_subject subject;
	uint8_t *flight; /* while MORE is to come */
	size_t flight_len;
	uint8_t flight_epoch;
	bool heard; /* the peer */
};

/* ---- the engine's surroundings ---- */

static int random_bytes(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	while (len) {
		ssize_t n = getrandom(out, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		out += n;
		len -= (size_t)n;
	}
	return 0;
}

static int64_t wall_clock(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

static int ticket_key(void *ctx, bool seal, uint8_t name[HS_TICKET_NAME_LEN],
		      uint8_t key[HS_TICKET_KEY_LEN])
{
	const struct connections *all = ctx;

	return tickets_key(all->tickets, &all->config->tickets.files, seal, name, key);
}

/* ---- sessions of clients ---- */

static int cookie_key(void *ctx, bool seal, uint8_t name[HS_TICKET_NAME_LEN],
		      uint8_t key[HS_TICKET_KEY_LEN])
{
	const struct connections *all = ctx;

	return all->sessions ? sessions_key(all->sessions, seal, name, key) : -ENOENT;
}

/* Of the active engine, whose context is the key. */
static void keep_session(void *ctx, const uint8_t *session, size_t len)
{
	struct connections *all = ctx;
	struct session_owner owner;
	const uint8_t *key;
	size_t key_len;

	key = hs_engine_session_context(all->active, &key_len);
	if (!all->sessions || policy_session_owner(key, key_len, &owner))
		return;
	sessions_put(all->sessions, &owner, key, key_len, session, len,
		     hs_session_expires(session, len), wall_clock(NULL));
}

/*
 * A client without a name for its server has nothing to know it again by. @out: SESSIONS_SIZE bytes
 * for the session that @config gets then, if there is one.
 */
static void offer_session(struct connections *all, const struct event *event,
			  struct hs_config *config, uint8_t *out)
{
	struct session_owner owner = { .netns = event->netns, .uid = event->uid };

	if (event->server || !all->sessions || !event->server_name[0])
		return;
	config->session_new = keep_session;
	config->ticket_key = cookie_key;
	config->session = out;
	config->session_len = sessions_take(all->sessions, &owner, config->session_context,
					    config->session_context_len, wall_clock(NULL), out);
}

/* For the tickets to come, with COMPLETE. @cookie: TLSOCK_COOKIE_MAX bytes */
static void leave_cookie(struct connections *all, struct hs_engine *engine, uint8_t *cookie)
{
	int len = hs_engine_park(engine, cookie, TLSOCK_COOKIE_MAX);

	if (len > 0) {
		all->message.cookie = cookie;
		all->message.cookie_len = (size_t)len;
	}
}

/* Whatever is wrong with it, the next handshake is a full one. */
static void on_ticket(struct connections *all, const struct event *event)
{
	struct hs_config config = { .random = random_bytes,
				    .now = wall_clock,
				    .ctx = all,
				    .ticket_key = cookie_key,
				    .session_new = keep_session };
	struct hs_engine *e = hs_engine_unpark(&config, event->cookie, event->cookie_len);
	const char *outcome = "of another configuration";

	if (e) {
		all->active = e;
		outcome = hs_engine_input(e, HS_EPOCH_APPLICATION, event->data, event->data_len) ?
				  "malformed" :
				  "kept";
		all->active = NULL;
	}
	hs_engine_free(e);
	log_write(LOG_DEBUG, NULL, "session ticket of connection %016" PRIx64 ": %s", event->id,
		  outcome);
}

/* ---- the table ---- */

int connections_init(struct connections *all)
{
	memset(all->buckets, 0, sizeof(all->buckets));
	all->count = 0;
	all->failures = (struct log_limit){ 0 };
	all->usable = calloc(all->config->credential_count + 1, sizeof(*all->usable));
	if (all->usable && !push_new(&all->message))
		return 0;
	free(all->usable);
	all->usable = NULL;
	return -ENOMEM;
}

/* Ids are random: any bits are a hash. */
static struct connection **find(struct connections *all, uint64_t id)
{
	struct connection **at = &all->buckets[id % CONNECTION_BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static void drop(struct connections *all, struct connection *c)
{
	struct connection **at = find(all, c->id);

	*at = c->next;
	all->count--;
	hs_engine_free(c->engine);
	free(c->flight);
	free(c);
}

void connections_free(struct connections *all)
{
	for (size_t i = 0; i < CONNECTION_BUCKETS; i++)
		while (all->buckets[i])
			drop(all, all->buckets[i]);
	push_free(&all->message);
	free(all->usable);
	all->usable = NULL;
	log_limit_tell(&all->failures, INT64_MAX);
}

/* ---- to the log: whoever can connect must not be able to fill it ---- */

static bool may_log(struct connections *all, int priority)
{
	if (!log_wants(priority))
		return false;
	return log_wants(LOG_DEBUG) || log_limit_allows(&all->failures, all->now_us(all->ctx));
}

int connections_tell(struct connections *all)
{
	int64_t us = log_limit_tell(&all->failures, all->now_us(all->ctx));

	return us < 0 ? -1 : (int)(us / 1000) + 1;
}

/* ---- to the kernel ---- */

static void send_failure(struct connections *all, const struct event *event,
			 const struct log_subject *subject, int error, int alert, const char *text)
{
	const char *reason = "";
	int refused;

	live_failed(all->live, subject, text);
	if (may_log(all, LOG_WARNING))
		log_write(LOG_WARNING, subject, "failed: %s (%s)", text, strerrorname_np(error));
	push_begin(&all->message, all->family, event->id, event->generation);
	refused = push_fail(&all->message, error, alert, 0, text);
	push_end(&all->message);
	if (!refused)
		refused = all->push(all->ctx, all->message.message, &reason);
	push_wipe(&all->message);
	if (refused && refused != -ENOENT && refused != -EPIPE && may_log(all, LOG_ERR))
		log_write(LOG_ERR, subject, "the kernel refused the failure: %s %s",
			  strerrorname_np(-refused), reason);
}

static void fail_here(struct connections *all, struct connection *c, int error, int alert,
		      const char *text)
{
	struct event event = { .id = c->id, .generation = c->generation };

	send_failure(all, &event, &c->subject, error, alert, text);
	drop(all, c);
}

static void log_complete(const struct connections *all, const struct connection *c,
			 const struct hs_summary *s)
{
	char name[sizeof(c->subject.name) + 16] = "";
	int64_t us;

	if (!log_wants(LOG_INFO))
		return;
	us = all->now_us(all->ctx) - c->started;
	if (c->subject.server && s->server_name[0])
		snprintf(name, sizeof(name), ", SNI %s", s->server_name);
	log_write(LOG_INFO, &c->subject, "%s, %s, %s, %s%s%s%s%.*s, peer %s, %" PRId64 ".%03d ms",
		  hs_version_name(s->version), hs_suite_name(s->suite), hs_group_name(s->group),
		  s->scheme ? hs_scheme_name(s->scheme) : "no signature",
		  s->resumed ? ", resumed" : "", name, s->alpn_len ? ", ALPN " : "",
		  (int)s->alpn_len, (const char *)s->alpn,
		  s->peer_authenticated ? "verified" : "not verified", us / 1000, (int)(us % 1000));
}

static void log_failure(struct connections *all, const struct connection *c,
			const struct hs_failure *f)
{
	char code[32] = "";

	if (!may_log(all, LOG_WARNING))
		return;
	if (f->verify_code)
		snprintf(code, sizeof(code), ", X.509 code %d", f->verify_code);
	log_write(LOG_WARNING, &c->subject, "failed: %s (%s, alert %s%s)", f->text,
		  strerrorname_np(f->error), hs_alert_name(f->alert), code);
}

/* What the application and the peer hear when the kernel would not take the engine's answer. */
static void on_refusal(struct connections *all, struct connection *c, int error, const char *reason)
{
	char text[512];

	switch (error) {
	case -ENOENT: /* closed, or its deadline has passed */
	case -ESTALE: /* another worker's by now */
	case -EPIPE: /* TCP is gone */
		log_write(LOG_DEBUG, &c->subject, "gone (%s)", strerrorname_np(-error));
		drop(all, c);
		return;
	case -EOPNOTSUPP:
		snprintf(text, sizeof(text), "the kernel has no cipher for the agreed suite");
		fail_here(all, c, EOPNOTSUPP, ALERT_HANDSHAKE_FAILURE, text);
		return;
	default:
		snprintf(text, sizeof(text), "the kernel refused the daemon's answer: %s%s%s",
			 strerror(-error), reason[0] ? ": " : "", reason);
		fail_here(all, c, EIO, ALERT_INTERNAL_ERROR, text);
		return;
	}
}

/* All actions of the engine's last call as one PUSH. @c may be gone afterwards. */
static void carry_out(struct connections *all, struct connection *c)
{
	const struct hs_summary *summary = NULL;
	const struct hs_action *action;
	const struct hs_failure *failure = NULL;
	const char *reason = "";
	uint8_t cookie[TLSOCK_COOKIE_MAX];
	bool wants_more = true;
	int error = 0;

	push_begin(&all->message, all->family, c->id, c->generation);
	while (!error && (action = hs_engine_next_action(c->engine))) {
		live_action(all->live, &c->subject, action);
		if (action->type == HS_ACTION_COMPLETE)
			leave_cookie(all, c->engine, cookie);
		error = push_action(&all->message, action);
		if (action->type == HS_ACTION_KEY)
			keylog_write(all->keylog, c->engine, &action->key);
		else if (action->type == HS_ACTION_COMPLETE)
			summary = action->summary;
		else if (action->type == HS_ACTION_FAIL)
			failure = &action->failure;
		wants_more = wants_more && action->type != HS_ACTION_CONTINUE;
	}
	/* The kernel reads on only when told, but a server's first message without. */
	if (!error && wants_more && !summary && !failure && (c->heard || !c->subject.server))
		error = push_continue(&all->message);
	push_end(&all->message);
	if (!error && all->message.actions)
		error = all->push(all->ctx, all->message.message, &reason);
	else if (error == -E2BIG)
		reason = "the peer's certificates are too long";
	push_wipe(&all->message);

	if (failure)
		log_failure(all, c, failure);
	if (error == -E2BIG)
		fail_here(all, c, EPROTO, ALERT_BAD_CERTIFICATE, reason);
	else if (error)
		on_refusal(all, c, error, reason);
	else if (summary || failure) {
		if (summary)
			log_complete(all, c, summary);
		drop(all, c);
	}
}

/* ---- from the kernel ---- */

static struct connection *add(struct connections *all, const struct event *event,
			      const struct log_subject *subject, const struct hs_config *config)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct connection **at = find(all, event->id);

	if (!c)
		return NULL;
	c->engine = hs_engine_new(config, event->server ? HS_SERVER : HS_CLIENT);
	if (!c->engine) {
		free(c);
		return NULL;
	}
	c->id = event->id;
	c->generation = event->generation;
	c->subject = *subject;
	c->started = all->now_us(all->ctx);
	*at = c;
	all->count++;
	return c;
}

static void on_new(struct connections *all, const struct event *event)
{
	struct connection *c = *find(all, event->id);
	struct log_subject subject;
	uint8_t context[POLICY_SESSION_MAX], session[SESSIONS_SIZE];
	struct refusal refusal;
	struct hs_config config;

	if (c) /* it came back, of another generation: what was done for it is void */
		drop(all, c);
	event_subject(event, &subject);
	log_write(LOG_DEBUG, &subject, "new, credential \"%s\" trust \"%s\" profile \"%s\"",
		  event->credential, event->trust, event->profile);
	if (all->count >= CONNECTIONS_MAX) {
		send_failure(all, event, &subject, ENOBUFS, ALERT_INTERNAL_ERROR,
			     "the daemon has too many handshakes in work");
		return;
	}
	if (policy_apply(all->config, event, all->usable, &config, &refusal)) {
		send_failure(all, event, &subject, refusal.error,
			     event->server ? ALERT_INTERNAL_ERROR : ALERT_NONE, refusal.text);
		return;
	}
	config.random = random_bytes;
	config.now = wall_clock;
	config.ctx = all;
	if (event->server && all->config->tickets.issue)
		config.ticket_key = ticket_key;
	config.ticket_lifetime = all->config->tickets.lifetime;
	config.session_context = context;
	config.session_context_len = policy_session(event, context);
	offer_session(all, event, &config, session);
	c = add(all, event, &subject, &config);
	explicit_bzero(session, config.session_len);
	if (!c) {
		send_failure(all, event, &subject, ENOMEM, ALERT_INTERNAL_ERROR,
			     "the daemon is out of memory");
		return;
	}
	live_begin(all->live, &subject);
	hs_engine_start(c->engine); /* a failure is an action too */
	carry_out(all, c);
}

/* Adds a piece to the flight; 0, -ENOMEM, or -EPROTO when the pieces make no flight. */
static int gather(struct connection *c, const struct event *event)
{
	uint8_t *grown;

	if (c->flight_len && c->flight_epoch != event->epoch)
		return -EPROTO;
	if (event->data_len > HS_MAX_INPUT - c->flight_len)
		return -EPROTO;
	grown = realloc(c->flight, c->flight_len + event->data_len);
	if (!grown)
		return -ENOMEM;
	memcpy(grown + c->flight_len, event->data, event->data_len);
	c->flight = grown;
	c->flight_len += event->data_len;
	c->flight_epoch = event->epoch;
	return 0;
}

static void on_data(struct connections *all, const struct event *event)
{
	struct connection *c = *find(all, event->id);
	const uint8_t *bytes = event->data;
	size_t len = event->data_len;
	uint8_t *flight;
	int error = 0;

	if (!c || c->generation != event->generation)
		return; /* it has failed here already */
	if (event->more || c->flight_len)
		error = gather(c, event);
	if (error) {
		fail_here(all, c, -error, ALERT_INTERNAL_ERROR,
			  "the daemon could not put the peer's messages together");
		return;
	}
	if (event->more)
		return;
	c->heard = true;
	if (c->flight_len) {
		bytes = c->flight;
		len = c->flight_len;
	}
	log_write(LOG_DEBUG, &c->subject, "%s from the peer in epoch %u, %zu bytes",
		  hs_message_name(bytes[0]), event->epoch, len);
	live_received(all->live, &c->subject, event->epoch, bytes, len);
	all->active = c->engine;
	hs_engine_input(c->engine, event->epoch, bytes, len);
	all->active = NULL;
	flight = c->flight;
	c->flight = NULL;
	c->flight_len = 0;
	carry_out(all, c);
	free(flight);
}

static void on_gone(struct connections *all, const struct event *event)
{
	struct connection *c = *find(all, event->id);

	if (!c || c->generation != event->generation)
		return;
	live_gone(all->live, &c->subject);
	if (may_log(all, LOG_INFO))
		log_write(LOG_INFO, &c->subject, "closed before the handshake was complete");
	drop(all, c);
}

void connections_event(struct connections *all, const struct event *event)
{
	switch (event->command) {
	case TLSOCK_CMD_CONN_NEW:
		on_new(all, event);
		break;
	case TLSOCK_CMD_CONN_DATA:
		on_data(all, event);
		break;
	case TLSOCK_CMD_CONN_TICKET:
		on_ticket(all, event);
		break;
	case TLSOCK_CMD_CONN_GONE:
		on_gone(all, event);
		break;
	default: /* event_parse() lets no other through */
		break;
	}
}
