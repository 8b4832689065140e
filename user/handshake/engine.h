/* SPDX-License-Identifier: MIT */
/*
 * engine.h - the inside of an engine, prototypes grouped by file
 *
 * One struct hs_engine per connection: what was agreed so far (RFC 8446 section 4), and
 * the message under the driver's hand. Each message is taken in two steps: a parse that
 * only reads, and, once the driver has seen that nothing trails, an act that decides and
 * answers. A parse must never change what was agreed; an act must never read wire bytes.
 */
#ifndef HANDSHAKE_ENGINE_H
#define HANDSHAKE_ENGINE_H

#include <errno.h>

#include "certificate.h"
#include "crypto.h"
#include "handshake.h"
#include "key_schedule.h"
#include "parameters.h"
#include "reader.h"
#include "transcript.h"
#include "writer.h"

_Static_assert(HS_MAX_LIST <= 32, "the entries of a policy list are bits of a uint32_t");
#define RECORD_LIMIT_MIN 64 /* RFC 8449 section 4 */
#define SESSION_ID_MAX HS_SESSION_ID_LEN
#define CHAIN_MAX 16 /* certificates */
#define CHAIN_BYTES_MAX (100 * 1024)
#define CLIENT_HELLO_MAX (64 * 1024)
#define ACTIONS_MAX 16
#define PREMASTER_MAX 512 /* of the largest Diffie-Hellman group that is taken */

/* The graph is in engine.c. */
enum state {
	STATE_NEW,
	CLIENT_WAIT_SERVER_HELLO,
	CLIENT_WAIT_SECOND_SERVER_HELLO,
	CLIENT_WAIT_ENCRYPTED_EXTENSIONS,
	CLIENT_WAIT_CERTIFICATE_OR_REQUEST,
	CLIENT_WAIT_CERTIFICATE,
	CLIENT_WAIT_CERTIFICATE_VERIFY,
	CLIENT_WAIT_FINISHED,
	CLIENT_CONNECTED,
	SERVER_WAIT_CLIENT_HELLO,
	SERVER_WAIT_SECOND_CLIENT_HELLO,
	SERVER_WAIT_CERTIFICATE,
	SERVER_WAIT_CERTIFICATE_VERIFY,
	SERVER_WAIT_FINISHED,
	SERVER_CONNECTED,
	/* TLS 1.2 */
	CLIENT12_WAIT_CERTIFICATE,
	CLIENT12_WAIT_STATUS,
	CLIENT12_WAIT_STATUS_RSA, /* no ServerKeyExchange follows */
	CLIENT12_WAIT_KEY_EXCHANGE,
	CLIENT12_WAIT_REQUEST_OR_DONE,
	CLIENT12_WAIT_DONE,
	CLIENT12_WAIT_TICKET,
	CLIENT12_WAIT_FINISHED,
	CLIENT12_CONNECTED,
	SERVER12_WAIT_CERTIFICATE,
	SERVER12_WAIT_KEY_EXCHANGE,
	SERVER12_WAIT_CERTIFICATE_VERIFY,
	SERVER12_WAIT_FINISHED,
	SERVER12_CONNECTED,
	STATE_FAILED,
	STATE_COUNT,
};

struct config {
	int (*random)(void *ctx, uint8_t *out, size_t len);
	int64_t (*now)(void *ctx);
	void (*secret)(void *ctx, const char *name, const uint8_t *bytes, size_t len); /* or NULL */
	void *ctx;
	struct hs_credential **credentials;
	size_t credential_count;
	enum hs_unmatched unmatched;
	struct hs_trust *trust;
	enum hs_verify verify;
	bool ask_staple;
	bool name_authorities;
	char *server_name; /* NULL: none */
	bool name_is_address;
	uint8_t *alpn;
	size_t alpn_len;
	const struct suite *suites[HS_MAX_LIST];
	size_t suite_count;
	const struct group *groups[HS_MAX_LIST];
	size_t group_count;
	const struct scheme *schemes[HS_MAX_LIST];
	size_t scheme_count;
	uint16_t min_version; /* with a suite each */
	uint16_t max_version;
	bool grease;
	bool plain_master_secret;
	uint16_t record_limit;
	uint8_t *session_context;
	size_t session_context_len;
	int (*ticket_key)(void *ctx, bool seal, uint8_t *name, uint8_t *key);
	uint32_t ticket_lifetime;
	void (*session_keep)(void *ctx, const uint8_t *id, const uint8_t *session, size_t len);
	int (*session_find)(void *ctx, const uint8_t *id, uint8_t *out);
	void (*session_new)(void *ctx, const uint8_t *session, size_t len);
	uint8_t *session; /* a secret */
	size_t session_len;
	int (*psk)(void *ctx, struct hs_psk *psk);
};

