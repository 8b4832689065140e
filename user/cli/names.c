// SPDX-License-Identifier: MIT
/*
 * names.c - code points of RFC 8446 appendix B and of <linux/tlsock.h>, in words
 *
 * One row per code point; it must never hold logic beyond the look-up.
 */
#include "cli.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct name {
	uint16_t code;
	const char *name;
};

static const struct name versions[] = {
	{ 0x0303, "TLSv1.2" },
	{ 0x0304, "TLSv1.3" },
};

static const struct name groups[] = {
	{ 0x0017, "secp256r1" }, { 0x0018, "secp384r1" },      { 0x0019, "secp521r1" },
	{ 0x001d, "x25519" },	 { 0x001e, "x448" },	       { 0x0100, "ffdhe2048" },
	{ 0x0101, "ffdhe3072" }, { 0x11ec, "X25519MLKEM768" },
};

static const struct name schemes[] = {
	{ 0x0401, "rsa_pkcs1_sha256" },
	{ 0x0501, "rsa_pkcs1_sha384" },
	{ 0x0601, "rsa_pkcs1_sha512" },
	{ 0x0403, "ecdsa_secp256r1_sha256" },
	{ 0x0503, "ecdsa_secp384r1_sha384" },
	{ 0x0603, "ecdsa_secp521r1_sha512" },
	{ 0x0804, "rsa_pss_rsae_sha256" },
	{ 0x0805, "rsa_pss_rsae_sha384" },
	{ 0x0806, "rsa_pss_rsae_sha512" },
	{ 0x0807, "ed25519" },
	{ 0x0808, "ed448" },
	{ 0x0809, "rsa_pss_pss_sha256" },
	{ 0x080a, "rsa_pss_pss_sha384" },
	{ 0x080b, "rsa_pss_pss_sha512" },
};

static const struct name alerts[] = {
	{ 0, "close_notify" },
	{ 10, "unexpected_message" },
	{ 20, "bad_record_mac" },
	{ 22, "record_overflow" },
	{ 40, "handshake_failure" },
	{ 42, "bad_certificate" },
	{ 43, "unsupported_certificate" },
	{ 44, "certificate_revoked" },
	{ 45, "certificate_expired" },
	{ 46, "certificate_unknown" },
	{ 47, "illegal_parameter" },
	{ 48, "unknown_ca" },
	{ 49, "access_denied" },
	{ 50, "decode_error" },
	{ 51, "decrypt_error" },
	{ 70, "protocol_version" },
	{ 71, "insufficient_security" },
	{ 80, "internal_error" },
	{ 86, "inappropriate_fallback" },
	{ 90, "user_canceled" },
	{ 100, "no_renegotiation" },
	{ 109, "missing_extension" },
	{ 110, "unsupported_extension" },
	{ 112, "unrecognized_name" },
	{ 113, "bad_certificate_status_response" },
	{ 115, "unknown_psk_identity" },
	{ 116, "certificate_required" },
	{ 120, "no_application_protocol" },
};

static const struct name states[] = {
	{ TLSOCK_STATE_IDLE, "idle" },		 { TLSOCK_STATE_CONNECTING, "connecting" },
	{ TLSOCK_STATE_HANDSHAKE, "handshake" }, { TLSOCK_STATE_ESTABLISHED, "established" },
	{ TLSOCK_STATE_FAILED, "failed" },	 { TLSOCK_STATE_MANUAL, "manual" },
	{ TLSOCK_STATE_LISTEN, "listen" },
};

static const struct name roles[] = {
	{ TLSOCK_ROLE_NONE, "none" },
	{ TLSOCK_ROLE_CLIENT, "client" },
	{ TLSOCK_ROLE_SERVER, "server" },
};

static const char *find(const struct name *names, size_t count, uint16_t code)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].code == code)
			return names[i].name;
	return NULL;
}

const char *version_name(uint16_t version)
{
	return find(versions, COUNT(versions), version);
}

const char *group_name(uint16_t group)
{
	return find(groups, COUNT(groups), group);
}

const char *scheme_name(uint16_t scheme)
{
	return find(schemes, COUNT(schemes), scheme);
}

const char *alert_name(uint8_t alert)
{
	return find(alerts, COUNT(alerts), alert);
}

const char *state_name(uint8_t state)
{
	return find(states, COUNT(states), state);
}

const char *role_name(uint8_t role)
{
	return find(roles, COUNT(roles), role);
}

const char *name_or_number(const char *name, uint16_t code, char *buf)
{
	if (name)
		return name;
	snprintf(buf, 8, "0x%04x", code);
	return buf;
}

void escape(const void *in, size_t len, char *out, size_t size)
{
	const unsigned char *s = in;
	size_t at = 0;

	for (size_t i = 0; i < len && at + 5 <= size; i++) {
		if (s[i] >= 0x20 && s[i] < 0x7f && s[i] != '\\')
			out[at++] = (char)s[i];
		else
			at += (size_t)snprintf(out + at, size - at, "\\x%02x", s[i]);
	}
	out[at] = '\0';
}
