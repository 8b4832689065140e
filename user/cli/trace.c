// SPDX-License-Identifier: MIT
/*
 * trace.c - tlsock trace: one handshake as a client or as a server, explained step by step
 *
 * Over plain TCP, with the daemon's engine and neither daemon nor module; what it shows is what
 * those do. Nothing is sent but the handshake and close_notify. Secrets are shown to root alone.
 */
#include "trace.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "cli.h"

#define HEADER 5
#define SYSTEM_TRUST "/etc/ssl/certs/ca-certificates.crt"

enum { CT_CCS = 20, CT_ALERT = 21, CT_HANDSHAKE = 22, CT_DATA = 23 };

static const char usage[] =
	"usage: tlsock trace [option ...] host:port\n"
	"       tlsock trace --listen [option ...] [host:]port\n"
	"       tlsock trace --live [--count COUNT]\n"
	"  -l, --listen         be the server, for one client; default: be a client\n"
	"  -c, --chain FILE     our own certificate in PEM, and those behind it\n"
	"  -k, --key FILE       its key; a server without them makes one for localhost\n"
	"  -n, --name NAME      a client's: for SNI and verification; default: the host\n"
	"  -f, --trust FILE     certificates in PEM that are trusted; default: the system's\n"
	"  -V, --verify HOW     none (a server's default), optional or required\n"
	"  -2, --tls12          TLS 1.2 at most; default: the best that both have\n"
	"      --legacy         offer RSA key exchange, too, which has no forward secrecy\n"
	"      --secrets        show the secrets too (root only)\n"
	"  -L, --live           the daemon's handshakes as they happen (root only)\n"
	"  -N, --count COUNT    end after so many of them\n";

struct trace {
	const char *name;
	const char *trust, *chain, *key;
	enum hs_verify verify;
	bool server;
	bool live;
	unsigned long count; /* of handshakes; 0: without end */
	bool tls12;
	bool legacy;
	bool secrets;
	int fd;
	struct hs_engine *engine;
	struct hs_key keys[2], pending; /* pending: in force from change_cipher_spec on */
	enum hs_epoch epoch; /* of what comes */
	struct trace_names names;
	uint8_t *messages; /* handshake bytes that have not been taken */
	size_t len;
	bool explained, complete, failed;
};

static int random_bytes(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	return getrandom(out, len, 0) == (ssize_t)len ? 0 : -EIO;
}

static int64_t now(void *ctx)
{
	(void)ctx;
	return time(NULL);
}

static void show_secret(void *ctx, const char *name, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	trace_hex(name, bytes, len);
}

/* ---- what is explained beside the messages ---- */

static void explain_key(const struct trace *t, const struct hs_key *key)
{
	char line[512];
	int n;

	trace_key(key, t->server);
	if (!t->secrets)
		return;
	if (key->secret_len)
		trace_hex("traffic secret", key->secret, key->secret_len);
	trace_hex("write key", key->key, key->key_len);
	trace_hex("write IV", key->iv, key->iv_len);
	if (key->version == HS_TLS_1_3)
		return;
	n = hs_engine_keylog_line(t->engine, key, line, sizeof(line));
	if (n > 0)
		trace_detail("key log: %.*s", n - 1, line);
	explicit_bzero(line, sizeof(line));
}

/* ---- out ---- */

static bool send_record(struct trace *t, uint8_t type, const uint8_t *bytes, size_t len)
{
	static uint8_t record[HEADER + TRACE_CIPHER_MAX];
	struct hs_key *key = &t->keys[HS_TX];
	size_t whole = HEADER + len;

	/* change_cipher_spec is not protected in TLS 1.3, and comes before the key in TLS 1.2 */
	if (key->key_len && type != CT_CCS) {
		whole = trace_seal(key, type, bytes, len, record);
	} else {
		record[0] = type;
		record[1] = 3;
		record[2] = t->names.suite ? 3 : 1;
		record[3] = (uint8_t)(len >> 8);
		record[4] = (uint8_t)len;
		memcpy(record + HEADER, bytes, len);
	}
	for (size_t at = 0; at < whole;) {
		ssize_t n = send(t->fd, record + at, whole - at, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		at += (size_t)n;
	}
	return whole > 0;
}

static void show_sent(struct trace *t, const struct hs_data *d)
{
	for (size_t at = 0; d->len - at >= 4;) {
		const uint8_t *m = d->bytes + at;
		size_t len = 4 + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);

		if (len > d->len - at)
			break;
		trace_message(&t->names, true, t->keys[HS_TX].key_len, m, len);
		at += len;
	}
}

static bool send_data(struct trace *t, const struct hs_data *d)
{
	if (d->content_type == HS_CONTENT_CHANGE_CIPHER_SPEC)
		trace_change(true, t->names.tls13);
	else
		show_sent(t, d);
	for (size_t at = 0; at < d->len; at += d->max_payload) {
		size_t n = d->len - at < d->max_payload ? d->len - at : d->max_payload;

		if (!send_record(t, (uint8_t)d->content_type, d->bytes + at, n))
			return false;
	}
	return true;
}

