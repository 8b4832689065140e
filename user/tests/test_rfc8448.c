// SPDX-License-Identifier: MIT
/*
 * test_rfc8448.c - the key schedule, transcript and hellos against RFC 8448
 *
 * Sections 3 (1-RTT), 5 (HelloRetryRequest) and 7 (compatibility mode), byte for byte. The
 * engine is given the RFC's private keys and random bytes where it can be.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pair.h"
#include "record_tls13.h"
#include "tap.h"
#include "vectors/rfc8448.h"

/* A random source that hands out the RFC's bytes, in order. */
struct script {
	uint8_t bytes[128];
	size_t len, at;
};

static int script_random(void *ctx, uint8_t *out, size_t len)
{
	struct script *s = ctx;

	if (len > s->len - s->at)
		return -EIO;
	memcpy(out, s->bytes + s->at, len);
	s->at += len;
	return 0;
}

static void script_add(struct script *s, const char *hex)
{
	size_t len;
	uint8_t *bytes = unhex(hex, &len);

	memcpy(s->bytes + s->len, bytes, len);
	s->len += len;
	free(bytes);
}

static void add(struct transcript *t, const char *hex)
{
	size_t len;
	uint8_t *bytes = unhex(hex, &len);

	if (transcript_add(t, bytes, len) < 0)
		bail("transcript");
	free(bytes);
}

static void derive(uint16_t group, const char *private, const char *hello, size_t share_at,
		   size_t share_len, struct shared_secret *shared)
{
	struct script script = { .len = 0 };
	struct crypto_share *share;
	size_t len;
	uint8_t *bytes = unhex(hello, &len);

	script_add(&script, private);
	if (crypto_share_new(group_find(group), script_random, &script, &share) < 0 ||
	    crypto_share_derive(share, group_find(group), bytes + share_at, share_len, shared) < 0)
		bail("(EC)DHE");
	crypto_share_free(share);
	free(bytes);
}

static struct hs_key key_of(struct key_schedule *k, const struct secret *secret)
{
	struct hs_key key = { .suite = HS_AES_128_GCM_SHA256, .key_len = 16, .iv_len = 12 };

	if (key_schedule_traffic_key(k, secret, key.key, 16, key.iv, 12) < 0)
		bail("traffic key");
	return key;
}

/* Opens the RFC's record with our key and compares with the RFC's messages. */
static void open_record(struct hs_key key, const char *record_hex, const char *plain_hex,
			const char *what)
{
	size_t len;
	uint8_t *record = unhex(record_hex, &len), *plain = malloc(len), type = 0;
	int n = record_open(&key, record, len, plain, &type);

	ok(n >= 0 && type == 22, "%s opens with our key", what);
	if (n >= 0)
		ok_hex(plain, (size_t)n, plain_hex, "%s holds what the RFC says", what);
	free(record);
	free(plain);
}

static void finished(struct key_schedule *k, const struct secret *base, struct transcript *t,
		     const char *message, const char *what)
{
	uint8_t hash[HASH_MAX], out[HASH_MAX];

	if (transcript_value(t, hash) < 0 || key_schedule_finished(k, base, hash, out) < 0)
		bail("Finished");
	ok_hex(out, 32, message, "%s", what);
}

static void section_3_application(struct key_schedule *k, struct transcript *t)
{
	uint8_t hash[HASH_MAX];
	struct hs_key key;

	add(t, S3_SERVER_FINISHED);
	transcript_value(t, hash);
	ok_hex(hash, 32, S3_FINISHED_HASH, "transcript hash at the server's Finished");
	ok(key_schedule_master(k, hash) == 0, "master stage");
	ok_hex(k->current.bytes, k->current.len, S3_MASTER, "master secret");
	ok_hex(k->client_application.bytes, 32, S3_CLIENT_APPLICATION, "c ap traffic");
	ok_hex(k->server_application.bytes, 32, S3_SERVER_APPLICATION, "s ap traffic");
	ok_hex(k->exporter.bytes, 32, S3_EXPORTER, "exp master");
	key = key_of(k, &k->server_application);
	ok_hex(key.key, 16, S3_SERVER_APPLICATION_KEY, "server application key");
	ok_hex(key.iv, 12, S3_SERVER_APPLICATION_IV, "server application iv");
	key = key_of(k, &k->client_application);
	ok_hex(key.key, 16, S3_CLIENT_APPLICATION_KEY, "client application key");
	ok_hex(key.iv, 12, S3_CLIENT_APPLICATION_IV, "client application iv");
	finished(k, &k->client_handshake, t, S3_CLIENT_VERIFY_DATA, "the client's Finished");
	open_record(key_of(k, &k->client_handshake), S3_CLIENT_RECORD,
		    "14000020" S3_CLIENT_VERIFY_DATA, "section 3, the client's flight");
}

