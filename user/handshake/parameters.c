// SPDX-License-Identifier: MIT
/*
 * parameters.c - the code points that the engine knows, RFC 8446 appendix B
 *
 * See parameters.h. One row per code point; it must never hold logic.
 */
#include "parameters.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct suite suites[] = {
#define TLS13(name, hash, key)                                                             \
	{                                                                                  \
		HS_##name, "TLS_" #name, hash, key, 12, HS_TLS_1_3, EXCHANGE_ANY, AUTH_ANY \
	}
#define TLS12(exchange, auth, name, hash, key, iv)                                               \
	{                                                                                        \
		HS_##exchange##_##auth##_WITH_##name, "TLS_" #exchange "_" #auth "_WITH_" #name, \
			hash, key, iv, HS_TLS_1_2, EXCHANGE_##exchange, AUTH_##auth              \
	}
#define TLS12_RSA(name, hash, key)                                                                 \
	{                                                                                          \
		HS_RSA_WITH_##name, "TLS_RSA_WITH_" #name, hash, key, 4, HS_TLS_1_2, EXCHANGE_RSA, \
			AUTH_RSA                                                                   \
	}
	TLS13(AES_128_GCM_SHA256, HASH_SHA256, 16),
	TLS13(AES_256_GCM_SHA384, HASH_SHA384, 32),
	TLS13(CHACHA20_POLY1305_SHA256, HASH_SHA256, 32),
	TLS12(ECDHE, ECDSA, AES_128_GCM_SHA256, HASH_SHA256, 16, 4),
	TLS12(ECDHE, ECDSA, AES_256_GCM_SHA384, HASH_SHA384, 32, 4),
	TLS12(ECDHE, ECDSA, CHACHA20_POLY1305_SHA256, HASH_SHA256, 32, 12),
	TLS12(ECDHE, RSA, AES_128_GCM_SHA256, HASH_SHA256, 16, 4),
	TLS12(ECDHE, RSA, AES_256_GCM_SHA384, HASH_SHA384, 32, 4),
	TLS12(ECDHE, RSA, CHACHA20_POLY1305_SHA256, HASH_SHA256, 32, 12),
	TLS12(DHE, RSA, AES_128_GCM_SHA256, HASH_SHA256, 16, 4),
	TLS12(DHE, RSA, AES_256_GCM_SHA384, HASH_SHA384, 32, 4),
	TLS12(DHE, RSA, CHACHA20_POLY1305_SHA256, HASH_SHA256, 32, 12),
	TLS12_RSA(AES_128_GCM_SHA256, HASH_SHA256, 16),
	TLS12_RSA(AES_256_GCM_SHA384, HASH_SHA384, 32),
};

static const struct group groups[] = {
	{ HS_X25519MLKEM768, "X25519MLKEM768", GROUP_HYBRID, 0, 1216, 64 },
	{ HS_X25519, "x25519", GROUP_X25519, 32, 32, 32 },
	{ HS_SECP256R1, "secp256r1", GROUP_CURVE, 32, 65, 32 },
	{ HS_SECP384R1, "secp384r1", GROUP_CURVE, 48, 97, 48 },
	{ HS_FFDHE2048, "ffdhe2048", GROUP_FFDHE, 0, 256, 256 },
	{ HS_FFDHE3072, "ffdhe3072", GROUP_FFDHE, 0, 384, 384 },
};

