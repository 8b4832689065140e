// SPDX-License-Identifier: MIT
/*
 * rsa_tls12.c - RSA key exchange of TLS 1.2, both roles
 *
 * RFC 5246 section 7.4.7.1. Only with the policy's @legacy, for it has no forward secrecy. It must
 * never let a client learn whether what it sent was padded well (Bleichenbacher 1998, ROBOT, Marvin):
 * the padding is looked at here, byte for byte and always all of it, on what the private operation
 * gives, and what is wrong with it leads to a pre-master secret of random bytes and to nothing else.
 */
#include "tls12.h"

#define PREMASTER_LEN 48
#define PADDING_MIN 11 /* 00 02, eight bytes that are not zero, 00: RFC 8017 section 7.2.2 */

/* --- in constant time: all ones for true, zero for false --- */

/* The compiler has to believe that it could be anything. */
static uint32_t opaque(uint32_t x)
{
	__asm__("" : "+r"(x));
	return x;
}

/* @x is below 2^31 */
static uint32_t is_zero(uint32_t x)
{
	return opaque(0 - ((x - 1) >> 31));
}

static uint8_t either(uint32_t mask, uint8_t a, uint8_t b)
{
	return (uint8_t)((mask & a) | (~mask & b));
}

/* Is it 00 02, bytes that are not zero, 00, and PREMASTER_LEN bytes? */
static uint32_t padding_is_good(const uint8_t *message, size_t size)
{
	size_t end = size - PREMASTER_LEN - 1;
	uint32_t good = is_zero(message[0]) & is_zero(message[1] ^ 2u) & is_zero(message[end]);

	for (size_t i = 2; i < end; i++)
		good &= ~is_zero(message[i]);
	return good;
}

/* --- the server --- */

/*
 * The first two bytes are the version that the ClientHello named, whatever the message says: a client
 * that put others there has another pre-master secret (the version check of section 7.4.7.1).
 */
int server_take_premaster(struct hs_engine *e)
{
	const struct reader *in = &e->in.share;
	size_t size = credential_signature_max(e->credential);
	uint8_t message[RSA_SIZE_MAX] = { 0 }, other[PREMASTER_LEN];
	uint32_t good;
	int rc = engine_check(e, e->config.random(e->config.ctx, other, sizeof(other)),
			      "random bytes");

	if (rc < 0)
		return rc;
	/* its length and whether it is below the modulus are the sender's own knowledge */
	if (in->left == size && size >= PREMASTER_LEN + PADDING_MIN)
		credential_decrypt_raw(e->credential, in->at, size, message);
	else
		size = RSA_SIZE_MIN; /* of zeros: the first byte is right, the second one is not */
	good = padding_is_good(message, size);
	for (size_t i = 0; i < PREMASTER_LEN; i++)
		e->premaster[i] = either(good, message[size - PREMASTER_LEN + i], other[i]);
	e->premaster[0] = (uint8_t)(e->client_version >> 8);
	e->premaster[1] = (uint8_t)e->client_version;
	e->premaster_len = PREMASTER_LEN;
	explicit_bzero(message, sizeof(message));
	explicit_bzero(other, sizeof(other));
	return 0;
}

/* --- the client --- */

int client_send_premaster(struct hs_engine *e)
{
	struct writer *out = &e->actions.out;
	uint8_t message[RSA_SIZE_MAX];
	size_t len = 0, at;
	int rc = e->config.random(e->config.ctx, e->premaster + 2, PREMASTER_LEN - 2);

	/* the version of the ClientHello, which is TLS 1.2's whatever else was offered */
	e->premaster[0] = HS_TLS_1_2 >> 8;
	e->premaster[1] = HS_TLS_1_2 & 0xff;
	e->premaster_len = PREMASTER_LEN;
	if (rc == 0)
		rc = crypto_rsa_encrypt(certificates_key(e->peer), e->premaster, PREMASTER_LEN,
					message, &len);
	if (rc < 0)
		return engine_check(e, rc, "pre-master secret");
	at = writer_open(out, 2);
	writer_bytes(out, message, len);
	writer_close(out, at, 2);
	return 0;
}