static void section_3(void)
{
	struct transcript t = { 0 };
	struct key_schedule k = { 0 };
	struct shared_secret shared;
	uint8_t hash[HASH_MAX];
	struct hs_key key;

	derive(HS_X25519, S3_CLIENT_PRIVATE, S3_SERVER_HELLO, 52, 32, &shared);
	ok_hex(shared.bytes, shared.len, S3_SHARED, "X25519");
	add(&t, S3_CLIENT_HELLO);
	transcript_start(&t, HASH_SHA256);
	add(&t, S3_SERVER_HELLO);
	transcript_value(&t, hash);
	ok_hex(hash, 32, S3_HELLO_HASH, "transcript hash of the hellos");
	ok(key_schedule_handshake(&k, &shared, hash) == -EINVAL, "no handshake stage before early");
	ok(key_schedule_early(&k, HASH_SHA256, NULL) == 0, "early stage");
	ok_hex(k.current.bytes, k.current.len, S3_EARLY, "early secret");
	ok(key_schedule_master(&k, hash) == -EINVAL, "no master stage before handshake");
	ok(key_schedule_handshake(&k, &shared, hash) == 0, "handshake stage");
	ok_hex(k.current.bytes, k.current.len, S3_HANDSHAKE, "handshake secret");
	ok_hex(k.client_handshake.bytes, 32, S3_CLIENT_HANDSHAKE, "c hs traffic");
	ok_hex(k.server_handshake.bytes, 32, S3_SERVER_HANDSHAKE, "s hs traffic");
	key = key_of(&k, &k.client_handshake);
	ok_hex(key.key, 16, S3_CLIENT_HANDSHAKE_KEY, "client handshake key");
	ok_hex(key.iv, 12, S3_CLIENT_HANDSHAKE_IV, "client handshake iv");
	key = key_of(&k, &k.server_handshake);
	ok_hex(key.key, 16, S3_SERVER_HANDSHAKE_KEY, "server handshake key");
	ok_hex(key.iv, 12, S3_SERVER_HANDSHAKE_IV, "server handshake iv");
	open_record(key, S3_SERVER_RECORD,
		    S3_ENCRYPTED_EXTENSIONS S3_CERTIFICATE S3_CERTIFICATE_VERIFY S3_SERVER_FINISHED,
		    "section 3, the server's flight");
	add(&t, S3_ENCRYPTED_EXTENSIONS);
	add(&t, S3_CERTIFICATE);
	add(&t, S3_CERTIFICATE_VERIFY);
	finished(&k, &k.server_handshake, &t, &S3_SERVER_FINISHED[8], "the server's Finished");
	section_3_application(&k, &t);
	key_schedule_release(&k);
	transcript_release(&t);
}

/* P-256, and the transcript with a message_hash in it */
static void section_5(void)
{
	struct transcript t = { 0 };
	struct key_schedule k = { 0 };
	struct shared_secret mine, theirs;
	uint8_t hash[HASH_MAX], verify_data[HASH_MAX];
	uint8_t message[36] = { MESSAGE_FINISHED, 0, 0, 32 };
	struct hs_key key;
	char hex[73];

	derive(HS_SECP256R1, S5_CLIENT_PRIVATE, S5_SERVER_HELLO, 52, 65, &mine);
	derive(HS_SECP256R1, S5_SERVER_PRIVATE, S5_SECOND_CLIENT_HELLO, 93, 65, &theirs);
	ok_bytes(mine.bytes, mine.len, theirs.bytes, 32, "section 5: both sides agree on P-256");
	add(&t, S5_FIRST_CLIENT_HELLO);
	transcript_start(&t, HASH_SHA256);
	transcript_retry(&t);
	add(&t, S5_RETRY);
	add(&t, S5_SECOND_CLIENT_HELLO);
	add(&t, S5_SERVER_HELLO);
	transcript_value(&t, hash);
	key_schedule_early(&k, HASH_SHA256, NULL);
	key_schedule_handshake(&k, &mine, hash);
	key = key_of(&k, &k.server_handshake);
	open_record(key, S5_SERVER_RECORD,
		    S5_ENCRYPTED_EXTENSIONS S5_CERTIFICATE S5_CERTIFICATE_VERIFY S5_SERVER_FINISHED,
		    "section 5, the server's flight");
	add(&t, S5_ENCRYPTED_EXTENSIONS);
	add(&t, S5_CERTIFICATE);
	add(&t, S5_CERTIFICATE_VERIFY);
	finished(&k, &k.server_handshake, &t, &S5_SERVER_FINISHED[8],
		 "section 5: the server's Finished");
	add(&t, S5_SERVER_FINISHED);
	transcript_value(&t, hash);
	key_schedule_finished(&k, &k.client_handshake, hash, verify_data);
	memcpy(message + 4, verify_data, 32);
	for (size_t i = 0; i < sizeof(message); i++)
		snprintf(hex + 2 * i, 3, "%02x", message[i]);
	open_record(key_of(&k, &k.client_handshake), S5_CLIENT_RECORD, hex,
		    "section 5, the client's flight");
	key_schedule_release(&k);
	transcript_release(&t);
}