/* Where a client puts a code point that nobody knows, RFC 8701 section 3.1 */
enum grease {
	GREASE_SUITE,
	GREASE_GROUP,
	GREASE_VERSION,
	GREASE_EXTENSION,
	GREASE_COUNT,
};

struct session; /* session.h */

/* A message that is being read. Its readers point into the caller's bytes. */
struct incoming {
	uint8_t type;
	const uint8_t *bytes; /* with its header */
	size_t len;
	uint32_t extensions_seen; /* one bit per row of the extension table */

	/* ClientHello, ServerHello */
	uint16_t legacy_version;
	uint8_t random[HS_RANDOM_LEN];
	struct reader session_id;
	struct reader suites;
	struct reader compression;
	struct reader extensions;
	uint16_t suite;
	bool is_retry;
	uint16_t version; /* of supported_versions in a ServerHello */
	bool offers_tls13; /* of supported_versions in a ClientHello */
	bool offers_tls12;
	bool is_tls12; /* a ServerHello without supported_versions */
	bool null_compression; /* is among the methods */
	bool fallback; /* TLS_FALLBACK_SCSV */
	bool renegotiation_scsv;
	bool malformed_point_formats; /* without the uncompressed one */
	bool ffdhe; /* any group of RFC 7919 */
	bool ffdhe2048;
	bool ffdhe3072;
	uint32_t suites_shared; /* bit i: the client has config.suites[i] */
	uint32_t groups_shared;
	uint32_t schemes_shared; /* in a CertificateRequest, too */
	struct reader schemes; /* the list itself */
	struct reader schemes_cert; /* of signature_algorithms_cert */
	bool takes_rsa; /* certificate_types of a CertificateRequest of TLS 1.2 */
	bool takes_ecdsa;
	uint32_t shares_present; /* bit i: shares[i] is a share of config.groups[i] */
	struct reader shares[HS_MAX_LIST];
	uint16_t share_group; /* of a ServerHello or HelloRetryRequest */
	struct reader share;
	struct reader cookie;
	struct reader server_name;
	struct reader alpn;
	uint16_t record_limit;
	bool psk_dhe; /* psk_key_exchange_modes has psk_dhe_ke */
	bool malformed_psk;
	struct reader identities;
	struct reader binders;
	const uint8_t *binders_at; /* where the list of binders begins, with its length */
	uint16_t psk_selected;

	/* NewSessionTicket */
	uint32_t lifetime;
	uint32_t age_add;
	struct reader nonce;
	struct reader ticket;

	/* Certificate */
	struct hs_der chain[CHAIN_MAX];
	size_t chain_count;
	bool wants_staple; /* status_request of a ClientHello names OCSP */
	struct reader staple;
	struct reader authorities; /* of a CertificateRequest */

	/* ServerKeyExchange */
	struct reader params;
	struct reader dh_prime;
	struct reader dh_generator;

	/* CertificateVerify, ServerKeyExchange, Finished */
	uint16_t scheme;
	struct reader signature;
};

struct actions {
	struct hs_action list[ACTIONS_MAX];
	size_t offset[ACTIONS_MAX]; /* of a DATA action's bytes in out */
	size_t count;
	size_t taken;
	struct writer out;
};

struct hs_engine {
	enum hs_role role;
	enum state state;
	struct config config;
	struct actions actions;
	size_t input_total;
	bool epoch_ended; /* nothing may follow in this delivery */

	struct transcript transcript;
	struct key_schedule keys;
	struct crypto_share *share;

	/* TLS 1.2 */
	struct crypto_dh *dh;
	uint8_t premaster[PREMASTER_MAX];
	size_t premaster_len;
	struct secret master;
	uint16_t client_version; /* server: as the ClientHello says */
	uint8_t server_random[HS_RANDOM_LEN];
	bool extended_master_secret;

	/* what this side said */
	uint32_t extensions_offered;
	uint32_t extensions_requested; /* in a CertificateRequest */
	uint16_t grease[GREASE_COUNT]; /* client: by place; 0: none */
	bool sent_change_cipher_spec;
	uint8_t client_random[HS_RANDOM_LEN];
	uint8_t session_id[SESSION_ID_MAX];
	size_t session_id_len;

