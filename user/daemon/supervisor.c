// SPDX-License-Identifier: MIT
/*
 * supervisor.c - see supervisor.h
 *
 * A slot is the place of one worker. A reload fills every slot anew and lets the worker that was
 * there finish its handshakes only when its successor is registered with the kernel, so there is
 * no moment without a worker. children.c has the processes.
 */
#include "supervisor.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "children.h"
#include "config.h"
#include "control.h"
#include "control_words.h"
#include "filter.h"
#include "seam.h"
#include "keylog.h"
#include "log.h"
#include "privilege.h"
#include "watch.h"
#include "worker.h"

#define EXPIRY_WARNING_DAYS 14
#define KEYLOG_ROOM (256 << 10)
#define LIVE_ROOM (1 << 20)
#define KEEPER_LIFE_MS 10000 /* one that ends sooner would do so again */
#define KILL_MS 5000 /* past a worker's own deadline */

struct supervisor {
	const struct options *options;
	struct config *config;
	struct children children;
	struct tickets *tickets; /* shared with all workers, those of a reload too */
	struct sessions *sessions; /* shared with those of this configuration; or NULL */
	int64_t rotate_at;
	struct nl_sock *watch;
	int watch_fd;
	struct watch files;
	int signals;
	struct keylog keylog;
	struct feed *live;
	struct control control;
	int ready_fd;
	bool was_ready; /* all workers were, once */
	bool announced; /* since the last reload */
	bool ending;
	int64_t kill_at;
	int64_t loaded_at; /* what is in force */
	int status;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static unsigned int worker_count(const struct supervisor *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (s->options->workers)
		return s->options->workers;
	if (s->config->workers)
		return s->config->workers;
	return cores > 0 ? (unsigned int)cores : 1;
}

static void apply_log_level(const struct supervisor *s)
{
	log_set_level(s->options->verbose ? LOG_DEBUG : s->config->log_level);
}

/* Also tells whether the module is there at all: -ENOENT. */
static int apply_limits(const struct supervisor *s)
{
	struct seam seam;
	int error = seam_open(&seam);

	if (error)
		return error;
	error = seam_set_limits(&seam, &s->config->limits);
	if (error && error != -ENOENT)
		log_write(LOG_ERR, NULL, "limits: %s%s%s", strerror(-error),
			  seam.reason[0] ? ": " : "", seam.reason);
	seam_close(&seam);
	return error;
}

static void end(struct supervisor *s, int status)
{
	if (s->ending)
		return;
	s->ending = true;
	s->status = status;
	s->kill_at = now_ms() + KILL_MS;
	sd_notify(0, "STOPPING=1");
	children_stop(&s->children);
}

/* In the child of a fork: all that is the supervisor's own goes before the work begins. */
static void become_worker(struct supervisor *s, int control)
{
	int status;

	nl_socket_free(s->watch);
	watch_free(&s->files);
	close(s->signals);
	if (s->ready_fd >= 0)
		close(s->ready_fd);
	control_forget(&s->control);
	feed_write_only(s->keylog.feed);
	feed_write_only(s->live);
	status = worker_run(s->config, s->tickets, s->sessions, control, &s->keylog, s->live);
	config_free(s->config);
	close(control);
	exit(status);
}

static void start_due(struct supervisor *s)
{
	unsigned int slot;
	int control;

	while (!s->ending && children_due(&s->children, now_ms(), &slot)) {
		switch (children_fork(&s->children, slot, now_ms(), &control)) {
		case 0:
			become_worker(s, control);
			return;
		case -1:
			log_write(LOG_ERR, NULL, "no new worker: %m");
			break;
		default:
			break;
		}
	}
}

static void warn_of_expiry(const struct config *config)
{
	for (size_t i = 0; i < config->credential_count; i++) {
		const struct credential *c = &config->credentials[i];
		int64_t left = hs_credential_expires(c->object) - time(NULL);

		if (left < 0)
			log_write(LOG_WARNING, NULL, "credential \"%s\" has expired", c->name);
		else if (left < EXPIRY_WARNING_DAYS * 86400)
			log_write(LOG_WARNING, NULL, "credential \"%s\" expires in %d days",
				  c->name, (int)(left / 86400));
	}
}

static void announce(struct supervisor *s)
{
	if (s->announced || !children_all_ready(&s->children))
		return;
	log_write(LOG_NOTICE, NULL, "%s: %u workers, %zu credentials, %zu trust stores",
		  s->was_ready ? "reloaded" : "ready", s->children.slot_count,
		  s->config->credential_count, s->config->trust_count);
	warn_of_expiry(s->config);
	s->announced = true;
	s->was_ready = true;
	sd_notify(0, "READY=1");
	if (s->ready_fd >= 0) {
		if (write(s->ready_fd, "\n", 1) != 1)
			log_write(LOG_WARNING, NULL, "--ready-fd: %m");
		close(s->ready_fd);
		s->ready_fd = -1;
	}
}

/* NULL: it is wrong, and @error says how. What it read is watched either way. */
static struct config *load(struct supervisor *s, char *error)
{
	struct config *config;

