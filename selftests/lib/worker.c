// SPDX-License-Identifier: GPL-2.0-only
/*
 * worker.c: see worker.h.
 */
#include "worker.h"

#include <sys/eventfd.h>

#define APP TLSOCK_EPOCH_APPLICATION
#define HS TLSOCK_EPOCH_HANDSHAKE

static uint16_t version_of(const struct script *s)
{
	return s->version ? s->version : TLS13;
}

static uint16_t suite_of(const struct script *s)
{
	if (s->suite)
		return s->suite;
	return version_of(s) == TLS12 ? SUITE_12_AES_128 : SUITE_AES_128;
}

size_t hs_message(uint8_t type, size_t len, uint8_t *out)
{
	out[0] = type;
	out[1] = (uint8_t)(len >> 16);
	out[2] = (uint8_t)(len >> 8);
	out[3] = (uint8_t)len;
	memset(out + 4, 0, len);
	return 4 + len;
}

void push_key(struct msg *m, uint8_t direction, uint8_t epoch, const struct rec_key *k,
	      bool with_secret)
{
	msg_nest(m, TLSOCK_ACT_KEY);
	msg_u8(m, TLSOCK_AA_DIRECTION, direction);
	msg_u8(m, TLSOCK_AA_EPOCH, epoch);
	msg_u16(m, TLSOCK_AA_VERSION, k->version);
	msg_u16(m, TLSOCK_AA_SUITE, k->suite);
	msg_put(m, TLSOCK_AA_KEY, k->key, k->key_len);
	msg_put(m, TLSOCK_AA_IV, k->iv, k->version == TLS12 ? 4 : sizeof(k->iv));
	msg_u64(m, TLSOCK_AA_SEQ, k->seq);
	if (with_secret)
		msg_put(m, TLSOCK_AA_SECRET, k->secret, k->secret_len);
	msg_end(m);
}

static void push_epoch_key(struct msg *m, const struct script *s, uint8_t direction, uint8_t epoch,
			   bool of_server)
{
	struct rec_key k = key_of(TLS13, suite_of(s), epoch, of_server);

	k.seq = s->seq[epoch];
	push_key(m, direction, epoch, &k, epoch == APP && !s->no_secret);
}

void push_app_keys(struct msg *m, const struct script *s, bool server)
{
	push_epoch_key(m, s, TLSOCK_DIR_TX, APP, server);
	push_epoch_key(m, s, TLSOCK_DIR_RX, APP, !server);
}

static void push_cookie(struct msg *m, size_t len)
{
	uint8_t *cookie = malloc(len);

	if (!cookie)
		abort();
	pattern_fill(cookie, len, 0);
	msg_put(m, TLSOCK_AA_COOKIE, cookie, len);
	free(cookie);
}

void push_complete(struct msg *m, const struct script *s, bool server)
{
	uint8_t *cert = s->cert_len ? malloc(s->cert_len) : NULL, binding[32];

	memset(binding, 0x5a, sizeof(binding));
	msg_nest(m, TLSOCK_ACT_COMPLETE);
	msg_u16(m, TLSOCK_AA_VERSION, version_of(s));
	msg_u16(m, TLSOCK_AA_SUITE, suite_of(s));
	msg_u16(m, TLSOCK_AA_GROUP, 29);
	msg_u16(m, TLSOCK_AA_SIGNATURE_SCHEME, 0x0403);
	msg_u32(m, TLSOCK_AA_FLAGS, s->flags);
	if (s->alpn)
		msg_put(m, TLSOCK_AA_ALPN, s->alpn, strlen(s->alpn));
	msg_u32(m, TLSOCK_AA_VERIFY_CODE, 0);
	for (size_t i = 0; cert && i < s->certs; i++) {
		pattern_fill(cert, s->cert_len, i);
		msg_put(m, TLSOCK_AA_PEER_CERT, cert, s->cert_len);
	}
	if (version_of(s) == TLS13)
		msg_put(m, TLSOCK_AA_CHANNEL_BINDING, binding, sizeof(binding));
	if (server)
		msg_str(m, TLSOCK_AA_SERVER_NAME, "asked.test");
	if (s->max_payload)
		msg_u16(m, TLSOCK_AA_MAX_PAYLOAD, s->max_payload);
	if (s->cookie_len)
		push_cookie(m, s->cookie_len);
	msg_end(m);
	free(cert);
}

static void push_message(struct msg *m, uint8_t epoch, uint8_t type, size_t len)
{
	uint8_t body[1024];

	push_data(m, epoch, REC_HANDSHAKE, body, hs_message(type, len, body));
}

/* A server's answer to ClientHello: its whole flight. */
static void server_flight(struct msg *m, const struct script *s)
{
	if (s->brief) {
		push_app_keys(m, s, true);
		push_complete(m, s, true);
		return;
	}
	push_message(m, TLSOCK_EPOCH_INITIAL, MSG_SERVER_HELLO, 90);
	push_data(m, TLSOCK_EPOCH_INITIAL, REC_CCS, "\1", 1);
	push_epoch_key(m, s, TLSOCK_DIR_TX, HS, true);
	push_epoch_key(m, s, TLSOCK_DIR_RX, HS, false);
	push_message(m, HS, MSG_ENCRYPTED_EXTENSIONS, 2);
	push_message(m, HS, MSG_FINISHED, 32);
	push_epoch_key(m, s, TLSOCK_DIR_TX, APP, true);
	push_continue(m);
}

