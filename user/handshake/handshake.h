/* SPDX-License-Identifier: MIT */
/*
 * handshake.h - the public face of libhandshake.a, a sans-I/O handshake engine
 *
 * The handshake protocol of RFC 8446 section 4: complete handshake messages and the
 * epoch they came in go in, an ordered list of actions for the record layer comes out.
 * One engine serves one connection. The library must never open a socket or a file, read
 * a clock, the environment or a random source: time and random bytes come by callback.
 *
 * How it is used:
 *
 *	e = hs_engine_new(&config, HS_CLIENT);
 *	hs_engine_start(e);
 *	carry out hs_engine_next_action(e) until it returns NULL;
 *	for each delivery of the record layer:
 *		hs_engine_input(e, epoch, bytes, len);
 *		carry out hs_engine_next_action(e) until it returns NULL;
 *	hs_engine_free(e);
 *
 * The actions of one call belong together and are applied in their order, all or nothing.
 * The library keeps no state outside of its objects but the algorithms fetched from
 * libcrypto, once. Objects are not locked: an engine belongs to one thread at a time.
 * Credentials and trust stores are counted references; the count is not atomic, so they
 * are shared between the engines of one thread.
 */
#ifndef TLSOCK_HANDSHAKE_H
#define TLSOCK_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HS_MAX_SECRET 48 /* SHA-384 is the longest hash of any suite */
#define HS_MAX_KEY 32
#define HS_MAX_IV 12
#define HS_CHANNEL_BINDING_LEN 32 /* RFC 9266 section 2 */
#define HS_RANDOM_LEN 32
#define HS_MAX_ALPN 255
#define HS_MAX_SERVER_NAME 255
#define HS_MAX_TEXT 512
#define HS_MAX_STAPLE (64 * 1024)
#define HS_MAX_LIST 16 /* code points in a list of a policy */
#define HS_TICKET_NAME_LEN 16
#define HS_TICKET_KEY_LEN 32
#define HS_SESSION_ID_LEN 32
#define HS_MAX_PSK_IDENTITY 256
#define HS_MIN_PSK 16
#define HS_MAX_PSK 64
#define HS_MAX_SESSION (64 * 1024)
#define HS_MAX_PAYLOAD 16384 /* bytes of content in a record, RFC 8446 section 5.1 */
#define HS_MAX_INPUT (128 * 1024) /* bytes of handshake messages in one connection */

enum hs_role {
	HS_CLIENT,
	HS_SERVER,
};

/* The epochs of RFC 9147 section 6.1; epoch 1, early data, is not used. */
enum hs_epoch {
	HS_EPOCH_PLAINTEXT = 0,
	HS_EPOCH_EARLY_DATA = 1,
	HS_EPOCH_HANDSHAKE = 2,
	HS_EPOCH_APPLICATION = 3,
};

enum hs_direction {
	HS_TX,
	HS_RX,
};

/* ContentType of a DATA action, RFC 8446 section 5.1 */
enum hs_content_type {
	HS_CONTENT_CHANGE_CIPHER_SPEC = 20,
	HS_CONTENT_HANDSHAKE = 22,
};

/* IANA code points that a policy may name. */
enum {
	HS_TLS_1_2 = 0x0303,
	HS_TLS_1_3 = 0x0304,
};

enum hs_suite {
	HS_AES_128_GCM_SHA256 = 0x1301,
	HS_AES_256_GCM_SHA384 = 0x1302,
	HS_CHACHA20_POLY1305_SHA256 = 0x1303,
	/* TLS 1.2: RFC 5288, RFC 5289, RFC 7905 */
	HS_DHE_RSA_WITH_AES_128_GCM_SHA256 = 0x009e,
	HS_DHE_RSA_WITH_AES_256_GCM_SHA384 = 0x009f,
	HS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = 0xc02b,
	HS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = 0xc02c,
	HS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f,
	HS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = 0xc030,
	HS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca8,
	HS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = 0xcca9,
	HS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = 0xccaa,
	/* RFC 5288, with @legacy alone: whoever gets the certificate's key can read all of it */
	HS_RSA_WITH_AES_128_GCM_SHA256 = 0x009c,
	HS_RSA_WITH_AES_256_GCM_SHA384 = 0x009d,
};