	watch_begin(&s->files, false);
	config = config_load(s->options->config, error);
	watch_end(&s->files, now_ms());
	return config;
}

/* A new configuration knows no session of another's. Without a store there are none. */
static void renew_sessions(struct supervisor *s)
{
	sessions_free(s->sessions);
	s->sessions = s->config->sessions ? sessions_new() : NULL;
	if (!s->sessions && s->config->sessions)
		log_write(LOG_ERR, NULL, "clients will keep no sessions: %m");
}

static void reload(struct supervisor *s)
{
	char error[CONFIG_ERROR_SIZE];
	struct config *config;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, now_ms() * 1000);
	config = load(s, error);
	if (!config) {
		log_write(LOG_ERR, NULL, "the configuration stays as it was: %s", error);
		sd_notify(0, "READY=1");
		return;
	}
	config_free(s->config);
	s->config = config;
	s->loaded_at = now_ms();
	renew_sessions(s);
	apply_log_level(s);
	if (apply_limits(s) == -ENOENT) {
		log_write(LOG_ERR, NULL, "the kernel module has gone");
		end(s, EX_UNAVAILABLE);
		return;
	}
	s->announced = false;
	if (children_renew(&s->children, worker_count(s)))
		log_write(LOG_ERR, NULL, "reload: out of memory");
}

/* Nobody has its sockets any more when an older configuration's ends; this one's has no reason to. */
static void on_keeper_exit(struct supervisor *s)
{
	log_write(LOG_ERR, NULL, "the process that has the keys in tokens has ended");
	if (now_ms() - s->loaded_at > KEEPER_LIFE_MS)
		reload(s);
}

static void on_exit_of(struct supervisor *s, pid_t pid, int wait_status)
{
	bool served = children_reap(&s->children, pid, now_ms());
	int status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;

	if (status == EXIT_NO_MODULE && !s->ending) {
		log_write(LOG_ERR, NULL, "the kernel module has gone");
		end(s, EX_UNAVAILABLE);
	} else if (!s->ending && s->config->keeper && keeper_pid(s->config->keeper) == pid) {
		on_keeper_exit(s);
	} else if (!served || s->ending) {
		log_write(LOG_DEBUG, NULL, "process %d has ended", (int)pid);
	} else if (status == EXIT_SYSTEM && !s->was_ready) {
		end(s, EX_OSERR); /* it said why; the next would say the same */
	} else if (WIFSIGNALED(wait_status)) {
		log_write(LOG_ERR, NULL, "worker %d was ended by signal %d (%s); another starts",
			  (int)pid, WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
	} else {
		log_write(LOG_ERR, NULL, "worker %d ended with status %d; another starts", (int)pid,
			  status);
	}
}

static void on_signal(struct supervisor *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGHUP:
		keeper_forget_refusal();
		if (!s->ending)
			reload(s);
		break;
	case SIGCHLD:
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			on_exit_of(s, pid, status);
		break;
	default:
		log_write(LOG_NOTICE, NULL, "ending: %s", strsignal((int)info.ssi_signo));
		end(s, EXIT_SUCCESS);
		break;
	}
}

/* Keys for tickets are as old as the configuration of now allows, whichever it was before. */
static void rotate_tickets(struct supervisor *s)
{
	int64_t now = now_ms(), most = s->config->tickets.rotate * 1000;
	int error;

	if (s->rotate_at > now + most)
		s->rotate_at = now + most;
	if (s->rotate_at > now)
		return;
	error = tickets_rotate(s->tickets);
	if (!error && s->sessions)
		error = sessions_rotate(s->sessions);
	if (error)
		log_write(LOG_ERR, NULL, "no new key for session tickets: %s", strerror(-error));
	s->rotate_at = now + most;
}

static int next_timeout(const struct supervisor *s)
{
	int64_t now = now_ms(), at = s->ending ? s->kill_at : children_next_start(&s->children);
	int64_t due = s->ending ? 0 : watch_due(&s->files);

	if (!at || (!s->ending && s->rotate_at < at))
		at = s->rotate_at;
	if (due && due < at)
		at = due;
	return at > now ? (int)(at - now) : 0;
}

static void look_at_files(struct supervisor *s, bool readable)
{
	int64_t now = now_ms(), due;

	if (readable)
		watch_read(&s->files, now);
	due = watch_due(&s->files);
	if (s->ending || !due || due > now || !watch_changed(&s->files))
		return;
	log_write(LOG_NOTICE, NULL, "a file of the configuration has changed");
	reload(s);
}

static int loop(struct supervisor *s)
{
	while (!s->ending || s->children.list) {
		struct pollfd fds[] = {
			{ .fd = s->signals, .events = POLLIN },
			{ .fd = s->watch_fd, .events = POLLIN },
			{ .fd = s->children.ready_fd, .events = POLLIN },
			{ .fd = s->files.fd, .events = POLLIN },
			{ .fd = s->control.ready_fd, .events = POLLIN },
		};

		rotate_tickets(s);
		start_due(s);
		if (poll(fds, 5, next_timeout(s)) < 0 && errno != EINTR)
			return EX_OSERR;
		if (fds[0].revents)
			on_signal(s);
		if (fds[1].revents && seam_watch_gone(s->watch) && !s->ending) {
			log_write(LOG_ERR, NULL, "the kernel module has gone");
			end(s, EX_UNAVAILABLE);
		}
		if (fds[2].revents)
			children_read(&s->children);
		look_at_files(s, fds[3].revents);
		if (fds[4].revents)
			control_serve(&s->control);
		announce(s);
		if (s->ending && now_ms() >= s->kill_at) {
			children_kill(&s->children);
			s->kill_at = now_ms() + KILL_MS;
		}
	}
	return s->status;
}

