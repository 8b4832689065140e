// SPDX-License-Identifier: MIT
/*
 * server_tls13.c - the server's side of a TLS 1.3 handshake
 *
 * RFC 8446 sections 4.1 to 4.4, appendix A.2. The server chooses by its own order of
 * preference. It must never choose what the client did not offer, nor what its own policy
 * does not name, nor say COMPLETE before the client's Finished is verified.
 */
#include "tls12.h"

#define FALLBACK_SCSV 0x5600 /* RFC 7507 */
#define RENEGOTIATION_SCSV 0x00ff /* RFC 5746 section 3.3 */

int parse_client_hello(struct hs_engine *e, struct reader *r)
{
	struct incoming *in = &e->in;
	struct reader suites;
	uint16_t code;

	if (!reader_u16(r, &in->legacy_version) ||
	    !reader_bytes(r, in->random, sizeof(in->random)) ||
	    !reader_vec8(r, &in->session_id, 0, SESSION_ID_MAX) ||
	    !reader_vec16(r, &in->suites, 2, UINT16_MAX - 1) ||
	    !reader_vec8(r, &in->compression, 1, UINT8_MAX))
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO, "ClientHello is malformed");
	suites = in->suites;
	while (!reader_done(&suites)) {
		int i;

		if (!reader_u16(&suites, &code))
			return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
					   "the list of suites has an odd length");
		i = suite_index(&e->config, code);
		if (i >= 0)
			in->suites_shared |= 1u << i;
		in->fallback |= code == FALLBACK_SCSV;
		in->renegotiation_scsv |= code == RENEGOTIATION_SCSV;
	}
	in->null_compression = memchr(in->compression.at, 0, in->compression.left);
	if (reader_done(r))
		return 0; /* a client of old; act_client_hello() says so */
	return extensions_parse(e, IN_CLIENT_HELLO, r);
}

/*
 * RFC 8446 section 9.2: groups and shares come together; without a pre-shared key there has to be
 * all that a certificate needs. With one, signature_algorithms is missed when it is not taken.
 */
static bool lacks_extension(const struct hs_engine *e)
{
	bool groups = extension_seen(e, EXTENSION_SUPPORTED_GROUPS);

	if (groups != extension_seen(e, EXTENSION_KEY_SHARE))
		return true;
	if (extension_seen(e, EXTENSION_PRE_SHARED_KEY))
		return !extension_seen(e, EXTENSION_PSK_KEY_EXCHANGE_MODES);
	return !groups || !extension_seen(e, EXTENSION_SIGNATURE_ALGORITHMS);
}

/* RFC 8446 section 9.2, and the fields that TLS 1.3 has frozen (section 4.1.2) */
static int check_client_hello(struct hs_engine *e)
{
	const struct incoming *in = &e->in;

	if (!in->offers_tls13)
		return engine_fail(e, ALERT_PROTOCOL_VERSION, EPROTO,
				   "the client does not offer %s (its best is %s)",
				   hs_version_name(e->config.min_version),
				   hs_version_name(in->legacy_version));
	if (in->compression.left != 1 || in->compression.at[0] != 0)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the client offers compression");
	if (lacks_extension(e))
		return engine_fail(e, ALERT_MISSING_EXTENSION, EPROTO,
				   "ClientHello lacks an extension that TLS 1.3 needs");
	if (in->malformed_psk)
		return engine_fail(e, ALERT_DECODE_ERROR, EPROTO,
				   "pre_shared_key is malformed in ClientHello");
	if (in->shares_present & ~in->groups_shared)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "a key share of a group that the client does not list");
	if (extension_seen(e, EXTENSION_COOKIE))
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "a cookie that this server did not send");
	return 0;
}

size_t first_of(uint32_t bits)
{
	size_t i = 0;

	while (!(bits & 1u << i))
		i++;
	return i;
}

static int choose_suite(struct hs_engine *e)
{
	uint32_t shared = e->in.suites_shared;

	for (size_t i = 0; i < e->config.suite_count; i++)
		if (e->config.suites[i]->version != HS_TLS_1_3)
			shared &= ~(1u << i);
	if (!shared)
		return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPERM,
				   "the client offers no cipher suite that the policy allows");
	e->suite = e->config.suites[first_of(shared)];
	if (e->retried && e->suite->code != e->retry_suite)
		return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
				   "the second ClientHello leads to another suite");
	return 0;
}

