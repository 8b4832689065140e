/* SPDX-License-Identifier: MIT */
/*
 * control.h - the supervisor's control socket: what root may listen to, and whether somebody does
 *
 * It takes no configuration and no command that changes what a handshake does. Who connects has to be
 * uid 0, whatever the permissions of the file have become. Must never block, and never wait for
 * who is connected.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include "feed.h"

#define CONTROL_CLIENTS 8
#define CONTROL_FEEDS 2 /* the key log, handshakes */

struct control_client {
	int fd; /* -1: the place is free */
	int pid;
};

struct control {
	int ready_fd; /* readable when control_serve() has something to do; -1: there is none */
	int listener;
	char path[108];
	const char *keylog_file; /* as the command line names it, or NULL */
	/* The answer to CONTROL_CREDENTIAL in @out; false: there are no more. NULL: nobody knows. */
	bool (*credential)(const void *of, size_t n, char *out, size_t size);
	const void *of;
	struct control_client clients[CONTROL_CLIENTS];
	struct {
		struct feed *feed;
		struct control_client *listener; /* or NULL */
	} feeds[CONTROL_FEEDS];
};

/*
 * Makes the socket @path, mode 0600, in a folder that is made if it is not there. A socket without a
 * listener is replaced. 0 or a negative errno: -EADDRINUSE for one that has a listener, -EPERM for a folder
 * that is another's or that others can write.
 */
int control_open(struct control *c, const char *path, struct feed *const feeds[CONTROL_FEEDS],
		 const char *keylog_file);
/* Who knows the credentials; @of is whose. */
void control_tell(struct control *c,
		  bool (*credential)(const void *of, size_t n, char *out, size_t size),
		  const void *of);
void control_serve(struct control *c);
void control_close(struct control *c); /* in the supervisor, at its end: the file goes too */
void control_forget(struct control *c); /* in a worker: the descriptors alone */

#endif