/* Which policies have a suite */
enum hs_place {
	HS_PLACE_NONE, /* it is not in the table */
	HS_PLACE_DEFAULT, /* the default list */
	HS_PLACE_NAMED, /* those that name it */
	HS_PLACE_LEGACY, /* those with @legacy */
};

enum hs_group {
	HS_SECP256R1 = 0x0017,
	HS_SECP384R1 = 0x0018,
	HS_X25519 = 0x001d,
	HS_FFDHE2048 = 0x0100, /* RFC 7919; with ECDHE suites in TLS 1.3 alone */
	HS_FFDHE3072 = 0x0101,
	HS_X25519MLKEM768 = 0x11ec, /* draft-ietf-tls-ecdhe-mlkem; not in TLS 1.2 */
};

enum hs_scheme {
	HS_RSA_PKCS1_SHA256 = 0x0401, /* in certificates only, never in CertificateVerify */
	HS_RSA_PKCS1_SHA384 = 0x0501,
	HS_RSA_PKCS1_SHA512 = 0x0601,
	HS_ECDSA_SECP256R1_SHA256 = 0x0403,
	HS_ECDSA_SECP384R1_SHA384 = 0x0503,
	HS_RSA_PSS_RSAE_SHA256 = 0x0804,
	HS_RSA_PSS_RSAE_SHA384 = 0x0805,
	HS_RSA_PSS_RSAE_SHA512 = 0x0806,
	HS_ED25519 = 0x0807,
	HS_RSA_PSS_PSS_SHA256 = 0x0809,
	HS_RSA_PSS_PSS_SHA384 = 0x080a,
	HS_RSA_PSS_PSS_SHA512 = 0x080b,
};

enum hs_verify {
	HS_VERIFY_DEFAULT, /* a client: required; a server: none */
	HS_VERIFY_NONE, /* the chain is not looked at; possession of the key is proven still */
	HS_VERIFY_OPTIONAL, /* judged, and the verdict is in the summary; a server asks */
	HS_VERIFY_REQUIRED, /* no handshake without a chain and a name that verify */
};

/* What a server answers with when no credential is for the name that the client asked for. */
enum hs_unmatched {
	HS_UNMATCHED_ANY, /* the first whose key the client can verify */
	HS_UNMATCHED_FIRST, /* the first of all, or nothing */
	HS_UNMATCHED_REFUSE, /* nothing: the handshake fails with unrecognized_name and ENOKEY */
};

/* Opaque, counted objects, made from PEM or DER bytes that the caller has read. */
struct hs_credential;
struct hs_trust;
struct hs_engine;

/*
 * A certificate chain, leaf first, and the private key of the leaf.
 * @text:  HS_MAX_TEXT bytes that take the reason of a failure, or NULL.
 * Encrypted keys are refused, never prompted for.
 * Returns an object with one reference, or NULL.
 */
struct hs_credential *hs_credential_new_pem(const void *chain, size_t chain_len, const void *key,
					    size_t key_len, char *text);
/*
 * What a private key that is elsewhere does, in a token or another process. Called while an engine
 * with the credential runs, and by hs_credential_new_remote(); may block. 0 or a negative errno.
 */
struct hs_key_operations {
	/* By @scheme (RFC 8446 section 4.2.3). On entry *@signature_len is the room in @signature. */
	int (*sign)(void *ctx, uint16_t scheme, const uint8_t *bytes, size_t len,
		    uint8_t *signature, size_t *signature_len);
	/* The private operation of RSA alone, for @len and @out of the modulus' size; or NULL. */
	int (*decrypt_raw)(void *ctx, const uint8_t *bytes, size_t len, uint8_t *out);
	void *ctx; /* borrowed for as long as the credential lives */
};

/*
 * A chain as above, and a key elsewhere. A signature is asked for at once, and where the
 * certificate lets the key decrypt an operation of that kind: a key that does not sign, or is not
 * the leaf's, is refused; one that does not decrypt serves without RSA key exchange. Every later
 * signature is verified, too, before it leaves.
 * @unfit: the certificate is for RSA key exchange, and the key is not. Or NULL.
 * Returns an object with one reference, or NULL with the reason in @text (or NULL).
 */