static int block_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals < 0 ? -errno : 0;
}

static int open_keylog(struct supervisor *s)
{
	if (!s->options->keylog)
		return 0;
	s->keylog.file = keylog_open(s->options->keylog);
	if (s->keylog.file < 0) {
		log_write(LOG_ERR, NULL, "%s: %s%s", s->options->keylog, strerror(-s->keylog.file),
			  s->keylog.file == -EPERM ?
				  " (it has to be your own, and nobody else may read it)" :
				  "");
		return EX_OSERR;
	}
	log_write(LOG_WARNING, NULL,
		  "KEY LOG: the secrets of every connection are written to %s; whoever reads it "
		  "can read the connections",
		  s->options->keylog);
	return 0;
}

/* For control.c */
static bool tell_credential(const void *of, size_t n, char *out, size_t size)
{
	const struct supervisor *s = of;
	const struct credential *c;
	char words[CREDENTIAL_EXPIRY_SIZE];

	if (n >= s->config->credential_count)
		return false;
	c = &s->config->credentials[n];
	snprintf(out, size, "%" PRId64 "\n%s\n%s", hs_credential_expires(c->object),
		 credential_expiry(c, words), c->name);
	return true;
}

/* Without it all else works, so it is no reason not to start. */
static void open_control(struct supervisor *s)
{
	char path[64];
	int error = -ENOENT;

	s->keylog.feed = feed_new(KEYLOG_ROOM);
	s->live = feed_new(LIVE_ROOM);
	if (s->keylog.feed && s->live && !control_path(path, sizeof(path)))
		error = control_open(&s->control, path,
				     (struct feed *const[]){ s->keylog.feed, s->live },
				     s->options->keylog);
	if (!error)
		control_tell(&s->control, tell_credential, s);
	if (error)
		log_write(
			LOG_NOTICE, NULL,
			"no control socket, so no `tlsock keylog' and no `tlsock trace --live': %s",
			strerror(-error));
}

/* What has to be there before the first worker; an exit status, 0 for success. */
static int set_up(struct supervisor *s)
{
	char text[CONFIG_ERROR_SIZE];
	int error;

	if (watch_init(&s->files))
		log_write(LOG_WARNING, NULL, "changes of files will not be noticed: %m");
	s->config = load(s, text);
	if (!s->config) {
		log_write(LOG_ERR, NULL, "%s", text);
		return EX_CONFIG;
	}
	apply_log_level(s);
	s->tickets = tickets_new();
	if (!s->tickets) {
		log_write(LOG_ERR, NULL, "keys for session tickets: %m");
		return EX_OSERR;
	}
	renew_sessions(s);
	s->rotate_at = now_ms() + s->config->tickets.rotate * 1000;
	error = open_keylog(s);
	if (error)
		return error;
	open_control(s);
	if (!privilege_lock_memory())
		log_write(
			LOG_WARNING, NULL,
			"private keys may be swapped out: the limit of locked memory is not infinite");
	error = privilege_supervisor();
	if (!error)
		error = filter_supervisor();
	if (!error)
		error = block_signals(s);
	if (!error)
		error = seam_watch_open(&s->watch, &s->watch_fd);
	if (error) {
		log_write(LOG_ERR, NULL, "start: %s", strerror(-error));
		return EX_OSERR;
	}
	error = apply_limits(s);
	if (error == -ENOENT) {
		log_write(LOG_ERR, NULL, "the kernel module tlsock is not loaded: modprobe tlsock");
		return EX_UNAVAILABLE;
	}
	if (error == -EPERM)
		log_write(LOG_ERR, NULL, "this needs CAP_NET_ADMIN");
	if (error || children_init(&s->children, worker_count(s)))
		return EX_OSERR;
	return 0;
}

int supervisor_run(const struct options *options)
{
	struct supervisor s = {
		.options = options,
		.watch_fd = -1,
		.files = { .fd = -1 },
		.signals = -1,
		.keylog = { .file = -1 },
		.control = { .ready_fd = -1, .listener = -1 },
		.ready_fd = options->ready_fd,
	};
	int status = set_up(&s);

	if (!status)
		status = loop(&s);
	control_close(&s.control);
	feed_free(s.keylog.feed);
	feed_free(s.live);
	children_free(&s.children);
	tickets_free(s.tickets);
	sessions_free(s.sessions);
	config_free(s.config);
	watch_free(&s.files);
	nl_socket_free(s.watch);
	if (s.signals >= 0)
		close(s.signals);
	if (s.keylog.file >= 0)
		close(s.keylog.file);
	return status;
}