/* @strict: the chain has to be one that the client verifies; that is only a wish of its. */
static bool credential_fits(struct hs_engine *e, struct hs_credential *c, bool strict)
{
	bool rsa = e->suite->exchange == EXCHANGE_RSA, fits;

	if (strict && !chain_fits(e, c))
		return false;
	e->scheme = rsa ? NULL : choose_scheme(e, c);
	fits = rsa ? credential_may_decrypt(c) : e->scheme != NULL;
	if (fits)
		e->credential = c;
	return fits;
}

static bool find_named(struct hs_engine *e, bool *named, bool strict)
{
	const struct config *c = &e->config;
	const char *name = e->summary.server_name;

	for (size_t i = 0; *name && i < c->credential_count; i++) {
		if (!credential_has_name(c->credentials[i], name))
			continue;
		*named = true;
		if (credential_fits(e, c->credentials[i], strict)) {
			e->server_name_used = true;
			return true;
		}
	}
	return false;
}

/* RFC 8446 section 4.4.2.2: the key has to be one that the client can verify. */
bool find_named_credential(struct hs_engine *e, bool *named)
{
	return find_named(e, named, true) || find_named(e, named, false);
}

bool find_other_credential(struct hs_engine *e)
{
	size_t count = e->config.credential_count;

	switch (e->config.unmatched) {
	case HS_UNMATCHED_REFUSE:
		return false;
	case HS_UNMATCHED_FIRST:
		count = count ? 1 : 0; /* a server of pre-shared keys has none */
		break;
	case HS_UNMATCHED_ANY:
		break;
	}
	for (size_t i = 0; i < 2 * count; i++)
		if (credential_fits(e, e->config.credentials[i % count], i < count))
			return true;
	return false;
}

int refuse_credential(struct hs_engine *e, bool named)
{
	if (e->config.unmatched == HS_UNMATCHED_REFUSE && !named) /* RFC 6066 section 3 */
		return engine_fail(e, ALERT_UNRECOGNIZED_NAME, ENOKEY,
				   "no credential is for the name that the client asked for");
	return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPERM,
			   "the client verifies none of the signatures this server can make");
}

static int choose_credential(struct hs_engine *e)
{
	bool named = false;

	e->peer_schemes = e->in.schemes_shared;
	/* a client of pre-shared keys alone: its ticket may still be one under a certificate */
	if (!extension_seen(e, EXTENSION_SIGNATURE_ALGORITHMS))
		e->peer_schemes = (1u << e->config.scheme_count) - 1;
	if (find_named_credential(e, &named) || find_other_credential(e))
		return 0;
	return refuse_credential(e, named);
}

/* Is it by a pre-shared key, or may it be by a certificate? RFC 8446 section 4.2.3 */
static int check_authentication(struct hs_engine *e)
{
	if (e->resumed) {
		e->scheme = NULL; /* nothing is signed */
		return 0;
	}
	if (extension_seen(e, EXTENSION_SIGNATURE_ALGORITHMS))
		return 0;
	return engine_fail(e, ALERT_MISSING_EXTENSION, EPROTO,
			   "the client has no pre-shared key that is taken, and no "
			   "signature_algorithms for a certificate");
}

/* RFC 7301 section 3.2 */
int choose_alpn(struct hs_engine *e)
{
	struct reader ours = reader_over(e->config.alpn, e->config.alpn_len), name, other;

	if (!e->config.alpn_len || !extension_seen(e, EXTENSION_ALPN))
		return 0;
	while (reader_vec8(&ours, &name, 1, UINT8_MAX)) {
		struct reader theirs = e->in.alpn;

		while (reader_vec8(&theirs, &other, 1, UINT8_MAX)) {
			if (other.left != name.left || memcmp(other.at, name.at, name.left) != 0)
				continue;
			memcpy(e->summary.alpn, name.at, name.left);
			e->summary.alpn_len = name.left;
			return 0;
		}
	}
	return engine_fail(e, ALERT_NO_APPLICATION_PROTOCOL, EPERM,
			   "the client offers no application protocol that this server speaks");
}

/* What the client said about itself, once, from its first ClientHello. */
void take_client(struct hs_engine *e)
{
	const struct incoming *in = &e->in;

	e->client_version = in->legacy_version;
	memcpy(e->client_random, in->random, HS_RANDOM_LEN);
	memcpy(e->session_id, in->session_id.at, in->session_id.left);
	e->session_id_len = in->session_id.left;
	take_record_limit(e);
	if (in->server_name.left) {
		memcpy(e->summary.server_name, in->server_name.at, in->server_name.left);
		e->summary.server_name[in->server_name.left] = '\0';
	}
}