struct hs_credential *hs_credential_new_remote(const void *chain, size_t chain_len,
					       const struct hs_key_operations *operations,
					       bool *unfit, char *text);
/*
 * The OCSP response in DER that goes with the leaf to peers that ask for one; replaces the last
 * one; no bytes: none. 0, -E2BIG above HS_MAX_STAPLE, -ENOMEM. What is in it is the peers' to judge.
 */
int hs_credential_set_staple(struct hs_credential *credential, const void *der, size_t len);
struct hs_credential *hs_credential_ref(struct hs_credential *credential);
void hs_credential_unref(struct hs_credential *credential); /* takes NULL */
/* The last second at which its certificate is valid, since 1970-01-01 UTC; -1: it cannot be told. */
int64_t hs_credential_expires(const struct hs_credential *credential);

/* Every certificate of a store is an anchor. A new store is empty and trusts nobody. */
struct hs_trust *hs_trust_new(void);
struct hs_trust *hs_trust_ref(struct hs_trust *trust);
void hs_trust_unref(struct hs_trust *trust); /* takes NULL */

/*
 * Adds all certificates of a PEM bundle; one that is there already is no error.
 * Returns how many were read, or a negative errno with the reason in @text (or NULL):
 * -EBADMSG when one does not parse, -ENOENT when there is none, -ENOMEM.
 */
int hs_trust_add_pem(struct hs_trust *trust, const void *pem, size_t len, char *text);
/*
 * Adds all lists of revoked certificates (RFC 5280 section 5) of a PEM bundle. From then on a
 * peer's own certificate verifies only if there is a list of its issuer's that is in force and does
 * not name it. Returns as above.
 */
int hs_trust_add_crl_pem(struct hs_trust *trust, const void *pem, size_t len, char *text);

/* An external pre-shared key, RFC 8446 section 4.2.11. */
struct hs_psk {
	uint8_t identity[HS_MAX_PSK_IDENTITY];
	size_t identity_len;
	uint8_t key[HS_MAX_PSK];
	size_t key_len; /* HS_MIN_PSK to HS_MAX_PSK */
	bool sha384; /* the hash that the key is for; else SHA-256 */
};

/*
 * What a connection may do. hs_engine_new() copies all of it and takes references, so
 * neither the structure nor what it points to has to outlive the call. Zero is a valid
 * value for each field and stands for the default; @random and @now must be given.
 */
struct hs_config {
	/*
	 * Fills @out with @len bytes that nobody can predict; 0 or a negative errno.
	 * Signatures with ECDSA and RSA-PSS take their nonce or salt from libcrypto, and
	 * RSA key exchange (@legacy) its padding; every other byte that the engine sends follows from the bytes this returns.
	 */
	int (*random)(void *ctx, uint8_t *out, size_t len);
	int64_t (*now)(void *ctx); /* seconds since 1970-01-01 UTC */
	void *ctx;
	/*
	 * For who explains a handshake, and NULL in all that serves: each secret of RFC 8446 section
	 * 7.1 and RFC 5246 section 8.1 that no KEY action has, by its name, as it is made. @bytes are
	 * there for the call alone.
	 */
	void (*secret)(void *ctx, const char *name, const uint8_t *bytes, size_t len);

	/*
	 * Server: at least one. The first whose certificate carries the name that the client
	 * asked for and whose key it can verify; else @unmatched decides.
	 * Client: what answers a CertificateRequest; may be none.
	 */
	struct hs_credential *const *credentials;
	size_t credential_count;
	enum hs_unmatched unmatched;

	struct hs_trust *trust; /* needed where certificates are verified */
	enum hs_verify verify;
	/*
	 * Client: asks for an OCSP response where it verifies. One that is bad, or missing where
	 * the certificate asks for one, counts as a chain that does not verify.
	 */
	bool no_staple;
	/* Server: names the anchors of @trust to clients that it asks for a certificate. */
	bool name_authorities;

