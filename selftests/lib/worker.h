/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * worker.h: a handshake worker that plays a script in place of a handshake. The messages have the
 * right types and lengths and nothing inside; the keys are those of key_of(). So the kernel's side
 * of the seam can be tried without a daemon, and a test knows every byte on the wire.
 */
#ifndef SELFTESTS_LIB_WORKER_H
#define SELFTESTS_LIB_WORKER_H

#include "netlink.h"
#include "record.h"

/* Handshake message types of RFC 8446 section 4 and RFC 5246 section 7.4. */
#define MSG_HELLO_REQUEST 0
#define MSG_CLIENT_HELLO 1
#define MSG_SERVER_HELLO 2
#define MSG_NEW_SESSION_TICKET 4
#define MSG_ENCRYPTED_EXTENSIONS 8
#define MSG_CERTIFICATE 11
#define MSG_SERVER_KEY_EXCHANGE 12
#define MSG_SERVER_HELLO_DONE 14
#define MSG_CERTIFICATE_VERIFY 15
#define MSG_CLIENT_KEY_EXCHANGE 16
#define MSG_FINISHED 20
#define MSG_KEY_UPDATE 24

struct script {
	uint16_t version; /* of COMPLETE alone; 0: TLS 1.3 */
	uint16_t suite; /* 0: that of AES-128-GCM */
	bool brief; /* application keys at once, no handshake epoch: for a raw peer */
	bool no_secret; /* KEY without SECRET */
	const char *alpn; /* agreed protocol, or none */
	size_t certs; /* so many certificates of cert_len bytes each */
	size_t cert_len;
	uint32_t flags; /* TLSOCK_INFO_* of COMPLETE */
	size_t cookie_len; /* a COOKIE of so many bytes, pattern_fill() of 0; 0: none */
	uint16_t max_payload; /* of COMPLETE; 0: none */
	uint32_t fail_errno; /* not 0: FAIL in place of the first answer */
	int fail_alert;
	uint64_t seq[4]; /* by epoch: the first sequence number of the keys, both directions */
};

struct worker {
	struct nl nl;
	struct script script;
	pthread_t thread;
	int stop_fd;
	int error; /* -errno of the first PUSH that failed for no known reason */
	bool running;
};

/* Register and play the script in a thread until worker_stop(): 0 or -errno. */
int worker_start(struct worker *w, const struct script *script);

/* End the thread and close the socket: the worker is dead for the kernel. */
void worker_stop(struct worker *w);

/* One step of the script for one event, in the caller's thread: 0 or the PUSH's -errno. */
int script_step(struct nl *nl, const struct script *s, const struct event *e);

/* Play the script in the caller's thread until the connection is complete: 0 or -errno. */
int script_run(struct nl *nl, const struct script *s, unsigned int completions);

/* A handshake message with len zero bytes as its body; its whole length. */
size_t hs_message(uint8_t type, size_t len, uint8_t *out);

/* Add a KEY action. */
void push_key(struct msg *m, uint8_t direction, uint8_t epoch, const struct rec_key *k,
	      bool with_secret);

/* Add the KEY actions of the application epoch for a role. */
void push_app_keys(struct msg *m, const struct script *s, bool server);

/* Add a COMPLETE action. */
void push_complete(struct msg *m, const struct script *s, bool server);

#endif