/* A client's answer to ServerHello. */
static void client_keys(struct msg *m, const struct script *s)
{
	if (s->brief) {
		push_app_keys(m, s, false);
		push_complete(m, s, false);
		return;
	}
	push_data(m, TLSOCK_EPOCH_INITIAL, REC_CCS, "\1", 1);
	push_epoch_key(m, s, TLSOCK_DIR_TX, HS, false);
	push_epoch_key(m, s, TLSOCK_DIR_RX, HS, true);
	push_continue(m);
}

static void on_finished(struct msg *m, const struct script *s, bool server)
{
	if (server) {
		push_epoch_key(m, s, TLSOCK_DIR_RX, APP, false);
	} else {
		push_message(m, HS, MSG_FINISHED, 32);
		push_app_keys(m, s, false);
	}
	push_complete(m, s, server);
}

/* Is there a whole message of this type in the event's data? */
static bool has_message(const struct event *e, uint8_t type)
{
	size_t at = 0;

	while (at + 4 <= e->data_len) {
		if (e->data[at] == type)
			return true;
		at += 4 + (size_t)(e->data[at + 1] << 16 | e->data[at + 2] << 8 | e->data[at + 3]);
	}
	return false;
}

int script_step(struct nl *nl, const struct script *s, const struct event *e)
{
	struct msg m;
	bool answer = true;

	push_start(&m, nl, e->id, e->generation);
	if (s->fail_errno && (e->cmd == TLSOCK_CMD_CONN_NEW || e->cmd == TLSOCK_CMD_CONN_DATA)) {
		push_fail(&m, s->fail_errno, s->fail_alert, "the script says no");
	} else if (e->cmd == TLSOCK_CMD_CONN_NEW && e->role == TLSOCK_ROLE_CLIENT) {
		push_message(&m, TLSOCK_EPOCH_INITIAL, MSG_CLIENT_HELLO, 200);
		push_continue(&m);
	} else if (e->cmd == TLSOCK_CMD_CONN_DATA && has_message(e, MSG_CLIENT_HELLO)) {
		server_flight(&m, s);
	} else if (e->cmd == TLSOCK_CMD_CONN_DATA && has_message(e, MSG_SERVER_HELLO)) {
		client_keys(&m, s);
	} else if (e->cmd == TLSOCK_CMD_CONN_DATA && has_message(e, MSG_FINISHED)) {
		on_finished(&m, s, e->epoch == HS && !has_message(e, MSG_ENCRYPTED_EXTENSIONS));
	} else {
		answer = false;
	}
	if (!answer) {
		msg_free(&m);
		return 0;
	}
	return push_send(nl, &m);
}

/* Connections may die at any time; these say no more than that. */
static bool is_death(int rc)
{
	return rc == -ENOENT || rc == -EPIPE || rc == -ESTALE;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct pollfd p[2] = {
		{ .fd = w->stop_fd, .events = POLLIN },
		{ .fd = w->nl.fd, .events = POLLIN },
	};
	struct event *e;
	int rc;

	for (;;) {
		while ((e = nl_peek(&w->nl))) {
			rc = script_step(&w->nl, &w->script, e);
			if (rc && !is_death(rc) && !w->error) {
				w->error = rc;
				fprintf(stderr, "# worker: PUSH: %s (%s)\n", strerror(-rc),
					w->nl.extack);
			}
			free(e);
		}
		if (w->nl.doorbell)
			continue;
		if (poll(p, 2, -1) > 0 && p[0].revents)
			return NULL;
		/* nl_pull() of the next round reads the doorbell. */
	}
}

int worker_start(struct worker *w, const struct script *script)
{
	int rc;

	memset(w, 0, sizeof(*w));
	if (script)
		w->script = *script;
	rc = nl_open(&w->nl);
	if (rc == 0)
		rc = nl_register(&w->nl);
	if (rc) {
		nl_close(&w->nl);
		return rc;
	}
	w->stop_fd = eventfd(0, EFD_CLOEXEC);
	w->running = true;
	w->thread = thread_start(worker_main, w);
	return 0;
}

void worker_stop(struct worker *w)
{
	uint64_t one = 1;

	if (!w->running)
		return;
	w->running = false;
	if (write(w->stop_fd, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_join(w->thread, NULL);
	close(w->stop_fd);
	nl_close(&w->nl);
}

int script_run(struct nl *nl, const struct script *s, unsigned int completions)
{
	struct event *e;
	bool last;
	int rc;

	while (completions) {
		e = nl_next(nl, PATIENCE_MS);
		if (!e)
			return -ETIME;
		last = e->cmd == TLSOCK_CMD_CONN_DATA &&
		       (has_message(e, MSG_FINISHED) ||
			(s->brief &&
			 (has_message(e, MSG_CLIENT_HELLO) || has_message(e, MSG_SERVER_HELLO))));
		rc = script_step(nl, s, e);
		free(e);
		if (rc)
			return rc;
		if (last)
			completions--;
	}
	return 0;
}