	/*
	 * Client: a DNS name (A-labels) or an IP address as text, for SNI and verification.
	 * Server: unused; the client's wish is in the summary.
	 */
	const char *server_name;

	/* Names, each behind its one-byte length, in order of preference (RFC 7301). */
	const uint8_t *alpn;
	size_t alpn_len;

	/*
	 * In order of preference, at most HS_MAX_LIST, none twice; a count of 0 stands for the
	 * default list.
	 */
	const uint16_t *suites; /* default: AES-128-GCM, AES-256-GCM; in TLS 1.2 with ECDHE */
	size_t suite_count;
	/*
	 * Default: X25519MLKEM768, X25519, P-256, P-384; ffdhe2048 and ffdhe3072 if named. A client sends a share of the first, and
	 * of X25519 if that is a part of it. X25519MLKEM768 is left out where libcrypto has no
	 * ML-KEM; something has to remain.
	 */
	const uint16_t *groups;
	size_t group_count;
	const uint16_t *schemes; /* default: all of enum hs_scheme */
	size_t scheme_count;

	/* 0 stands for HS_TLS_1_3. A version without a suite in the list is none. */
	uint16_t min_version;
	uint16_t max_version;
	/*
	 * Client: names a suite, a group, a version and an extension that nobody knows (RFC 8701),
	 * so that servers keep passing over what they do not know.
	 */
	bool grease;
	/* TLS 1.2 without extended_master_secret, RFC 7627: only for peers that have no other */
	bool plain_master_secret;
	/*
	 * TLS 1.2 with RSA key exchange, which has no forward secrecy: its suites may be named, and
	 * are at the end of the default list. Without it no engine is made with one of them.
	 */
	bool legacy;
	/*
	 * The record_size_limit that the peer is told (RFC 8449), 64 to HS_MAX_PAYLOAD + 1; 0: as much
	 * as the version has. That a peer keeps to less is for the record layer to see to.
	 */
	uint16_t record_limit;

	/*
	 * Sessions (RFC 8446 section 2.2); without these every handshake is a full one.
	 *
	 * @session_context: what a resumed connection must share with the one that made the
	 * session, besides the server name and, on a server, the certificate: whoever has other
	 * rights must have another context. Verification is done anew each time.
	 *
	 * Server, @ticket_key: with @seal, names the key to seal with and gives it; else gives
	 * the key of @name. 0, or -ENOENT: no ticket is issued, or this one is not taken. A key
	 * serves for at most 2^32 tickets; one of zeros is refused.
	 *
	 * Server, @session_keep and @session_find: sessions of TLS 1.2 by id, for clients that take
	 * no tickets. The first stores a copy of @session under a new @id; the second copies what
	 * is stored under @id into @out, which has HS_MAX_SESSION bytes, and returns its length, or
	 * -ENOENT. Without them there are tickets alone.
	 *
	 * Client, @session_new: a session for the store, after a NewSessionTicket or, in TLS 1.2,
	 * with the end of the handshake, to be handed back as @session, once. One of TLS 1.2 comes
	 * again after it was resumed. The bytes are a secret. Expired or foreign ones are ignored.
	 * Its @ticket_key is for hs_engine_park() alone.
	 */
	const uint8_t *session_context;
	size_t session_context_len;
	int (*ticket_key)(void *ctx, bool seal, uint8_t name[HS_TICKET_NAME_LEN],
			  uint8_t key[HS_TICKET_KEY_LEN]);
	uint32_t ticket_lifetime; /* seconds; 0: two hours; seven days at most */
	void (*session_keep)(void *ctx, const uint8_t id[HS_SESSION_ID_LEN], const uint8_t *session,
			     size_t len);
	int (*session_find)(void *ctx, const uint8_t id[HS_SESSION_ID_LEN], uint8_t *out);
	void (*session_new)(void *ctx, const uint8_t *session, size_t len);
	const uint8_t *session;
	size_t session_len;

	/*
	 * External pre-shared keys, in TLS 1.3, always with (EC)DHE: whoever proves to have the key
	 * is authenticated, in the place of certificates, and gets no ticket.
	 * Client: fills in what is offered, where there is no session. Server: finds identity_len
	 * bytes of identity filled in, and fills in the rest. 0; anything else: there is none.
	 * With it a server needs no credential, and who verifies no trust store.
	 */
	int (*psk)(void *ctx, struct hs_psk *psk);
};