	/* HelloRetryRequest */
	bool retried;
	uint16_t retry_suite;
	uint16_t retry_group; /* 0: the retry named none */
	uint8_t *first_hello; /* server: the extensions of the first ClientHello, ... */
	size_t first_hello_len;
	uint8_t first_hello_fields[HASH_MAX]; /* ... and a SHA-256 of what stands before them */
	uint8_t *cookie;
	size_t cookie_len;

	/* resumption */
	struct session *session; /* what is offered, or was taken */
	bool psk_offered; /* it is one of TLS 1.3 */
	bool external; /* the key that was taken is no session's */
	bool session_offered; /* it is one of TLS 1.2 */
	bool client_wants_tickets;
	bool resumed;
	int64_t authenticated; /* of a resumed session: its full handshake */
	bool ticket_promised; /* TLS 1.2: the ServerHello says that one will come */
	uint8_t server_session_id[SESSION_ID_MAX]; /* TLS 1.2: what the ServerHello says */
	size_t server_session_id_len;
	uint8_t *new_ticket; /* TLS 1.2, client */
	size_t new_ticket_len;
	uint32_t new_ticket_lifetime;

	/* what was agreed */
	uint16_t version;
	const struct suite *suite;
	const struct group *group;
	const struct scheme *scheme; /* of our own CertificateVerify */
	const struct scheme *peer_scheme;
	struct hs_credential *credential; /* borrowed from config */
	bool certificate_requested;
	uint32_t peer_schemes; /* bit i: the peer verifies config.schemes[i] */
	bool server_name_used;
	struct certificates *peer;
	uint8_t *peer_bytes;
	uint8_t *staple_bytes;
	bool staple_promised; /* TLS 1.2 */
	struct hs_der peer_chain[CHAIN_MAX];
	struct hs_summary summary;
	bool chain_verified;
	bool complete;

	struct incoming in;
	char text[HS_MAX_TEXT];
	int error; /* negative errno of the failure */
};

/* engine.c */

