/* SPDX-License-Identifier: MIT */
/*
 * session.h - what outlives a connection: sessions, and the tickets that carry them
 *
 * RFC 8446 sections 2.2 and 4.6.1, RFC 5077. A session has one form in bytes; a client's
 * store holds it as it is, a server seals it into the ticket (AES-256-GCM, the key by
 * callback). It must never be believed for more than the connection that made it: names,
 * context and certificates are looked at anew each time.
 */
#ifndef HANDSHAKE_SESSION_H
#define HANDSHAKE_SESSION_H

#include "engine.h"

#define SESSION_TICKET_MAX (16 * 1024)
#define SESSION_MAX HS_MAX_SESSION
#define SESSION_LIFETIME_MAX 604800 /* seven days, RFC 8446 section 4.6.1 */

struct session {
	uint16_t version;
	uint16_t suite;
	bool extended_master_secret; /* TLS 1.2 */
	bool external; /* no session, but a key from elsewhere; never stored */
	struct secret secret; /* the PSK; in TLS 1.2 the master secret */
	uint32_t age_add;
	uint32_t lifetime; /* seconds */
	int64_t created;
	int64_t authenticated; /* when a full handshake last stood behind it */
	char server_name[HS_MAX_SERVER_NAME + 1];
	uint8_t context[32]; /* what else has to be the same */
	uint16_t group; /* TLS 1.2: of the key exchange that made it; 0: none */
	uint8_t id[HS_SESSION_ID_LEN]; /* client, TLS 1.2: where there is no ticket */
	size_t id_len;
	struct reader ticket; /* client */
	struct hs_der chain[CHAIN_MAX]; /* of the peer */
	size_t chain_count;
	uint8_t *bytes; /* what ticket and chain point into; NULL: not ours */
	size_t bytes_len;
};

/* Returns malloc()ed bytes, for session_bytes_free(); -E2BIG: it is too long to keep. */
int session_encode(const struct session *s, uint8_t **bytes, size_t *len);
/* Copies @bytes. -EBADMSG: not a session. On success the caller releases @s. */
int session_decode(struct session *s, const uint8_t *bytes, size_t len);
void session_release(struct session *s); /* wipes */
void session_bytes_free(uint8_t *bytes, size_t len); /* wipes; takes NULL */

/* What a session of this connection is bound to, besides its name: 32 bytes. 0, -ENOMEM, -EIO. */
int session_digest(const struct hs_engine *e, uint8_t *out);
/* The same, where its failure is the connection's */
int session_context(struct hs_engine *e, uint8_t *out);
/* Young enough, and made for this version? */
bool session_is_alive(const struct session *s, int64_t now);
/* The session of this connection as it stands; borrows the chain. @secret is copied. */
void session_describe(const struct hs_engine *e, struct session *s, const struct secret *secret);
/*
 * Takes the peer's chain out of @s and verifies it anew by the policy of now. Returns 1 when
 * the session may be resumed, 0 when it may not, or a negative errno (recorded).
 */
int session_take_peer(struct hs_engine *e, const struct session *s);

/* What either version asks of a session that is to be resumed, but for its context. */
bool session_fits(const struct hs_engine *e, const struct session *s, const char *server_name);
/* Hands @s, which need not have its context yet, to the client's store. */
int store_session(struct hs_engine *e, struct session *s);

uint32_t ticket_lifetime(const struct hs_engine *e); /* seconds; the policy's or the default */
/* What @plain takes once it is sealed, and what is around it */
#define SEAL_OVERHEAD (HS_TICKET_NAME_LEN + 12 + 16)
/* By the key of the callback. 0; -ENOENT: there is none; other negative errno. */
int seal_bytes(struct hs_engine *e, const uint8_t *plain, size_t len, uint8_t *out);
/* 0, or -ENOENT. Frees with session_bytes_free(), of *@len bytes. */
int open_bytes(struct hs_engine *e, struct reader sealed, uint8_t **plain, size_t *len);
/* Server: 0; -ENOENT: there is no key; other negative errno. Frees with session_bytes_free(). */
int ticket_seal(struct hs_engine *e, const struct session *s, uint8_t **ticket, size_t *len);
/* Server: 0, or -ENOENT for whatever is wrong with it. */
int ticket_open(struct hs_engine *e, struct reader ticket, struct session *s);

#endif