static void send_alert(struct trace *t, uint8_t level, uint8_t description)
{
	const uint8_t alert[2] = { level, description };
	char number[8];

	trace_line("--> alert %s", name_or_number(alert_name(description), description, number));
	send_record(t, CT_ALERT, alert, sizeof(alert));
}

static void take_key(struct trace *t, const struct hs_key *key)
{
	explain_key(t, key);
	if (key->direction == HS_RX && key->version == HS_TLS_1_2) {
		t->pending = *key;
		return;
	}
	t->keys[key->direction] = *key;
	if (key->direction == HS_RX)
		t->epoch = key->epoch;
}

/* What the engine asks for; false: it is over. */
static bool act(struct trace *t)
{
	const struct hs_action *a;

	while ((a = hs_engine_next_action(t->engine))) {
		switch (a->type) {
		case HS_ACTION_DATA:
			if (!send_data(t, &a->data))
				return false;
			break;
		case HS_ACTION_KEY:
			if (!t->explained)
				trace_schedule(t->names.tls13);
			t->explained = true;
			take_key(t, &a->key);
			break;
		case HS_ACTION_CONTINUE:
			break;
		case HS_ACTION_COMPLETE:
			t->complete = true;
			trace_end(a->summary, t->server, t->verify != HS_VERIFY_NONE);
			break;
		case HS_ACTION_FAIL:
			send_alert(t, 2, a->failure.alert);
			complain("%s", a->failure.text);
			t->failed = true;
			return false;
		}
	}
	return true;
}

/* ---- in ---- */

/* Every message that is whole, one by one: the engine may want another key after each. */
static bool take_messages(struct trace *t)
{
	while (t->len >= 4 && !t->complete) {
		const uint8_t *m = t->messages;
		size_t len = 4 + ((size_t)m[1] << 16 | (size_t)m[2] << 8 | m[3]);

		if (len > HS_MAX_INPUT)
			return false;
		if (len > t->len)
			break;
		trace_message(&t->names, false, t->keys[HS_RX].key_len, m, len);
		hs_engine_input(t->engine, t->epoch, m, len);
		memmove(t->messages, t->messages + len, t->len - len);
		t->len -= len;
		if (!act(t))
			return false;
	}
	return true;
}

static bool take_handshake(struct trace *t, const uint8_t *bytes, size_t len)
{
	uint8_t *grown = len > HS_MAX_INPUT - t->len ? NULL :
						       realloc(t->messages, t->len + len + 1);

	if (!grown)
		return false;
	t->messages = grown;
	memcpy(grown + t->len, bytes, len);
	t->len += len;
	return take_messages(t);
}

static bool take_change(struct trace *t)
{
	trace_change(false, t->names.tls13);
	if (!t->pending.key_len)
		return true;
	t->keys[HS_RX] = t->pending;
	t->epoch = t->pending.epoch;
	explicit_bzero(&t->pending, sizeof(t->pending));
	return true;
}

static bool take_alert(const uint8_t *alert, size_t len)
{
	char number[8];

	if (len == 2)
		complain("the peer sent the alert %s",
			 name_or_number(alert_name(alert[1]), alert[1], number));
	return false;
}

static bool take_record(struct trace *t)
{
	static uint8_t record[HEADER + TRACE_CIPHER_MAX];
	uint8_t *content = record + HEADER, type;
	size_t len;
	int n;

	if (!trace_read(t->fd, record, HEADER)) {
		complain("the peer said no more");
		return false;
	}
	len = (size_t)record[3] << 8 | record[4];
	if (record[1] != 3 || len > TRACE_CIPHER_MAX) {
		complain("the peer does not speak TLS");
		return false;
	}
	if (!trace_read(t->fd, record + HEADER, len))
		return false;
	type = record[0];
	if (t->keys[HS_RX].key_len && type != CT_CCS) {
		n = trace_open(&t->keys[HS_RX], record, len, &type, &content);
		if (n < 0) {
			complain("a record of the peer's does not authenticate");
			return false;
		}
		len = (size_t)n;
	}
	switch (type) {
	case CT_HANDSHAKE:
		return take_handshake(t, content, len);
	case CT_CCS:
		return take_change(t);
	case CT_ALERT:
		return take_alert(content, len);
	default:
		complain("the peer sent a record of type %u", type);
		return false;
	}
}

/* ---- the set-up ---- */

static struct hs_trust *load_trust(const char *path)
{
	struct hs_trust *trust = hs_trust_new();
	char reason[HS_MAX_TEXT] = "";
	size_t len = 0;
	char *text = trace_read_file(path, &len);