/* Records the failure where it is known. Returns -@error. Only the first one counts. */
int engine_fail(struct hs_engine *e, enum alert alert, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
int engine_fail_verify(struct hs_engine *e, int verify_code, const char *text);
/* Turns the negative errno of a primitive into a failure of ours; passes 0 through. */
int engine_check(struct hs_engine *e, int rc, const char *what);
/* To the caller that asked for secrets, if there is one. */
void engine_tell(const struct hs_engine *e, const char *name, const uint8_t *bytes, size_t len);

/* config.c */
int config_copy(struct config *to, const struct hs_config *from, enum hs_role role);
void config_release(struct config *c);
int config_check(struct hs_engine *e); /* engine_fail() for what makes no sense */
int suite_index(const struct config *c, uint16_t code); /* -1: not in the policy */
int group_index(const struct config *c, uint16_t code);
int scheme_index(const struct config *c, uint16_t code);

/* actions.c */
void actions_clear(struct actions *a);
void actions_release(struct actions *a);
struct hs_action *actions_add(struct hs_engine *e, enum hs_action_type type);
size_t message_begin(struct hs_engine *e, enum message_type type);
/* Closes the message, adds it to the transcript and to the DATA of its epoch. */
int message_end(struct hs_engine *e, size_t mark, enum hs_epoch epoch);
/* What stands in the buffer from @offset on is the peer's. */
int action_data(struct hs_engine *e, enum hs_epoch epoch, enum hs_content_type type, size_t offset);
int action_change_cipher_spec(struct hs_engine *e);
int action_key(struct hs_engine *e, enum hs_direction direction, enum hs_epoch epoch,
	       const struct secret *secret);
int action_continue(struct hs_engine *e);
int action_complete(struct hs_engine *e);
void action_fail(struct hs_engine *e, enum alert alert, int error, int verify_code);

/* hello.c */
extern const uint8_t retry_random[HS_RANDOM_LEN];
int new_share(struct hs_engine *e, const struct group *group);
/* What became of the peer's share: -EBADMSG is the peer's fault. */
int judge_share(struct hs_engine *e, int rc);
/* After the ServerHello is in the transcript. */
int start_handshake_keys(struct hs_engine *e, const struct shared_secret *shared);
/* Server: the second ClientHello must repeat the first, RFC 8446 section 4.1.2. */
int remember_first_hello(struct hs_engine *e);
int check_second_hello(struct hs_engine *e);
/* What the peer said of its record_size_limit, once the version is known */
void take_record_limit(struct hs_engine *e);
void fill_summary(struct hs_engine *e);
void release_exchange(struct hs_engine *e); /* wipes key shares and the pre-master secret */
void release_handshake(struct hs_engine *e); /* frees what only a handshake needs */
/* Fills the summary in, wipes what is not needed any more, emits COMPLETE. */
int complete_handshake(struct hs_engine *e);

/* client_tls13.c */
int client_start(struct hs_engine *e);
int parse_server_hello(struct hs_engine *e, struct reader *r);
int act_server_hello(struct hs_engine *e);
int client_take_alpn(struct hs_engine *e); /* what the server chose */
int parse_encrypted_extensions(struct hs_engine *e, struct reader *r);
int act_encrypted_extensions(struct hs_engine *e);
int parse_certificate_request(struct hs_engine *e, struct reader *r);
int act_certificate_request(struct hs_engine *e);
int act_server_finished(struct hs_engine *e);

/* server_tls13.c */
int parse_client_hello(struct hs_engine *e, struct reader *r);
int act_client_hello(struct hs_engine *e);
int act_client_finished(struct hs_engine *e);
size_t first_of(uint32_t bits); /* the index of the lowest bit: our own first preference */
void take_client(struct hs_engine *e);
int choose_alpn(struct hs_engine *e);
/* One that fits e->suite and the name asked for. @named: there was one with the name. */
bool find_named_credential(struct hs_engine *e, bool *named);
bool find_other_credential(struct hs_engine *e); /* that the policy gives to other names */
int refuse_credential(struct hs_engine *e, bool named);

/* session_client.c */
int client_take_session(struct hs_engine *e);
void forget_session(struct hs_engine *e);

/* psk_tls13.c */
/* Fills the binder of the ClientHello that begins at @mark in. */
int client_bind(struct hs_engine *e, size_t mark);
void client_rebind(struct hs_engine *e); /* after a HelloRetryRequest */
int client_take_psk(struct hs_engine *e); /* after a ServerHello */
int parse_new_session_ticket(struct hs_engine *e, struct reader *r);
int act_new_session_ticket(struct hs_engine *e);
int server_take_psk(struct hs_engine *e);
/* May a session of this suite go on in this handshake? */
bool suite_fits(struct hs_engine *e, const struct suite *suite);
/* 0, or a negative errno: the binder is wrong, and that is recorded */
int check_binder(struct hs_engine *e, const struct session *s, struct reader binder);
int server_send_ticket(struct hs_engine *e);

/* psk_external.c */
int client_offer_external(struct hs_engine *e); /* where there is no session */
int server_take_external(struct hs_engine *e);

/* auth_tls13.c */
int keep_chain(struct hs_engine *e); /* e->in.chain: the summary shows it */
/* Verifies e->peer. 0, an X509_V_ERR code with its reason in @text, or a negative errno. */
int certificates_judge(struct hs_engine *e, char *text);
int parse_certificate(struct hs_engine *e, struct reader *r);
int judge_staple(struct hs_engine *e); /* e->in.staple, of a chain that was judged */
/* The client's credential for a CertificateRequest, if one serves; @fits may be NULL. */
void choose_client_credential(struct hs_engine *e, bool (*fits)(const struct hs_engine *e,
								const struct hs_credential *c));
int take_certificate(struct hs_engine *e); /* keeps, parses and judges e->in.chain */
int act_certificate(struct hs_engine *e);
int parse_certificate_verify(struct hs_engine *e, struct reader *r);
int act_certificate_verify(struct hs_engine *e);
int parse_finished(struct hs_engine *e, struct reader *r);
int check_finished(struct hs_engine *e, const struct secret *base);
/* The first scheme of the policy that the peer verifies and @c can make; NULL: none. */
const struct scheme *choose_scheme(const struct hs_engine *e, const struct hs_credential *c);
/* Does the peer verify all signatures of the chain? It should get another one, if there is one. */
bool chain_fits(const struct hs_engine *e, const struct hs_credential *c);
int write_certificate(struct hs_engine *e, const struct hs_credential *c);
/* The scheme in e->scheme and a signature over @content, in either version. */
int write_signature(struct hs_engine *e, const uint8_t *content, size_t len);
int write_certificate_verify(struct hs_engine *e);
int write_finished(struct hs_engine *e, const struct secret *base);

#endif
