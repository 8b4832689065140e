/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/*
 * tlsock: TLS as a property of a TCP socket.
 *
 * This header is the whole contract between the tlsock kernel module, the
 * applications that use it (socket options, part 1) and the handshake daemon
 * (generic netlink, part 2). It is the only header that kernel and user space
 * share. Numbers and layouts given here never change; structs grow at their end.
 */
#ifndef _UAPI_LINUX_TLSOCK_H
#define _UAPI_LINUX_TLSOCK_H

#include <linux/types.h>

/*
 * Part 1: applications
 *
 *	setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tlsock", 6)
 *
 * before connect() or listen(), or on a connected socket; afterwards options at
 * level SOL_TLS. TLS_TX and TLS_RX of <linux/tls.h> work too (keys by hand).
 *
 * Setters only store and return at once. All of them fail with
 *	EINVAL	 wrong length or value (an option is never truncated)
 *	EISCONN	 the handshake has begun; the option can no longer count
 *	ENOPROTOOPT  no such option
 *	EFAULT, ENOMEM
 * Getters are answered by the kernel alone, never by the daemon.
 */
#define TLSOCK_ULP_NAME		"tlsock"

#ifndef SOL_TLS
#define SOL_TLS			282
#endif

/* Names: 1 to 255 bytes; no NUL inside, a trailing NUL is accepted and not kept. */
#define TLSOCK_NAME_MAX		255

/* char[]: DNS name or IP address literal, for SNI (RFC 6066) and verification.
 * On an accepted socket getsockopt() gives the name that the client asked for.
 */
#define TLSOCK_SERVER_NAME	0x100
/* char[]: a certificate and key that the daemon holds. Never a path or PEM. */
#define TLSOCK_CREDENTIAL	0x101
/* char[]: a trust store that the daemon holds; default "system" */
#define TLSOCK_TRUST		0x102
/* char[]: a policy that the daemon holds; default "default" */
#define TLSOCK_PROFILE		0x103
/* __u8[]: ProtocolNameList of RFC 7301 section 3.1 without its outer length:
 * (length byte, name)*, at most 255 bytes, in order of preference
 */
#define TLSOCK_ALPN		0x104
/* int: enum tlsock_verify; a client's default is REQUIRED, a server's NONE */
#define TLSOCK_VERIFY		0x105
/* int: milliseconds, 1 to 3600000, for the whole handshake; default 10000 */
#define TLSOCK_TIMEOUT_MS	0x106
/* int: enum tlsock_eof; may be changed at any time */
#define TLSOCK_EOF		0x107
/* int: enum tlsock_role: start the handshake now, on a connected socket
 * (STARTTLS). ENOTCONN: TCP is not established. EALREADY, EISCONN: started
 * before. EDESTADDRREQ: a client that verifies needs TLSOCK_SERVER_NAME.
 * EINVAL: a server needs TLSOCK_CREDENTIAL. ENOBUFS: a limit on handshakes.
 */
#define TLSOCK_START		0x108
/* int, ignored: update the send key now (RFC 8446 section 4.6.3). ENOTCONN: no established
 * connection with a handshake of tlsock's own. EOPNOTSUPP: TLS 1.2 has none, or there is no
 * traffic secret. EPIPE: shut down for writing.
 * EAGAIN: TCP has not taken what was written before.
 */
#define TLSOCK_KEY_UPDATE	0x109
/* int: pad the records of application data, so that their lengths tell less (RFC 8446 section
 * 5.4): content and padding are a multiple of so many bytes, 0 (off, the default) to 16384, or as
 * much as a record holds. May be changed at any time. EOPNOTSUPP: this connection is TLS 1.2,
 * which has no padding; set before the version is known, it has no effect there. EBUSY: a record
 * that MSG_MORE left open has to go first.
 */
#define TLSOCK_PADDING		0x10a

/* struct tlsock_info, as much of it as fits; always succeeds */
#define TLSOCK_INFO		0x120
/* struct tlsock_error, as much of it as fits; error 0 when nothing failed */
#define TLSOCK_ERROR		0x121
/* struct tlsock_cert[], leaf first, each entry padded to 4 bytes. ENODATA: no
 * peer certificate. ERANGE: the buffer is too small; optlen says what is needed.
 */
