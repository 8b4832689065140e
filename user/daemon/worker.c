// SPDX-License-Identifier: MIT
/*
 * worker.c - see worker.h
 */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"
#include "filter.h"
#include "seam.h"
#include "log.h"
#include "privilege.h"

#define CONNS_PER_PULL 64U
#define STOP_MS 3000 /* for handshakes in work when the daemon ends */
#define RETRY_MS 20 /* after the kernel had no memory for an answer */

struct worker {
	struct seam seam;
	struct connections connections;
	int control;
	int signals;
	bool draining; /* no new connections */
	int64_t deadline; /* monotonic ms; 0: none */
	bool orphan;
};

static int64_t now_us(void *ctx)
{
	struct timespec now;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t now_ms(void)
{
	return now_us(NULL) / 1000;
}

static int push_to_kernel(void *ctx, struct nl_msg *message, const char **reason)
{
	struct worker *w = ctx;
	int error = seam_request(&w->seam, message);

	*reason = w->seam.reason;
	return error;
}

static void stop(struct worker *w)
{
	w->draining = true;
	if (!w->deadline)
		w->deadline = now_ms() + STOP_MS;
}

/* Takes all that there is to do; 0: nothing is left and the doorbell is armed. */
static int work(struct worker *w)
{
	struct nlmsghdr *message;
	struct event event;
	int n;

	n = seam_pull(&w->seam, w->draining ? 0 : CONNS_PER_PULL);
	while (n > 0 && (message = seam_next(&w->seam))) {
		int error = event_parse(message, &event);

		if (error)
			log_write(LOG_ERR, NULL, "a message of the kernel is malformed: %s",
				  strerror(-error));
		else
			connections_event(&w->connections, &event);
	}
	return n;
}

/* A reload: what is made under the old configuration from now on nobody may use. */
static void drain(struct worker *w)
{
	w->draining = true;
	w->connections.sessions = NULL;
}

static void on_control(struct worker *w)
{
	char order;
	ssize_t n = read(w->control, &order, 1);

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
		w->orphan = true;
		stop(w);
	} else if (n == 1 && order == WORKER_DRAIN) {
		drain(w);
	} else if (n == 1 && order == WORKER_STOP) {
		stop(w);
	}
}

/* Waits for the doorbell or an order; @timeout: ms, -1 for as long as it takes. */
static int wait_for_news(struct worker *w, int timeout)
{
	struct pollfd fds[] = {
		{ .fd = w->seam.fd, .events = POLLIN },
		{ .fd = w->orphan ? -1 : w->control, .events = POLLIN },
		{ .fd = w->signals, .events = POLLIN },
	};
	struct signalfd_siginfo info;

	if (w->deadline) {
		int64_t left = w->deadline - now_ms();

		if (timeout < 0 || left < timeout)
			timeout = left > 0 ? (int)left : 0;
	}
	if (poll(fds, 3, timeout) < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[2].revents && read(w->signals, &info, sizeof(info)) > 0)
		stop(w);
	if (fds[1].revents)
		on_control(w);
	return fds[0].revents ? seam_drain(&w->seam) : 0;
}

static bool finished(const struct worker *w)
{
	return w->draining && (!w->connections.count || (w->deadline && now_ms() >= w->deadline));
}

static int loop(struct worker *w)
{
	int error = 0;

	while (!error && !finished(w)) {
		int n = work(w);

		if (n > 0)
			error = wait_for_news(w, 0); /* orders count even under load */
		else if (n == -EAGAIN)
			error = wait_for_news(w, RETRY_MS);
		else if (n < 0)
			error = n;
		else if (!finished(w))
			error = wait_for_news(w, connections_tell(&w->connections));
	}
	return error;
}

static int set_up(struct worker *w, const struct config *config, const struct tickets *tickets,
		  struct sessions *sessions, const struct keylog *keylog, const struct feed *live)
{
	sigset_t set;
	int error;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT); /* of the terminal; the supervisor has it too */
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_SETMASK, &set, NULL))
		return -errno;
	sigdelset(&set, SIGINT);
	sigdelset(&set, SIGHUP);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (w->signals < 0)
		return -errno;
	error = privilege_worker(config->has_user && geteuid() == 0, config->uid, config->gid);
	if (error)
		return error;
	if (config->keeper && keeper_join(config->keeper))
		log_write(LOG_ERR, NULL, "worker: the keys in tokens are out of reach");
	error = seam_open(&w->seam);
	if (error)
		return error;
	w->connections.config = config;
	w->connections.family = w->seam.family;
	w->connections.keylog = keylog;
	w->connections.live = live;
	w->connections.tickets = tickets;
	w->connections.sessions = sessions;
	w->connections.push = push_to_kernel;
	w->connections.now_us = now_us;
	w->connections.ctx = w;
	error = connections_init(&w->connections);
	if (!error)
		error = seam_register(&w->seam);
	return error ? error : filter_worker(); /* last: what comes now is a peer's */
}

int worker_run(const struct config *config, const struct tickets *tickets,
	       struct sessions *sessions, int control, const struct keylog *keylog,
	       const struct feed *live)
{
	struct worker *w = calloc(1, sizeof(*w));
	const char ready = WORKER_READY;
	int error = -ENOMEM;

	if (!w)
		return EXIT_SYSTEM;
	w->control = control;
	error = set_up(w, config, tickets, sessions, keylog, live);
	if (!error && write(control, &ready, 1) != 1)
		error = -EPIPE;
	if (!error)
		error = loop(w);
	if (error == -ENOENT) {
		log_write(LOG_DEBUG, NULL, "worker: the kernel module is not there");
	} else if (error) {
		log_write(LOG_ERR, NULL, "worker: %s%s%s", strerror(-error),
			  w->seam.reason[0] ? ": " : "", w->seam.reason);
	}
	if (w->connections.count)
		log_write(LOG_NOTICE, NULL, "worker: %zu handshakes are given up",
			  w->connections.count);
	if (w->connections.usable)
		connections_free(&w->connections);
	seam_close(&w->seam);
	free(w);
	if (!error)
		return EXIT_SUCCESS;
	return error == -ENOENT ? EXIT_NO_MODULE : EXIT_SYSTEM;
}
