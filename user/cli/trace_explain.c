// SPDX-License-Identifier: MIT
/*
 * trace_explain.c - what `tlsock trace` says between the messages: which key comes from what, and what was
 * agreed in the end (RFC 8446 section 7.1, RFC 5246 sections 6.3 and 8.1)
 *
 * Must never print a key.
 */
#include "trace.h"

#include "cli.h"

void trace_key(const struct hs_key *key, bool server)
{
	const char *side = (key->direction == HS_TX) != server ? "client" : "server";

	if (key->version == HS_TLS_1_3)
		trace_line("    key  %s %s traffic secret -> write key (%zu bytes) and IV (%zu)",
			   side, key->epoch == HS_EPOCH_HANDSHAKE ? "handshake" : "application",
			   key->key_len, key->iv_len);
	else
		trace_line(
			"    key  key block -> %s write key (%zu bytes) and IV (%zu), no MAC key "
			"(AEAD)",
			side, key->key_len, key->iv_len);
}

void trace_schedule(bool tls13)
{
	if (tls13) {
		trace_line(
			"    RFC 8446 section 7.1: Early Secret = Extract(0, PSK or 0); with the "
			"(EC)DHE shared\n    secret it gives the Handshake Secret, and that with 0 "
			"the Master Secret; each traffic\n    secret is Expand-Label of one of "
			"them over the hash of the messages so far.");
		return;
	}
	trace_line(
		"    RFC 5246 section 8.1: pre-master secret (of the key exchange) -> master "
		"secret (48\n    bytes, over the hash of the messages where extended_master_secret "
		"was agreed, RFC\n    7627) -> key block: MAC keys (none), write keys, IVs, both "
		"sides (section 6.3)");
}

void trace_change(bool sent, bool tls13)
{
	trace_line("%s change_cipher_spec       1 byte%s", sent ? "-->" : "<--",
		   tls13 ? ", for middleboxes (RFC 8446 appendix D.4)" : "");
}

static void explain_peer(const struct hs_summary *s, bool server, bool asked)
{
	if (s->psk)
		trace_detail("the peer is who it says: it has the pre-shared key");
	else if (s->peer_authenticated)
		trace_detail("the peer is who it says: its chain and its name verify");
	else if (server && !asked)
		trace_detail("the client was not asked who it is");
	else
		trace_detail("%sthe peer is NOT verified%s (X.509 code %d): there may be a man in "
			     "the middle",
			     colour(COLOUR_BAD), colour(COLOUR_NONE), s->verify_code);
}

void trace_end(const struct hs_summary *s, bool server, bool asked)
{
	struct suite_parts parts;

	trace_line("%s===  %s, %s%s", colour(COLOUR_STRONG), hs_version_name(s->version),
		   hs_suite_name(s->suite), colour(COLOUR_NONE));
	if (suite_parse(hs_suite_name(s->suite), &parts)) {
		trace_detail("key exchange %s, group %s; authentication %s; cipher %s; hash %s",
			     parts.key_exchange[0] ? parts.key_exchange : "(EC)DHE",
			     s->group ? hs_group_name(s->group) : "none",
			     s->scheme	? hs_scheme_name(s->scheme) :
			     s->resumed ? "of before" :
					  parts.authentication,
			     parts.cipher, parts.hash);
		trace_detail(
			parts.forward_secrecy ?
				"forward secret: who gets the certificate's key later cannot read "
				"this" :
				"NOT forward secret: the certificate's key opens it for ever");
	}
	if (s->resumed)
		trace_detail("resumed: who the peer is was proven when the session was made%s",
			     s->version == HS_TLS_1_3 ?
				     "" :
				     "; no new key exchange, so it is as secret as that session");
	explain_peer(s, server, asked);
}