#define TLSOCK_PEER_CERT	0x122
/* __u8[32]: tls-exporter of RFC 9266. ENODATA: not established. ERANGE as above. */
#define TLSOCK_CHANNEL_BINDING	0x123

enum tlsock_role {
	TLSOCK_ROLE_NONE,
	TLSOCK_ROLE_CLIENT,
	TLSOCK_ROLE_SERVER,
};

enum tlsock_verify {
	TLSOCK_VERIFY_NONE,	/* the peer is not asked, or not believed */
	TLSOCK_VERIFY_OPTIONAL,	/* a server: a certificate given must be good. A client: as
				 * REQUIRED, but a bad one is only told in TLSOCK_INFO
				 */
	TLSOCK_VERIFY_REQUIRED,
};

enum tlsock_eof {
	TLSOCK_EOF_STRICT,	/* a FIN without close_notify is EPROTO */
	TLSOCK_EOF_LENIENT,	/* it is an end of file, at a record's end */
};

enum tlsock_state {
	TLSOCK_STATE_IDLE,	/* nothing started; read and write give ENOTCONN */
	TLSOCK_STATE_CONNECTING, /* TCP's own handshake */
	TLSOCK_STATE_HANDSHAKE,	/* read and write wait, or EAGAIN */
	TLSOCK_STATE_ESTABLISHED,
	TLSOCK_STATE_FAILED,	/* TLSOCK_ERROR says why */
	TLSOCK_STATE_MANUAL,	/* keys were set by TLS_TX or TLS_RX */
	TLSOCK_STATE_LISTEN,
};

/* tlsock_info.flags */
#define TLSOCK_INFO_RESUMED	(1U << 0)
#define TLSOCK_INFO_VERIFIED	(1U << 1) /* the peer's certificate was verified */
#define TLSOCK_INFO_CLOSE_SENT	(1U << 2) /* close_notify */
#define TLSOCK_INFO_CLOSE_RECEIVED (1U << 3)

struct tlsock_info {
	__u32 size;		/* of the struct the kernel knows, in bytes */
	__u32 flags;		/* TLSOCK_INFO_* */
	__u8 state;		/* enum tlsock_state */
	__u8 role;		/* enum tlsock_role */
	__u8 verify;		/* enum tlsock_verify as it was applied */
	__u8 alpn_len;		/* 0: none was agreed */
	__u16 version;		/* 0x0304 for TLS 1.3; 0 while unknown */
	__u16 cipher_suite;	/* IANA TLS Cipher Suites; 0 when set by hand */
	__u16 group;		/* IANA TLS Supported Groups; 0: none, or a prime of no name */
	__u16 signature_scheme;	/* of the authentication that the peer checked or made */
	__u32 x509_verify;	/* X509_V_* as the daemon found it; 0: good or not asked */
	__u64 tx_records;	/* since the ULP was attached, all content types */
	__u64 rx_records;
	__u64 tx_bytes;		/* application data */
	__u64 rx_bytes;
	__u32 tx_key_updates;
	__u32 rx_key_updates;
	__u64 id;		/* of the connection, as the daemon's log names it; 0: none */
	__u8 alpn[256];
	__u16 max_payload;	/* bytes of content in a record that is sent, at most: the peer's
				 * record_size_limit (RFC 8449), or TLS_TX_MAX_PAYLOAD_LEN
				 */
	__u8 reserved[6];
};

struct tlsock_error {
	__u32 size;		/* of the struct the kernel knows, in bytes */
	__s32 error;		/* errno, positive; 0: nothing failed */
	__u8 alert_sent;	/* AlertDescription (RFC 8446 section 6), or TLSOCK_ALERT_NONE */
	__u8 alert_received;	/* likewise */
	__u16 reserved;
	__u32 x509_verify;	/* X509_V_ERR_*; 0: not the reason */
	char text[240];		/* one sentence, NUL-terminated, UTF-8 */
};

#define TLSOCK_ALERT_NONE	255

struct tlsock_cert {
	__u32 len;		/* bytes of der, without padding */
	__u8 der[];
};