/* A ServerHello; with the magic random it is a HelloRetryRequest. */
static int write_server_hello(struct hs_engine *e, const uint8_t *random)
{
	struct writer *out = &e->actions.out;
	bool retry = random == retry_random;
	size_t mark = message_begin(e, MESSAGE_SERVER_HELLO), id;
	int rc;

	writer_u16(out, HS_TLS_1_2); /* legacy_version */
	writer_bytes(out, random, HS_RANDOM_LEN);
	id = writer_open(out, 1);
	writer_bytes(out, e->session_id, e->session_id_len);
	writer_close(out, id, 1);
	writer_u16(out, e->suite->code);
	writer_u8(out, 0); /* legacy_compression_method */
	rc = extensions_build(e, retry ? IN_HELLO_RETRY_REQUEST : IN_SERVER_HELLO, out);
	if (rc < 0)
		return rc;
	return message_end(e, mark, HS_EPOCH_PLAINTEXT);
}

/* RFC 8446 section 4.1.4: a group in common, but no share of it */
static int send_retry(struct hs_engine *e, const struct group *group)
{
	int rc = remember_first_hello(e);

	if (rc == 0)
		rc = engine_check(e, transcript_retry(&e->transcript), "transcript");
	if (rc < 0)
		return rc;
	e->retried = true;
	e->retry_suite = e->suite->code;
	e->retry_group = group->code;
	rc = write_server_hello(e, retry_random);
	if (rc == 0)
		rc = action_change_cipher_spec(e);
	if (rc == 0)
		rc = action_continue(e);
	if (rc == 0)
		e->state = SERVER_WAIT_SECOND_CLIENT_HELLO;
	return rc;
}

static int write_encrypted_extensions(struct hs_engine *e)
{
	size_t mark = message_begin(e, MESSAGE_ENCRYPTED_EXTENSIONS);
	int rc = extensions_build(e, IN_ENCRYPTED_EXTENSIONS, &e->actions.out);

	return rc < 0 ? rc : message_end(e, mark, HS_EPOCH_HANDSHAKE);
}

static int write_certificate_request(struct hs_engine *e)
{
	size_t mark = message_begin(e, MESSAGE_CERTIFICATE_REQUEST);
	int rc;

	writer_u8(&e->actions.out, 0); /* certificate_request_context */
	rc = extensions_build(e, IN_CERTIFICATE_REQUEST, &e->actions.out);
	return rc < 0 ? rc : message_end(e, mark, HS_EPOCH_HANDSHAKE);
}

static int send_server_hello(struct hs_engine *e, const struct group *group, struct reader share)
{
	struct shared_secret shared = { .len = 0 };
	uint8_t random[HS_RANDOM_LEN];
	int rc = engine_check(e, e->config.random(e->config.ctx, random, sizeof(random)),
			      "random bytes");

	e->group = group;
	/* first: after a ServerHello the client could not read a bare alert */
	if (rc == 0)
		rc = judge_share(e,
				 crypto_share_answer(group, share.at, share.left, e->config.random,
						     e->config.ctx, &e->share, &shared));
	if (rc == 0)
		rc = write_server_hello(e, random);
	if (rc == 0)
		rc = action_change_cipher_spec(e);
	if (rc == 0)
		rc = start_handshake_keys(e, &shared);
	shared_secret_wipe(&shared);
	if (rc == 0)
		rc = action_key(e, HS_TX, HS_EPOCH_HANDSHAKE, &e->keys.server_handshake);
	if (rc == 0)
		rc = action_key(e, HS_RX, HS_EPOCH_HANDSHAKE, &e->keys.client_handshake);
	return rc;
}

static int send_server_flight(struct hs_engine *e)
{
	bool ask = e->config.verify != HS_VERIFY_NONE && !e->resumed;
	uint8_t hash[HASH_MAX];
	int rc = write_encrypted_extensions(e);

	if (rc == 0 && ask)
		rc = write_certificate_request(e);
	if (rc == 0 && !e->resumed)
		rc = write_certificate(e, e->credential);
	if (rc == 0 && !e->resumed)
		rc = write_certificate_verify(e);
	if (rc == 0)
		rc = write_finished(e, &e->keys.server_handshake);
	if (rc < 0)
		return rc;
	rc = transcript_value(&e->transcript, hash);
	if (rc == 0)
		rc = key_schedule_master(&e->keys, hash);
	if (rc == 0)
		engine_tell(e, "Master Secret", e->keys.current.bytes, e->keys.current.len);
	rc = engine_check(e, rc, "application secrets");
	if (rc == 0)
		rc = action_key(e, HS_TX, HS_EPOCH_APPLICATION, &e->keys.server_application);
	if (rc == 0)
		rc = action_continue(e);
	if (rc == 0)
		e->state = ask ? SERVER_WAIT_CERTIFICATE : SERVER_WAIT_FINISHED;
	return rc;
}

