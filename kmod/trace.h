/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: tlsock:tlsock_handshake, tlsock_record, tlsock_key_update, tlsock_alert. What they
 * tell identifies a connection (the id of the daemon's log, and its ports) and counts; no key, no
 * byte of content and no address of the kernel may ever be in them. alert.c instantiates them.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM tlsock

#if !defined(TLSOCK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TLSOCK_TRACE_H

#include <linux/tracepoint.h>
#include <net/inet_sock.h>

#include "tlsock.h"

#ifndef TLSOCK_TRACE_STEPS
#define TLSOCK_TRACE_STEPS
enum tlsock_trace_step {
	TLSOCK_TRACE_STARTED,
	TLSOCK_TRACE_DELIVERED,		/* a flight of the peer's, to the daemon */
	TLSOCK_TRACE_DONE,
	TLSOCK_TRACE_FAILED,
};
#endif

TRACE_DEFINE_ENUM(TLSOCK_TRACE_STARTED);
TRACE_DEFINE_ENUM(TLSOCK_TRACE_DELIVERED);
TRACE_DEFINE_ENUM(TLSOCK_TRACE_DONE);
TRACE_DEFINE_ENUM(TLSOCK_TRACE_FAILED);

#define tlsock_trace_step_name(step)			\
	__print_symbolic(step,				\
		{ TLSOCK_TRACE_STARTED, "started" },	\
		{ TLSOCK_TRACE_DELIVERED, "delivered" },\
		{ TLSOCK_TRACE_DONE, "done" },		\
		{ TLSOCK_TRACE_FAILED, "failed" })

#define tlsock_trace_type_name(type)			\
	__print_symbolic(type,				\
		{ 20, "change_cipher_spec" },		\
		{ 21, "alert" },			\
		{ 22, "handshake" },			\
		{ 23, "data" })

/* @number: bytes of the flight, or the errno of a failure, which may come after DONE too */
TRACE_EVENT(tlsock_handshake,
	TP_PROTO(const struct sock *sk, const struct tlsock_ctx *ctx, int step, u32 number),
	TP_ARGS(sk, ctx, step, number),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u16, sport)
		__field(u16, dport)
		__field(u8, role)
		__field(u8, step)
		__field(u32, number)
	),
	TP_fast_assign(
		__entry->id = ctx->id;
		__entry->sport = ntohs(inet_sk(sk)->inet_sport);
		__entry->dport = ntohs(inet_sk(sk)->inet_dport);
		__entry->role = ctx->role;
		__entry->step = step;
		__entry->number = number;
	),
	TP_printk("id=%016llx sport=%u dport=%u role=%s %s %u", __entry->id, __entry->sport,
		  __entry->dport, __entry->role == 1 ? "client" : "server",
		  tlsock_trace_step_name(__entry->step), __entry->number)
);

TRACE_EVENT(tlsock_record,
	TP_PROTO(const struct sock *sk, const struct tlsock_ctx *ctx, bool tx, u8 type,
		 u32 records, u32 bytes),
	TP_ARGS(sk, ctx, tx, type, records, bytes),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u16, sport)
		__field(u16, dport)
		__field(bool, tx)
		__field(u8, type)
		__field(u32, records)
		__field(u32, bytes)
	),
	TP_fast_assign(
		__entry->id = ctx->id;
		__entry->sport = ntohs(inet_sk(sk)->inet_sport);
		__entry->dport = ntohs(inet_sk(sk)->inet_dport);
		__entry->tx = tx;
		__entry->type = type;
		__entry->records = records;
		__entry->bytes = bytes;
	),
	TP_printk("id=%016llx sport=%u dport=%u %s type=%s records=%u bytes=%u", __entry->id,
		  __entry->sport, __entry->dport, __entry->tx ? "tx" : "rx",
		  tlsock_trace_type_name(__entry->type), __entry->records, __entry->bytes)
);

TRACE_EVENT(tlsock_key_update,
	TP_PROTO(const struct sock *sk, const struct tlsock_ctx *ctx, bool tx, u32 count),
	TP_ARGS(sk, ctx, tx, count),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u16, sport)
		__field(u16, dport)
		__field(bool, tx)
		__field(u32, count)
	),
	TP_fast_assign(
		__entry->id = ctx->id;
		__entry->sport = ntohs(inet_sk(sk)->inet_sport);
		__entry->dport = ntohs(inet_sk(sk)->inet_dport);
		__entry->tx = tx;
		__entry->count = count;
	),
	TP_printk("id=%016llx sport=%u dport=%u %s count=%u", __entry->id, __entry->sport,
		  __entry->dport, __entry->tx ? "tx" : "rx", __entry->count)
);

TRACE_EVENT(tlsock_alert,
	TP_PROTO(const struct sock *sk, const struct tlsock_ctx *ctx, bool tx, u8 level,
		 u8 description),
	TP_ARGS(sk, ctx, tx, level, description),
	TP_STRUCT__entry(
		__field(u64, id)
		__field(u16, sport)
		__field(u16, dport)
		__field(bool, tx)
		__field(u8, level)
		__field(u8, description)
	),
	TP_fast_assign(
		__entry->id = ctx->id;
		__entry->sport = ntohs(inet_sk(sk)->inet_sport);
		__entry->dport = ntohs(inet_sk(sk)->inet_dport);
		__entry->tx = tx;
		__entry->level = level;
		__entry->description = description;
	),
	TP_printk("id=%016llx sport=%u dport=%u %s level=%u description=%u", __entry->id,
		  __entry->sport, __entry->dport, __entry->tx ? "tx" : "rx", __entry->level,
		  __entry->description)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
