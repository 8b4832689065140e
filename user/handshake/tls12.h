/* SPDX-License-Identifier: MIT */
/*
 * tls12.h - what client and server of TLS 1.2 share, RFC 5246 section 7.4
 *
 * Prototypes grouped by file. It must never be reached by a connection of TLS 1.3, but for
 * the step out of the hellos.
 */
#ifndef HANDSHAKE_TLS12_H
#define HANDSHAKE_TLS12_H

#include "extensions.h"
#include "prf.h"

#define DOWNGRADE_TLS12 1 /* the last byte of the sentinel, RFC 8446 section 4.1.3 */

/* keys_tls12.c */
int master_from_premaster(struct hs_engine *e, const uint8_t *premaster, size_t len);
int action_key_tls12(struct hs_engine *e, enum hs_direction direction);
int parse_finished_tls12(struct hs_engine *e, struct reader *r);
int check_finished_tls12(struct hs_engine *e); /* and adds it to the transcript */
/* What ends a side's part, RFC 5246 section 7.3: change_cipher_spec, the key, Finished */
int send_last_tls12(struct hs_engine *e);
int complete_tls12(struct hs_engine *e);
int export_tls12(struct hs_engine *e, const char *label, const uint8_t *context, size_t context_len,
		 uint8_t *out, size_t len);

/* auth_tls12.c */
int parse_certificate_tls12(struct hs_engine *e, struct reader *r);
int write_certificate_tls12(struct hs_engine *e, const struct hs_credential *c);
int parse_certificate_verify_tls12(struct hs_engine *e, struct reader *r);
int write_certificate_verify_tls12(struct hs_engine *e);
int act_certificate_verify_tls12(struct hs_engine *e);
/* A signature by the peer over @content; the scheme and the bytes are in e->in. */
int check_signature_tls12(struct hs_engine *e, const uint8_t *content, size_t len);
/* ClientCertificateType, RFC 5246 section 7.4.4, RFC 8422 section 5.5 */
#define CERTIFICATE_RSA_SIGN 1
#define CERTIFICATE_ECDSA_SIGN 64 /* and Ed25519 */

bool is_rsa(enum key_type key);
bool suite_takes_key(const struct suite *suite, enum key_type key);
bool curve_allowed(const struct config *c, enum key_type key);

/* client_tls12.c */
int act_server_hello_tls12(struct hs_engine *e);
int act_server_certificate_tls12(struct hs_engine *e);
int parse_certificate_status(struct hs_engine *e, struct reader *r);
int act_certificate_status(struct hs_engine *e);
int parse_server_key_exchange(struct hs_engine *e, struct reader *r);
int act_server_key_exchange(struct hs_engine *e);
int parse_certificate_request_tls12(struct hs_engine *e, struct reader *r);
int act_certificate_request_tls12(struct hs_engine *e);
int parse_server_hello_done(struct hs_engine *e, struct reader *r);
int act_server_hello_done(struct hs_engine *e);
int act_server_finished_tls12(struct hs_engine *e);
/* Ticket or Finished: whatever the server's change_cipher_spec may come after. */
int client_await_finished_tls12(struct hs_engine *e);

/* rsa_tls12.c */
/* Draws a pre-master secret and writes it, encrypted by the server's key. */
int client_send_premaster(struct hs_engine *e);
/* Of e->in.share. It never fails for what is in there: then nothing fits from Finished on. */
int server_take_premaster(struct hs_engine *e);

/* session_tls12.c */
int client_resume_tls12(struct hs_engine *e); /* a ServerHello took up what was offered */
int parse_new_session_ticket_tls12(struct hs_engine *e, struct reader *r);
int act_new_session_ticket_tls12(struct hs_engine *e);
int client_keep_session_tls12(struct hs_engine *e);
int server_take_session_tls12(struct hs_engine *e); /* e->resumed, or not */
int server_promise_session_tls12(struct hs_engine *e); /* before the ServerHello */
int server_send_ticket_tls12(struct hs_engine *e);
int server_keep_session_tls12(struct hs_engine *e);

/* server_tls12.c */
int act_client_hello_tls12(struct hs_engine *e);
int act_client_certificate_tls12(struct hs_engine *e);
int parse_client_key_exchange(struct hs_engine *e, struct reader *r);
int act_client_key_exchange(struct hs_engine *e);
int act_client_finished_tls12(struct hs_engine *e);

#endif