/*
 * Part 2: the daemon, generic netlink
 *
 * All commands need CAP_NET_ADMIN in the user namespace of the network namespace.
 * A socket that sent REGISTER is a worker. It PULLs; when a PULL has nothing to
 * give, the worker is armed, and one DOORBELL follows as soon as there is something.
 * Connections go to the worker that PULLs them and stay its own. When its socket
 * closes, those to which nothing was sent yet go to another worker with the
 * generation raised; the others fail with ECONNABORTED.
 */
#define TLSOCK_GENL_NAME	"tlsock"
#define TLSOCK_GENL_VERSION	1
#define TLSOCK_GENL_MCGRP_MONITOR "monitor"

#define TLSOCK_COOKIE_MAX	8192

enum tlsock_cmd {
	TLSOCK_CMD_UNSPEC,
	/* worker -> kernel. EALREADY: this socket is a worker already. */
	TLSOCK_CMD_REGISTER,
	/* worker -> kernel: [MAX_CONNS] [MAX_BYTES]; the answer is any number of CONN_*
	 * messages and then the ack. ENOTCONN: not a worker. EAGAIN: the receive buffer is full;
	 * nothing was lost.
	 */
	TLSOCK_CMD_PULL,
	/* worker -> kernel: ID GENERATION ACTIONS. Applied in order, all or nothing.
	 * ENOENT: no such connection. ESTALE: another generation. EPERM: another
	 * worker's. EINVAL: malformed, or not allowed now (extack says what). EPIPE: TCP
	 * is gone. EOPNOTSUPP: no such cipher suite in this kernel. While the application is
	 * within a call on the socket the answer is 0, and the actions are done when it is not.
	 */
	TLSOCK_CMD_PUSH,
	/* kernel -> worker */
	TLSOCK_CMD_DOORBELL,
	TLSOCK_CMD_CONN_NEW,	/* ID GENERATION ROLE SERVER_NAME.. NETNS */
	TLSOCK_CMD_CONN_DATA,	/* ID GENERATION EPOCH DATA [MORE] */
	TLSOCK_CMD_CONN_GONE,	/* ID GENERATION: forget it */
	/* tool -> kernel */
	TLSOCK_CMD_DUMP,	/* one CONN_INFO each connection in its handshake */
	TLSOCK_CMD_STATS,	/* answer: STAT_* */
	TLSOCK_CMD_LIMITS,	/* set those LIMIT_* that are given; answer: all of them */
	TLSOCK_CMD_CONN_INFO,	/* kernel -> tool */
	/* kernel -> "monitor", for CAP_NET_ADMIN: EVENT ID ROLE and what is known */
	TLSOCK_CMD_EVENT,
	/* kernel -> worker: ID COOKIE DATA, one NewSessionTicket of a client's connection whose
	 * COMPLETE had this COOKIE; to any worker that takes new connections
	 */
	TLSOCK_CMD_CONN_TICKET,

	__TLSOCK_CMD_MAX,
	TLSOCK_CMD_MAX = __TLSOCK_CMD_MAX - 1
};

