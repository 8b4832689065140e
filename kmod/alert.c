// SPDX-License-Identifier: GPL-2.0-only
/*
 * Alerts in both directions, close_notify among them: RFC 8446 section 6, RFC 5246
 * section 7.2. Everything under the socket lock.
 */
#include "tlsock.h"
#define CREATE_TRACE_POINTS
#include "trace.h"

#define ALERT_WARNING	1
#define ALERT_FATAL	2

const char *tlsock_alert_name(u8 description)
{
	switch (description) {
	case 0: return "close_notify";
	case 10: return "unexpected_message";
	case 20: return "bad_record_mac";
	case 22: return "record_overflow";
	case 40: return "handshake_failure";
	case 42: return "bad_certificate";
	case 43: return "unsupported_certificate";
	case 44: return "certificate_revoked";
	case 45: return "certificate_expired";
	case 46: return "certificate_unknown";
	case 47: return "illegal_parameter";
	case 48: return "unknown_ca";
	case 49: return "access_denied";
	case 50: return "decode_error";
	case 51: return "decrypt_error";
	case 70: return "protocol_version";
	case 71: return "insufficient_security";
	case 80: return "internal_error";
	case 86: return "inappropriate_fallback";
	case 90: return "user_canceled";
	case 100: return "no_renegotiation";
	case 109: return "missing_extension";
	case 110: return "unsupported_extension";
	case 112: return "unrecognized_name";
	case 113: return "bad_certificate_status_response";
	case 115: return "unknown_psk_identity";
	case 116: return "certificate_required";
	case 120: return "no_application_protocol";
	default: return "unknown alert";
	}
}

void tlsock_alert_send(struct sock *sk, struct tlsock_ctx *ctx, u8 level, u8 description)
{
	u8 alert[2] = { level, description };
	struct tlsock_txbuf *buf;

	sock_owned_by_me(sk);
	buf = tlsock_txbuf_new(sizeof(alert), sk->sk_allocation);
	if (!buf || tlsock_tx_record(sk, ctx, buf, TLSOCK_CT_ALERT, alert, sizeof(alert)))
		return;
	tlsock_inc(sk, TLSOCK_MIB_ALERTS_SENT);
	trace_tlsock_alert(sk, ctx, true, level, description);
	tlsock_tx_flush(sk, ctx);
}

void tlsock_close_notify(struct sock *sk, struct tlsock_ctx *ctx)
{
	if (ctx->state != TLSOCK_STATE_ESTABLISHED || ctx->tx.close_sent ||
	    sk->sk_shutdown & SEND_SHUTDOWN)
		return;
	/* what write() accepted goes first: the open record, then what TCP did not take */
	if (!list_empty(&ctx->tx.queue))
		tlsock_tx_flush_all(sk, ctx);
	if (list_empty(&ctx->tx.rec.node))
		tlsock_tx_close_record(sk, ctx);
	if (ctx->state != TLSOCK_STATE_ESTABLISHED)
		return;
	tlsock_alert_send(sk, ctx, ALERT_WARNING, TLSOCK_ALERT_CLOSE_NOTIFY);
	ctx->tx.close_sent = true;
	tlsock_tx_flush_all(sk, ctx);
}

int tlsock_alert_recv(struct sock *sk, struct tlsock_ctx *ctx)
{
	u8 alert[2];

	if (ctx->rx.rec.len != sizeof(alert)) {
		tlsock_fail(sk, ctx, EPROTO, TLSOCK_ALERT_DECODE_ERROR, 0,
			    "the peer sent a malformed alert");
		return -EPROTO;
	}
	tlsock_rx_copy(&ctx->rx, 0, alert, sizeof(alert));
	tlsock_inc(sk, TLSOCK_MIB_ALERTS_RECEIVED);
	trace_tlsock_alert(sk, ctx, false, alert[0], alert[1]);

	if (alert[1] == TLSOCK_ALERT_CLOSE_NOTIFY && ctx->state == TLSOCK_STATE_ESTABLISHED) {
		WRITE_ONCE(ctx->rx.eof, true);
		return 0;
	}
	/* RFC 8446 section 6.1: user_canceled is followed by close_notify. In TLS 1.2 other
	 * warnings exist too; they are bounded like all records without data.
	 */
	if (alert[1] == TLSOCK_ALERT_USER_CANCELED)
		return 0;
	if (alert[0] == ALERT_WARNING && alert[1] != TLSOCK_ALERT_CLOSE_NOTIFY && ctx->rx.keys &&
	    ctx->rx.keys->cipher->version == TLSOCK_TLS_1_2)
		return 0;

	ctx->alert_received = alert[1];
	tlsock_fail(sk, ctx, EPROTO, TLSOCK_ALERT_NONE, 0, "the peer sent the alert %s (%u)",
		    tlsock_alert_name(alert[1]), alert[1]);
	return -EPROTO;
}