struct hs_der {
	const uint8_t *data;
	size_t len;
};

/* HS_ACTION_DATA: bytes for the peer; the record layer makes the records. */
struct hs_data {
	enum hs_epoch epoch;
	enum hs_content_type content_type;
	/* Bytes of content in a record at most; see struct hs_summary. A plaintext record has no limit. */
	uint16_t max_payload;
	const uint8_t *bytes;
	size_t len;
};

/*
 * HS_ACTION_KEY: from here on this direction is protected by this key; but a HS_RX key of
 * TLS 1.2 is in force from the peer's change_cipher_spec on, which has to follow, and must
 * stand between two messages. There are no traffic secrets in TLS 1.2: secret_len is 0.
 * In TLS 1.2 messages come in epochs 0 and 3. The traffic secret
 * comes with every key; the record layer needs it in the application epoch only, for
 * KeyUpdate (RFC 8446 section 7.2). It is for nobody else but a key log.
 */
struct hs_key {
	enum hs_direction direction;
	enum hs_epoch epoch;
	uint16_t version;
	uint16_t suite;
	uint64_t seq;
	uint8_t key[HS_MAX_KEY];
	size_t key_len;
	uint8_t iv[HS_MAX_IV];
	size_t iv_len;
	uint8_t secret[HS_MAX_SECRET];
	size_t secret_len;
};

/* HS_ACTION_COMPLETE: the peer's Finished is verified. Valid as long as the engine. */
struct hs_summary {
	uint16_t version;
	uint16_t suite;
	uint16_t group;
	uint16_t scheme; /* of the peer's signature, else of our own; 0: none */
	bool resumed;
	bool psk; /* by an external pre-shared key */
	bool retried; /* there was a HelloRetryRequest */
	/*
	 * Bytes of content, with their padding, that a record to the peer may have: what its
	 * record_size_limit says (RFC 8449), in TLS 1.3 without the content type. HS_MAX_PAYLOAD
	 * if it says nothing.
	 */
	uint16_t max_payload;

	uint8_t alpn[HS_MAX_ALPN];
	size_t alpn_len; /* 0: no protocol was negotiated */
	char server_name[HS_MAX_SERVER_NAME + 1]; /* client: as configured; server: SNI or "" */

	/* the chain and, of a server, the name were verified; or there was an external key */
	bool peer_authenticated;
	int verify_code; /* X509_V_OK, or what an optional verification found */
	const struct hs_der *peer_chain; /* as sent, leaf first */
	size_t peer_chain_count;

	struct hs_der staple; /* the OCSP response that came with the chain; len 0: none */

	/* tls-exporter, RFC 9266; all zero where there is none: TLS 1.2 with plain_master_secret */
	uint8_t channel_binding[HS_CHANNEL_BINDING_LEN];
};

/*
 * HS_ACTION_FAIL: the handshake is over; the record layer sends the alert and the
 * application gets the errno. No secret is left in the engine.
 *
 *   EKEYREJECTED  the peer's certificate, its name or its signature
 *   ENOKEY        no credential, or no trust store, that would serve
 *   EPERM         nothing in common between the peer and the policy of this side
 *   EPROTO        the peer broke the protocol
 *   EINVAL        this side's configuration makes no sense (a server name that is none)
 *   ENOMEM, EIO   this side's own trouble
 */
struct hs_failure {
	uint8_t alert; /* AlertDescription, RFC 8446 section 6 */
	int error; /* a positive errno */
	int verify_code; /* X509_V_ERR_*, or 0 */
	const char *text; /* one sentence for a person, no secrets, no newline */
};

enum hs_action_type {
	HS_ACTION_DATA,
	HS_ACTION_KEY,
	HS_ACTION_CONTINUE, /* the record layer may deliver again; harmless if it never stopped */
	HS_ACTION_COMPLETE, /* implies CONTINUE */
	HS_ACTION_FAIL, /* always the last, and alone but for what it has to follow */
};