enum tlsock_attr {
	TLSOCK_A_UNSPEC,
	TLSOCK_A_PAD,
	TLSOCK_A_ID,		/* u64, random */
	TLSOCK_A_GENERATION,	/* u32 */
	TLSOCK_A_ROLE,		/* u8: enum tlsock_role */
	TLSOCK_A_SERVER_NAME,	/* NUL-terminated string, as are the next three */
	TLSOCK_A_CREDENTIAL,
	TLSOCK_A_TRUST,
	TLSOCK_A_PROFILE,
	TLSOCK_A_ALPN,		/* binary, as TLSOCK_ALPN */
	TLSOCK_A_VERIFY,	/* u8: enum tlsock_verify, the default already applied */
	TLSOCK_A_LOCAL,		/* binary: struct sockaddr_in or sockaddr_in6 */
	TLSOCK_A_PEER,		/* binary, likewise */
	TLSOCK_A_UID,		/* u32 in the user namespace of the reader's: who last
				 * named a credential, trust or profile, or attached the ULP
				 */
	TLSOCK_A_GID,		/* u32 */
	TLSOCK_A_PID,		/* u32: thread group, in the initial pid namespace */
	TLSOCK_A_NETNS,		/* u64: the namespace's cookie */
	TLSOCK_A_EPOCH,		/* u8: enum tlsock_epoch under which DATA arrived */
	TLSOCK_A_DATA,		/* binary: complete handshake messages with their headers */
	TLSOCK_A_MORE,		/* flag: the next CONN_DATA of this connection continues DATA */
	TLSOCK_A_MAX_CONNS,	/* u32: at most so many CONN_NEW; default 64. 0: no new connection,
				 * now or by doorbell, until the next PULL
				 */
	TLSOCK_A_MAX_BYTES,	/* u32: at most about so many bytes; default 65536 */
	TLSOCK_A_ACTIONS,	/* nest: TLSOCK_ACT_* in their order; may repeat: one list */
	TLSOCK_A_EVENT,		/* u8: enum tlsock_event */
	TLSOCK_A_ERROR,		/* s32: errno, positive */
	TLSOCK_A_TEXT,		/* string */
	TLSOCK_A_VERSION,	/* u16 */
	TLSOCK_A_SUITE,		/* u16 */
	/* u64 counters of the network namespace */
	TLSOCK_A_STAT_TX_RECORDS,
	TLSOCK_A_STAT_RX_RECORDS,
	TLSOCK_A_STAT_TX_BYTES,
	TLSOCK_A_STAT_RX_BYTES,
	TLSOCK_A_STAT_HS_STARTED,
	TLSOCK_A_STAT_HS_DONE,
	TLSOCK_A_STAT_HS_FAILED,
	TLSOCK_A_STAT_DECRYPT_ERROR,
	TLSOCK_A_STAT_WORKERS,
	TLSOCK_A_STAT_IN_FLIGHT,
	/* u32 limits of the network namespace */
	TLSOCK_A_LIMIT_GRACE_MS,	/* how long a handshake waits for a daemon; 3000 */
	TLSOCK_A_LIMIT_HS_NETNS,	/* handshakes in flight; 16384 */
	TLSOCK_A_LIMIT_HS_UID,		/* 8192 */
	TLSOCK_A_LIMIT_HS_LISTENER,	/* 8192 */
	TLSOCK_A_COOKIE,	/* binary: as COMPLETE gave it */
	TLSOCK_A_STAT_HS_RESUMED, /* of those done */
	TLSOCK_A_NETNS_INODE,	/* u32: the namespace's, if it is not the reader's own */

	__TLSOCK_A_MAX,
	TLSOCK_A_MAX = __TLSOCK_A_MAX - 1
};

/* RFC 9147 section 6.1 numbers the epochs of TLS 1.3 so; TLS 1.2 uses 0 and 3. */
enum tlsock_epoch {
	TLSOCK_EPOCH_INITIAL = 0,
	TLSOCK_EPOCH_EARLY = 1,	/* never used */
	TLSOCK_EPOCH_HANDSHAKE = 2,
	TLSOCK_EPOCH_APPLICATION = 3,
};

enum tlsock_direction {
	TLSOCK_DIR_TX = 1,
	TLSOCK_DIR_RX = 2,
};

/*
 * What a PUSH can ask for; each is a nest of TLSOCK_AA_* under ACTIONS.
 *
 * DATA		EPOCH CONTENT_TYPE DATA [MAX_PAYLOAD]: send. EPOCH must be that of the send
 *		key in force. CONTENT_TYPE is 22 (handshake), or 20 (change_cipher_spec), which is
 *		never encrypted and never the application's; alone, it waits for the record that
 *		comes next. Records are cut by the kernel, with
 *		MAX_PAYLOAD bytes of content at most, which an unprotected record cannot have.
 * KEY		DIRECTION EPOCH VERSION SUITE KEY IV [SEQ] [SECRET]: in force from here on.
 *		Epochs only rise; all keys are of one version. SECRET (TLS 1.3, application) lets
 *		the kernel answer KeyUpdate. An RX key with bytes of the old epoch not yet taken
 *		ends the connection with unexpected_message (RFC 8446 section 5.1).
 *		An RX key of TLS 1.2 waits for the peer's change_cipher_spec and is in force from
 *		there on (RFC 5246 section 7.1); one that came before this KEY, or within a message,
 *		ends the connection likewise.
 * CONTINUE	read on.
 * COMPLETE	VERSION SUITE [GROUP] [SIGNATURE_SCHEME] [FLAGS] [ALPN] [VERIFY_CODE]
 *		[PEER_CERT]* [CHANNEL_BINDING] [SERVER_NAME] [COOKIE] [MAX_PAYLOAD]: the application
 *		may go on.
 *		Needs keys of VERSION and the application epoch in force in both directions.
 *		Must be last. COOKIE (a client of TLS 1.3) asks for the NewSessionTickets to come:
 *		the first four, if they have at most 16 KiB, each come back with it in a
 *		CONN_TICKET. Without it, or when too many wait or there is no worker, they are
 *		dropped. MAX_PAYLOAD: no record has more bytes of content and padding from now on,
 *		as the peer's record_size_limit says (RFC 8449; the content type of TLS 1.3, which
 *		that counts, not included), whatever TLS_TX_MAX_PAYLOAD_LEN may say.
 * FAIL		ERRNO [ALERT] [VERIFY_CODE] [TEXT]: send ALERT under the key in force and fail.
 *		Must be last.
 */
