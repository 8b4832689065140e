/* SPDX-License-Identifier: MIT */
/*
 * parameters.h - the code points that the engine knows, and what they stand for
 *
 * Tables of suites (RFC 8446 appendix B.4), groups (section 4.2.7), signature schemes
 * (section 4.2.3), messages (section 4) and alerts (section 6). Data only: it must never
 * decide what a connection may use; that is the policy's, in config.c.
 */
#ifndef HANDSHAKE_PARAMETERS_H
#define HANDSHAKE_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handshake.h"

#define HASH_MAX 64

enum hash {
	HASH_SHA256,
	HASH_SHA384,
	HASH_SHA512,
	HASH_INTRINSIC, /* Ed25519 hashes by itself */
};

enum key_type {
	KEY_RSA,
	KEY_RSA_PSS,
	KEY_ECDSA_P256,
	KEY_ECDSA_P384,
	KEY_ED25519,
	KEY_OTHER,
};

/* What a suite of TLS 1.2 says besides its cipher; in TLS 1.3 that is said elsewhere. */
enum exchange {
	EXCHANGE_ANY,
	EXCHANGE_ECDHE,
	EXCHANGE_DHE,
	EXCHANGE_RSA, /* no forward secrecy */
};

enum authentication {
	AUTH_ANY,
	AUTH_ECDSA,
	AUTH_RSA,
};

enum message_type {
	MESSAGE_CLIENT_HELLO = 1,
	MESSAGE_SERVER_HELLO = 2,
	MESSAGE_NEW_SESSION_TICKET = 4,
	MESSAGE_END_OF_EARLY_DATA = 5,
	MESSAGE_ENCRYPTED_EXTENSIONS = 8,
	MESSAGE_CERTIFICATE = 11,
	MESSAGE_SERVER_KEY_EXCHANGE = 12,
	MESSAGE_CERTIFICATE_REQUEST = 13,
	MESSAGE_SERVER_HELLO_DONE = 14,
	MESSAGE_CERTIFICATE_VERIFY = 15,
	MESSAGE_CLIENT_KEY_EXCHANGE = 16,
	MESSAGE_FINISHED = 20,
	MESSAGE_CERTIFICATE_STATUS = 22,
	MESSAGE_KEY_UPDATE = 24,
	MESSAGE_MESSAGE_HASH = 254,
};

enum alert {
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_HANDSHAKE_FAILURE = 40,
	ALERT_BAD_CERTIFICATE = 42,
	ALERT_UNSUPPORTED_CERTIFICATE = 43,
	ALERT_CERTIFICATE_REVOKED = 44,
	ALERT_CERTIFICATE_EXPIRED = 45,
	ALERT_CERTIFICATE_UNKNOWN = 46,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_UNKNOWN_CA = 48,
	ALERT_DECODE_ERROR = 50,
	ALERT_DECRYPT_ERROR = 51,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_INTERNAL_ERROR = 80,
	ALERT_INAPPROPRIATE_FALLBACK = 86,
	ALERT_MISSING_EXTENSION = 109,
	ALERT_UNSUPPORTED_EXTENSION = 110,
	ALERT_UNRECOGNIZED_NAME = 112,
	ALERT_BAD_CERTIFICATE_STATUS_RESPONSE = 113,
	ALERT_CERTIFICATE_REQUIRED = 116,
	ALERT_NO_APPLICATION_PROTOCOL = 120,
};

struct suite {
	uint16_t code;
	const char *name;
	enum hash hash;
	size_t key_len;
	size_t iv_len; /* in TLS 1.2 with GCM: of the salt, RFC 5288 section 3 */
	uint16_t version;
	enum exchange exchange;
	enum authentication auth;
};

enum group_kind {
	GROUP_X25519,
	GROUP_CURVE, /* NIST's */
	GROUP_FFDHE, /* a prime; ECDHE of TLS 1.2 does not know it */
	GROUP_HYBRID, /* X25519 and ML-KEM; TLS 1.3 only */
};

#define PUBLIC_MAX 1216

struct group {
	uint16_t code;
	const char *name;
	enum group_kind kind;
	size_t scalar_len; /* random bytes that make a private key of a curve */
	size_t public_len; /* bytes of a client's key share */
	size_t secret_len;
};

struct scheme {
	uint16_t code;
	const char *name;
	enum key_type key;
	enum hash hash;
	bool handshake; /* may sign a TLS 1.3 CertificateVerify, RFC 8446 section 4.4.3 */
};

/* NULL when the code point is not in the table */
const struct suite *suite_find(uint16_t code);
const struct group *group_find(uint16_t code);
const struct scheme *scheme_find(uint16_t code);

/*
 * May a key of this type sign a handshake message by @scheme? TLS 1.3 ties an ECDSA scheme
 * to its curve and has no PKCS#1 (RFC 8446 section 4.2.3); TLS 1.2 does neither.
 */
bool scheme_takes_key(const struct scheme *scheme, enum key_type key, uint16_t version);

/* One that ECDHE of TLS 1.2 may use, RFC 8422 */
bool is_curve(const struct group *group);

size_t hash_len(enum hash hash);

#endif