struct hs_action {
	enum hs_action_type type;
	union {
		struct hs_data data;
		struct hs_key key;
		const struct hs_summary *summary;
		struct hs_failure failure;
	};
};

/*
 * Returns an engine with copies of @config, or NULL: out of memory, a missing callback, a
 * list that is too long or has an unknown code point or one twice, a record_limit that none may
 * name, or no suite of a version that is wanted. What is wrong with the rest is told by a FAIL action of
 * hs_engine_start(), so that the reason reaches the application.
 */
struct hs_engine *hs_engine_new(const struct hs_config *config, enum hs_role role);
void hs_engine_free(struct hs_engine *engine); /* wipes; takes NULL */

/*
 * Client: emits the ClientHello. Server: checks the configuration, emits nothing. Once.
 * Returns 0, or the negative errno of the FAIL action.
 */
int hs_engine_start(struct hs_engine *engine);

/*
 * One or several complete handshake messages, header included, all of the same @epoch.
 * Returns 0, or the negative errno of the FAIL action; -ECONNABORTED, without actions, after
 * a failure. Actions of an earlier call that were not taken are dropped. A failure after
 * COMPLETE (a bad NewSessionTicket) is a FAIL action like any other.
 */
int hs_engine_input(struct hs_engine *engine, enum hs_epoch epoch, const uint8_t *bytes,
		    size_t len);

/*
 * A client of TLS 1.3 after COMPLETE, with @session_new: what the NewSessionTickets to come need
 * of it, sealed by @ticket_key, so that whoever keeps it learns nothing. Its length; -ENOENT: no
 * ticket can come, or there is no key; -E2BIG: more than @size; -ENOMEM, -EIO. Whatever it
 * returns, the engine is as it was: there is no action, and the summary stands.
 */
int hs_engine_park(struct hs_engine *engine, uint8_t *out, size_t size);
/*
 * The engine again, for hs_engine_input() with NewSessionTickets. Of @config @random, @now, @ctx,
 * @ticket_key and @session_new count; the rest is as it was. NULL: it does not open, or no memory.
 */
struct hs_engine *hs_engine_unpark(const struct hs_config *config, const uint8_t *parked,
				   size_t len);
/* The configuration's @session_context: of an engine that was parked, the one of before. */
const uint8_t *hs_engine_session_context(const struct hs_engine *engine, size_t *len);
/* Until when a session may be offered, seconds since 1970-01-01 UTC; -1: it is none. */
int64_t hs_session_expires(const uint8_t *session, size_t len);

/* The next action of the last call, valid until the next call; NULL when there is none. */
const struct hs_action *hs_engine_next_action(struct hs_engine *engine);

/* NULL until COMPLETE, and after a failure. */
const struct hs_summary *hs_engine_summary(const struct hs_engine *engine);

/* TLS-Exporter of RFC 8446 section 7.5, RFC 5705. 0, -ENOTCONN before COMPLETE, -EINVAL, -EIO. */
int hs_engine_export(struct hs_engine *engine, const char *label, const uint8_t *context,
		     size_t context_len, uint8_t *out, size_t len);

/*
 * The line of an SSLKEYLOGFILE for a KEY action of this engine, with its newline.
 * Returns its length, or -ERANGE. The line is a secret: wipe @out.
 */
int hs_engine_keylog_line(const struct hs_engine *engine, const struct hs_key *key, char *out,
			  size_t size);

/* The registries' names: "TLS_AES_128_GCM_SHA256", "x25519", ...; "?" when not in the table. */
const char *hs_version_name(uint16_t version);
const char *hs_suite_name(uint16_t suite);
const char *hs_group_name(uint16_t group);
const char *hs_scheme_name(uint16_t scheme);
const char *hs_alert_name(uint8_t alert);
const char *hs_message_name(uint8_t type);

enum hs_place hs_suite_place(uint16_t suite);
uint16_t hs_suite_version(uint16_t suite); /* of the protocol; 0 when not in the table */

/* Code point of such a name, or 0: for configuration files. */
uint16_t hs_suite_by_name(const char *name);
uint16_t hs_group_by_name(const char *name);
uint16_t hs_scheme_by_name(const char *name);

#endif