/* The group, or a HelloRetryRequest: 0 or 1 when the latter was sent. */
static int choose_group(struct hs_engine *e, size_t *chosen)
{
	const struct incoming *in = &e->in;

	if (!in->groups_shared)
		return engine_fail(e, ALERT_HANDSHAKE_FAILURE, EPERM,
				   "the client offers no group that the policy allows");
	if (e->retried) {
		int i = group_index(&e->config, e->retry_group);

		if (in->shares_present != 1u << i)
			return engine_fail(e, ALERT_ILLEGAL_PARAMETER, EPROTO,
					   "the second ClientHello does not bring the key share "
					   "that was asked for");
		*chosen = (size_t)i;
		return 0;
	}
	if (in->shares_present) {
		*chosen = first_of(in->shares_present);
		return 0;
	}
	*chosen = first_of(in->groups_shared);
	return 1;
}

static bool offers_tls12(const struct hs_engine *e)
{
	if (extension_seen(e, EXTENSION_SUPPORTED_VERSIONS))
		return e->in.offers_tls12;
	return e->in.legacy_version >= HS_TLS_1_2;
}

/* RFC 7507 section 3: whoever says it fell back must not have had to. */
static int check_fallback(struct hs_engine *e)
{
	bool best = e->in.offers_tls13 || (e->config.max_version == HS_TLS_1_2 && offers_tls12(e));

	if (!e->in.fallback || best)
		return 0;
	return engine_fail(e, ALERT_INAPPROPRIATE_FALLBACK, EPROTO,
			   "the client fell back to an older version where %s would do",
			   hs_version_name(e->config.max_version));
}

int act_client_hello(struct hs_engine *e)
{
	size_t group = 0;
	int rc = check_fallback(e), retry;

	if (rc < 0)
		return rc;
	if (e->config.max_version < HS_TLS_1_3)
		e->in.offers_tls13 = false;
	if (!e->in.offers_tls13 && !e->retried && offers_tls12(e) &&
	    e->config.min_version == HS_TLS_1_2)
		return act_client_hello_tls12(e);
	e->version = HS_TLS_1_3;
	rc = check_client_hello(e);
	if (rc == 0 && e->retried)
		rc = check_second_hello(e);
	else if (rc == 0)
		take_client(e);
	if (rc == 0)
		rc = choose_suite(e);
	if (rc < 0)
		return rc;
	retry = choose_group(e, &group);
	if (retry < 0)
		return retry;
	rc = retry ? 0 : server_take_external(e);
	/* a retry may yet lead to an external key, where there is no credential */
	if (rc == 0 && !e->resumed && (!retry || e->config.credential_count))
		rc = choose_credential(e);
	if (rc == 0)
		rc = choose_alpn(e);
	if (rc == 0 && !retry)
		rc = server_take_psk(e);
	if (rc == 0 && !retry)
		rc = check_authentication(e);
	if (rc < 0)
		return rc;
	e->client_wants_tickets = e->in.psk_dhe;
	if (!e->retried)
		rc = transcript_start(&e->transcript, e->suite->hash);
	if (rc == 0)
		rc = transcript_add(&e->transcript, e->in.bytes, e->in.len);
	rc = engine_check(e, rc, "transcript");
	if (rc < 0)
		return rc;
	e->epoch_ended = true;
	if (retry)
		return send_retry(e, e->config.groups[group]);
	rc = send_server_hello(e, e->config.groups[group], e->in.shares[group]);
	return rc < 0 ? rc : send_server_flight(e);
}

int act_client_finished(struct hs_engine *e)
{
	int rc = check_finished(e, &e->keys.client_handshake);

	if (rc == 0)
		rc = action_key(e, HS_RX, HS_EPOCH_APPLICATION, &e->keys.client_application);
	if (rc == 0)
		rc = complete_handshake(e);
	if (rc == 0)
		e->state = SERVER_CONNECTED;
	return rc;
}