static const struct scheme schemes[] = {
	{ HS_ECDSA_SECP256R1_SHA256, "ecdsa_secp256r1_sha256", KEY_ECDSA_P256, HASH_SHA256, true },
	{ HS_ECDSA_SECP384R1_SHA384, "ecdsa_secp384r1_sha384", KEY_ECDSA_P384, HASH_SHA384, true },
	{ HS_ED25519, "ed25519", KEY_ED25519, HASH_INTRINSIC, true },
	{ HS_RSA_PSS_RSAE_SHA256, "rsa_pss_rsae_sha256", KEY_RSA, HASH_SHA256, true },
	{ HS_RSA_PSS_RSAE_SHA384, "rsa_pss_rsae_sha384", KEY_RSA, HASH_SHA384, true },
	{ HS_RSA_PSS_RSAE_SHA512, "rsa_pss_rsae_sha512", KEY_RSA, HASH_SHA512, true },
	{ HS_RSA_PSS_PSS_SHA256, "rsa_pss_pss_sha256", KEY_RSA_PSS, HASH_SHA256, true },
	{ HS_RSA_PSS_PSS_SHA384, "rsa_pss_pss_sha384", KEY_RSA_PSS, HASH_SHA384, true },
	{ HS_RSA_PSS_PSS_SHA512, "rsa_pss_pss_sha512", KEY_RSA_PSS, HASH_SHA512, true },
	{ HS_RSA_PKCS1_SHA256, "rsa_pkcs1_sha256", KEY_RSA, HASH_SHA256, false },
	{ HS_RSA_PKCS1_SHA384, "rsa_pkcs1_sha384", KEY_RSA, HASH_SHA384, false },
	{ HS_RSA_PKCS1_SHA512, "rsa_pkcs1_sha512", KEY_RSA, HASH_SHA512, false },
};

struct name {
	uint16_t code;
	const char *name;
};

static const struct name versions[] = {
	{ 0x0300, "SSLv3" },	   { 0x0301, "TLSv1.0" },     { 0x0302, "TLSv1.1" },
	{ HS_TLS_1_2, "TLSv1.2" }, { HS_TLS_1_3, "TLSv1.3" },
};

static const struct name messages[] = {
	{ 0, "HelloRequest" },
	{ MESSAGE_CLIENT_HELLO, "ClientHello" },
	{ MESSAGE_SERVER_HELLO, "ServerHello" },
	{ MESSAGE_NEW_SESSION_TICKET, "NewSessionTicket" },
	{ MESSAGE_END_OF_EARLY_DATA, "EndOfEarlyData" },
	{ MESSAGE_ENCRYPTED_EXTENSIONS, "EncryptedExtensions" },
	{ MESSAGE_CERTIFICATE, "Certificate" },
	{ MESSAGE_SERVER_KEY_EXCHANGE, "ServerKeyExchange" },
	{ MESSAGE_CERTIFICATE_REQUEST, "CertificateRequest" },
	{ MESSAGE_SERVER_HELLO_DONE, "ServerHelloDone" },
	{ MESSAGE_CERTIFICATE_VERIFY, "CertificateVerify" },
	{ MESSAGE_CLIENT_KEY_EXCHANGE, "ClientKeyExchange" },
	{ MESSAGE_FINISHED, "Finished" },
	{ MESSAGE_CERTIFICATE_STATUS, "CertificateStatus" },
	{ MESSAGE_KEY_UPDATE, "KeyUpdate" },
	{ MESSAGE_MESSAGE_HASH, "message_hash" },
};

