/* SPDX-License-Identifier: MIT */
/*
 * control_words.h - what tlsockd and the tool tlsock say to each other over the control socket
 *
 * A socket of type SOCK_SEQPACKET for each network namespace, root's alone. A question is a word, an
 * answer a text. Must stay so small that it cannot be said wrongly.
 */
#ifndef DAEMON_CONTROL_WORDS_H
#define DAEMON_CONTROL_WORDS_H

#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

#define CONTROL_DIR "/run/tlsockd"
#define CONTROL_TEXT 512 /* bytes of a question or an answer */

/*
 * Who listens? Two lines, of the key log and of handshakes: "off" or "pid N got N lost N"; of the key log
 * also "file PATH", or both with "; " between them.
 */
#define CONTROL_STATUS "status"
/*
 * "credential N": the N-th credential, from 0: when it expires, in seconds since 1970-01-01 UTC; the same in
 * words; its name, a line each. CONTROL_END: there are no more.
 */
#define CONTROL_CREDENTIAL "credential "
#define CONTROL_END "end"
/*
 * The key log, a line a message, or handshakes (live_words.h) from now on, until the connection ends.
 * CONTROL_OK with a socket to read from as SCM_RIGHTS; anything else is why not.
 */
#define CONTROL_KEYLOG "keylog"
#define CONTROL_LIVE "live"
#define CONTROL_OK "ok"

/* Where the socket of this network namespace is; 0 or -1. */
static inline int control_path(char *out, size_t size)
{
	struct stat st;

	if (stat("/proc/self/ns/net", &st))
		return -1;
	return snprintf(out, size, CONTROL_DIR "/net-%lu", (unsigned long)st.st_ino) < (int)size ?
		       0 :
		       -1;
}

#endif