enum tlsock_action {
	TLSOCK_ACT_UNSPEC,
	TLSOCK_ACT_DATA,
	TLSOCK_ACT_KEY,
	TLSOCK_ACT_CONTINUE,
	TLSOCK_ACT_COMPLETE,
	TLSOCK_ACT_FAIL,

	__TLSOCK_ACT_MAX,
	TLSOCK_ACT_MAX = __TLSOCK_ACT_MAX - 1
};

enum tlsock_action_attr {
	TLSOCK_AA_UNSPEC,
	TLSOCK_AA_PAD,
	TLSOCK_AA_EPOCH,	/* u8: enum tlsock_epoch */
	TLSOCK_AA_CONTENT_TYPE,	/* u8 */
	TLSOCK_AA_DATA,		/* binary, 1 to 65000 bytes; several DATA make a longer flight */
	TLSOCK_AA_DIRECTION,	/* u8: enum tlsock_direction */
	TLSOCK_AA_VERSION,	/* u16 */
	TLSOCK_AA_SUITE,	/* u16 */
	TLSOCK_AA_KEY,		/* binary: write key, the suite's length */
	TLSOCK_AA_IV,		/* binary: write IV, 12 bytes; TLS 1.2 AES-GCM: 4 */
	TLSOCK_AA_SEQ,		/* u64: first sequence number, default 0 */
	TLSOCK_AA_SECRET,	/* binary: traffic secret, the hash's length */
	TLSOCK_AA_GROUP,	/* u16 */
	TLSOCK_AA_SIGNATURE_SCHEME, /* u16 */
	TLSOCK_AA_FLAGS,	/* u32: TLSOCK_INFO_RESUMED, TLSOCK_INFO_VERIFIED */
	TLSOCK_AA_ALPN,		/* binary: the agreed protocol, 1 to 255 bytes */
	TLSOCK_AA_VERIFY_CODE,	/* u32: X509_V_* */
	TLSOCK_AA_PEER_CERT,	/* binary: DER, each its own, leaf first; at most 100 KiB in all */
	TLSOCK_AA_CHANNEL_BINDING, /* binary: 32 bytes */
	TLSOCK_AA_SERVER_NAME,	/* string: the name the client asked for */
	TLSOCK_AA_ERRNO,	/* u32: positive */
	TLSOCK_AA_ALERT,	/* u8: AlertDescription; absent: none is sent */
	TLSOCK_AA_TEXT,		/* string, at most 239 bytes */
	TLSOCK_AA_COOKIE,	/* binary, 1 to TLSOCK_COOKIE_MAX bytes that mean nothing to the
				 * kernel
				 */
	TLSOCK_AA_MAX_PAYLOAD,	/* u16: bytes of content in a record, 63 (TLS 1.2: 64) to 16384 */

	__TLSOCK_AA_MAX,
	TLSOCK_AA_MAX = __TLSOCK_AA_MAX - 1
};

enum tlsock_event {
	TLSOCK_EVENT_UNSPEC,
	TLSOCK_EVENT_DONE,
	TLSOCK_EVENT_FAILED,
	TLSOCK_EVENT_KEY_UPDATE,
	TLSOCK_EVENT_CLOSED,
};

#endif /* _UAPI_LINUX_TLSOCK_H */