static size_t told;

/* The secrets between the KEY actions, by the RFC's names for them. */
static void tell(void *ctx, const char *name, const uint8_t *bytes, size_t len)
{
	static const struct {
		const char *name, *hex;
	} expected[] = {
		{ "Early Secret", S3_EARLY },
		{ "(EC)DHE shared secret", S3_SHARED },
		{ "Handshake Secret", S3_HANDSHAKE },
	};

	(void)ctx;
	if (told < 3)
		ok(!strcmp(name, expected[told].name) &&
			   ok_hex(bytes, len, expected[told].hex, "its bytes"),
		   "told: %s", name);
	else
		ok(!strcmp(name, "Master Secret") && len == 32, "told: %s", name);
	told++;
}

/* Our server, with the RFC's random bytes, must answer with the RFC's ServerHello. */
static void our_server(const char *random, const char *private, const char *client_hello,
		       const char *server_hello, bool compatible, const char *what)
{
	struct script script = { .len = 0 };
	struct hs_credential *credential = identity_credential(test_leaf(KEY_ECDSA_P256));
	struct hs_config config = { .random = script_random, .now = test_now, .ctx = &script };
	struct hs_engine *e;
	const struct hs_action *a;
	size_t len;
	uint8_t *hello = unhex(client_hello, &len);

	script_add(&script, random);
	script_add(&script, private);
	config.credentials = &credential;
	config.credential_count = 1;
	config.secret = compatible ? NULL : tell;
	e = hs_engine_new(&config, HS_SERVER);
	hs_engine_start(e);
	ok(hs_engine_input(e, HS_EPOCH_PLAINTEXT, hello, len) == 0, "%s: ClientHello", what);
	a = hs_engine_next_action(e);
	ok(a && a->type == HS_ACTION_DATA && a->data.epoch == HS_EPOCH_PLAINTEXT,
	   "%s: a plaintext answer", what);
	ok_hex(a->data.bytes, a->data.len, server_hello, "%s: ServerHello", what);
	a = hs_engine_next_action(e);
	if (compatible) {
		ok(a->type == HS_ACTION_DATA && a->data.len == 1 && a->data.bytes[0] == 1 &&
			   a->data.content_type == HS_CONTENT_CHANGE_CIPHER_SPEC,
		   "%s: change_cipher_spec", what);
		a = hs_engine_next_action(e);
	}
	ok(a->type == HS_ACTION_KEY && a->key.direction == HS_TX &&
		   a->key.epoch == HS_EPOCH_HANDSHAKE,
	   "%s: the handshake key", what);
	if (compatible) {
		uint8_t *record = unhex(S7_SERVER_RECORD, &len), *plain = malloc(len), type = 0;
		struct hs_key key = a->key;
		int n = record_open(&key, record, len, plain, &type);

		ok(n > 40, "%s: it opens the RFC's record", what);
		ok_hex(plain, 40, S7_ENCRYPTED_EXTENSIONS, "%s: with the RFC's EncryptedExtensions",
		       what);
		free(record);
		free(plain);
	} else {
		ok(told == 4, "it has told the secrets of the schedule");
		ok_hex(a->key.key, a->key.key_len, S3_SERVER_HANDSHAKE_KEY, "%s: key", what);
		ok_hex(a->key.iv, a->key.iv_len, S3_SERVER_HANDSHAKE_IV, "%s: iv", what);
		ok_hex(a->key.secret, a->key.secret_len, S3_SERVER_HANDSHAKE, "%s: secret", what);
		a = hs_engine_next_action(e);
		ok_hex(a->key.key, a->key.key_len, S3_CLIENT_HANDSHAKE_KEY, "%s: client key", what);
	}
	hs_engine_free(e);
	hs_credential_unref(credential);
	free(hello);
}

int main(void)
{
	if (crypto_init() < 0)
		bail("libcrypto");
	section_3();
	section_5();
	our_server(S3_SERVER_RANDOM, S3_SERVER_PRIVATE, S3_CLIENT_HELLO, S3_SERVER_HELLO, false,
		   "section 3, our server");
	our_server(S7_SERVER_RANDOM, S7_SERVER_PRIVATE, S7_CLIENT_HELLO, S7_SERVER_HELLO, true,
		   "section 7, our server");
	identities_free();
	return tap_done();
}