	if (!trust || !text || hs_trust_add_pem(trust, text, len, reason) < 0) {
		if (reason[0])
			complain("%s: %s", path, reason);
		hs_trust_unref(trust);
		trust = NULL;
	}
	free(text);
	return trust;
}

static bool make_engine(struct trace *t)
{
	struct hs_credential *credential = NULL;
	static const uint16_t suites[] = {
		HS_AES_128_GCM_SHA256,
		HS_AES_256_GCM_SHA384,
		HS_CHACHA20_POLY1305_SHA256,
		HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		HS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		HS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		HS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		HS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		HS_DHE_RSA_WITH_AES_128_GCM_SHA256,
		/* with --legacy */
		HS_RSA_WITH_AES_128_GCM_SHA256,
		HS_RSA_WITH_AES_256_GCM_SHA384,
	};
	struct hs_config config = {
		.random = random_bytes,
		.now = now,
		.secret = t->secrets ? show_secret : NULL,
		.verify = t->verify,
		.server_name = t->name,
		.credentials = &credential,
		.suites = suites,
		.suite_count = sizeof(suites) / sizeof(suites[0]) - (t->legacy ? 0 : 2),
		.legacy = t->legacy,
		.min_version = HS_TLS_1_2,
		.max_version = t->tls12 ? HS_TLS_1_2 : HS_TLS_1_3,
	};

	if (t->verify != HS_VERIFY_NONE) {
		config.trust = load_trust(t->trust);
		if (!config.trust)
			return false;
	}
	if (t->chain)
		credential = trace_file_credential(t->chain, t->key);
	else if (t->server)
		credential = trace_made_credential();
	config.credential_count = credential ? 1 : 0;
	if (credential || !(t->chain || t->server))
		t->engine = hs_engine_new(&config, t->server ? HS_SERVER : HS_CLIENT);
	hs_trust_unref(config.trust);
	hs_credential_unref(credential);
	return t->engine;
}

static int run(struct trace *t, const char *host, const char *service)
{
	if (!make_engine(t))
		return EX_NOINPUT;
	t->fd = t->server ? trace_accept(host, service) : trace_connect(host, service);
	if (t->fd < 0)
		return EXIT_TLS;
	hs_engine_start(t->engine);
	if (act(t))
		while (!t->complete && take_record(t))
			;
	if (t->complete)
		send_alert(t, 1, 0);
	trace_close(t->fd);
	return t->complete ? 0 : EXIT_TLS;
}

static bool take(struct trace *t, int c)
{
	static const char *const words[] = { "none", "optional", "required" };
	char *end;

	switch (c) {
	case 'n':
		t->name = optarg;
		return true;
	case 'l':
		return t->server = true;
	case 'L':
		return t->live = true;
	case 'N':
		t->count = strtoul(optarg, &end, 10);
		return t->count && !*end;
	case 'c':
		t->chain = optarg;
		return true;
	case 'k':
		t->key = optarg;
		return true;
	case 'f':
		t->trust = optarg;
		return true;
	case 'V':
		for (int i = 0; i < 3; i++)
			if (!strcmp(optarg, words[i])) {
				t->verify = (enum hs_verify)(HS_VERIFY_NONE + i);
				return true;
			}
		return false;
	case '2':
		return t->tls12 = true;
	case 'R':
		return t->legacy = true;
	case 's':
		return t->secrets = true;
	default:
		return false;
	}
}

static bool sensible(const struct trace *t, const char *host)
{
	return (t->server ? !t->name : !!host[0]) && !t->chain == !t->key;
}

int cmd_trace(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = {
		{ "live", no_argument, NULL, 'L' },
		{ "count", required_argument, NULL, 'N' },
		{ "listen", no_argument, NULL, 'l' },
		{ "chain", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },
		{ "name", required_argument, NULL, 'n' },
		{ "trust", required_argument, NULL, 'f' },
		{ "verify", required_argument, NULL, 'V' },
		{ "tls12", no_argument, NULL, '2' },
		{ "legacy", no_argument, NULL, 'R' },
		{ "secrets", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct trace t = { .trust = SYSTEM_TRUST };
	char host[256], service[64];
	int c, status;

	(void)cli;
	while ((c = getopt_long(argc, argv, "lc:k:n:f:V:2LN:h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (take(&t, c))
			continue;
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (t.live && argc == optind)
		return trace_live(t.count);
	if (t.live || t.count || argc - optind != 1 ||
	    !address_split(argv[optind], host, sizeof(host), service, sizeof(service)) ||
	    !sensible(&t, host)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (t.secrets && geteuid()) {
		complain("--secrets is for root");
		return EX_NOPERM;
	}
	if (!t.verify)
		t.verify = t.server ? HS_VERIFY_NONE : HS_VERIFY_REQUIRED;
	if (!t.server && !t.name)
		t.name = host;
	status = run(&t, host, service);
	hs_engine_free(t.engine);
	free(t.messages);
	explicit_bzero(&t, sizeof(t));
	return status;
}