static const struct name alerts[] = {
	{ 0, "close_notify" },
	{ ALERT_UNEXPECTED_MESSAGE, "unexpected_message" },
	{ 20, "bad_record_mac" },
	{ 22, "record_overflow" },
	{ ALERT_HANDSHAKE_FAILURE, "handshake_failure" },
	{ ALERT_BAD_CERTIFICATE, "bad_certificate" },
	{ ALERT_UNSUPPORTED_CERTIFICATE, "unsupported_certificate" },
	{ ALERT_CERTIFICATE_REVOKED, "certificate_revoked" },
	{ ALERT_CERTIFICATE_EXPIRED, "certificate_expired" },
	{ ALERT_CERTIFICATE_UNKNOWN, "certificate_unknown" },
	{ ALERT_ILLEGAL_PARAMETER, "illegal_parameter" },
	{ ALERT_UNKNOWN_CA, "unknown_ca" },
	{ 49, "access_denied" },
	{ ALERT_DECODE_ERROR, "decode_error" },
	{ ALERT_DECRYPT_ERROR, "decrypt_error" },
	{ ALERT_PROTOCOL_VERSION, "protocol_version" },
	{ 71, "insufficient_security" },
	{ ALERT_INTERNAL_ERROR, "internal_error" },
	{ ALERT_INAPPROPRIATE_FALLBACK, "inappropriate_fallback" },
	{ 90, "user_canceled" },
	{ ALERT_MISSING_EXTENSION, "missing_extension" },
	{ ALERT_UNSUPPORTED_EXTENSION, "unsupported_extension" },
	{ ALERT_UNRECOGNIZED_NAME, "unrecognized_name" },
	{ ALERT_BAD_CERTIFICATE_STATUS_RESPONSE, "bad_certificate_status_response" },
	{ 115, "unknown_psk_identity" },
	{ ALERT_CERTIFICATE_REQUIRED, "certificate_required" },
	{ ALERT_NO_APPLICATION_PROTOCOL, "no_application_protocol" },
};

const struct suite *suite_find(uint16_t code)
{
	for (size_t i = 0; i < COUNT(suites); i++)
		if (suites[i].code == code)
			return &suites[i];
	return NULL;
}

const struct group *group_find(uint16_t code)
{
	for (size_t i = 0; i < COUNT(groups); i++)
		if (groups[i].code == code)
			return &groups[i];
	return NULL;
}

const struct scheme *scheme_find(uint16_t code)
{
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (schemes[i].code == code)
			return &schemes[i];
	return NULL;
}

static bool is_ecdsa(enum key_type key)
{
	return key == KEY_ECDSA_P256 || key == KEY_ECDSA_P384;
}

bool scheme_takes_key(const struct scheme *scheme, enum key_type key, uint16_t version)
{
	if (version == HS_TLS_1_2)
		return scheme->key == key || (is_ecdsa(scheme->key) && is_ecdsa(key));
	return scheme->handshake && scheme->key == key;
}

bool is_curve(const struct group *group)
{
	return group->kind == GROUP_X25519 || group->kind == GROUP_CURVE;
}

size_t hash_len(enum hash hash)
{
	switch (hash) {
	case HASH_SHA256:
		return 32;
	case HASH_SHA384:
		return 48;
	case HASH_SHA512:
		return 64;
	case HASH_INTRINSIC:
		break;
	}
	return 0;
}

static const char *name_find(const struct name *names, size_t count, uint16_t code)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].code == code)
			return names[i].name;
	return "?";
}

const char *hs_version_name(uint16_t version)
{
	return name_find(versions, COUNT(versions), version);
}

const char *hs_alert_name(uint8_t alert)
{
	return name_find(alerts, COUNT(alerts), alert);
}

const char *hs_message_name(uint8_t type)
{
	return name_find(messages, COUNT(messages), type);
}

const char *hs_suite_name(uint16_t suite)
{
	const struct suite *s = suite_find(suite);

	return s ? s->name : "?";
}

uint16_t hs_suite_version(uint16_t suite)
{
	const struct suite *s = suite_find(suite);

	return s ? s->version : 0;
}

const char *hs_group_name(uint16_t group)
{
	const struct group *g = group_find(group);

	return g ? g->name : "?";
}

const char *hs_scheme_name(uint16_t scheme)
{
	const struct scheme *s = scheme_find(scheme);

	return s ? s->name : "?";
}

uint16_t hs_suite_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(suites); i++)
		if (!strcmp(suites[i].name, name))
			return suites[i].code;
	return 0;
}

uint16_t hs_group_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(groups); i++)
		if (!strcmp(groups[i].name, name))
			return groups[i].code;
	return 0;
}

uint16_t hs_scheme_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(schemes); i++)
		if (!strcmp(schemes[i].name, name))
			return schemes[i].code;
	return 0;
}
