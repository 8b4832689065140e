// SPDX-License-Identifier: GPL-2.0-only
/*
 * crowd.c: a program that holds thousands of TLS connections, for scripts that do things to the daemon
 * meanwhile. It reads commands, one a line, and answers each with one line that begins with it:
 *
 *	open NUMBER WIDTH	standing connections, so many of them at once (0: all), are up or failed
 *	plain NUMBER WIDTH	the same over plain TCP
 *	silent NUMBER WIDTH	TCP connections to the server of TLS that say nothing, or after "hello"
 *				a ClientHello and no more
 *	hello
 *	hush			those go
 *	traffic NUMBER		so many standing ones have data in flight, all in turn
 *	pass NUMBER		so many connections are in the making or passing by, from here on
 *	mark WORD NUMBER	all that stand have carried data begun since; so many have passed since;
 *				what failed is told since the mark before, what only passed by included
 *	end			all end as they should; the bytes of both ends
 *
 * It must never answer before that is so.
 */
#include <sys/epoll.h>
#include <sys/resource.h>

#include "lib/crowd.h"

struct wish {
	char word[64];
	enum crowd_kind kind;
	bool tls;
	unsigned int number, width, given;
	unsigned int passed; /* what had passed at a mark */
	struct tally was;
};

static struct crowd crowd;
static struct wish wish;
static struct tally passing_was, server_was; /* at the last answer that told of them */
static char line[256];
static size_t line_len;

/* What has come to it since it was as it was */
static void print_tally(const char *what, const struct tally *t, const struct tally *was)
{
	printf("%s %u", what, t->sum - was->sum);
	for (int i = 0; i < CROWD_ERRNOS && t->of[i].error; i++) {
		unsigned int before = 0;

		for (int j = 0; j < CROWD_ERRNOS; j++)
			if (was->of[j].error == t->of[i].error)
				before = was->of[j].times;
		if (t->of[i].times > before)
			printf(" %s:%u", strerrorname_np(t->of[i].error), t->of[i].times - before);
	}
}

static void print_servers(void)
{
	print_tally(", of servers", &crowd.server_failed, &server_was);
	server_was = crowd.server_failed;
}

static void answer_open(void)
{
	printf("%s up %u,", wish.word, crowd.up[wish.kind]);
	print_tally(" failed", &crowd.failed[wish.kind], &wish.was);
	print_servers();
}

static void answer_mark(void)
{
	printf("%s standing %u, silent %u, passed %u,", wish.word, crowd.up[CROWD_STANDING],
	       crowd.up[CROWD_SILENT], crowd.ended[CROWD_PASSING] - wish.passed);
	print_tally(" failed", &crowd.failed[CROWD_PASSING], &passing_was);
	passing_was = crowd.failed[CROWD_PASSING];
	print_servers();
}

static void answer_end(void)
{
	printf("%s ended %u,", wish.word, crowd.ended[CROWD_STANDING]);
	print_tally(" lost", &crowd.failed[CROWD_STANDING], &wish.was);
	printf(" bytes %llu %llu %llu %llu", (unsigned long long)crowd.client.sent,
	       (unsigned long long)crowd.server.received, (unsigned long long)crowd.server.sent,
	       (unsigned long long)crowd.client.received);
}

/* Is it so? Then the answer is out. */
static bool fulfilled(void)
{
	const unsigned int *up = crowd.up, *opening = crowd.opening;

	if (!strcmp(wish.word, "open") || !strcmp(wish.word, "plain") ||
	    !strcmp(wish.word, "silent")) {
		if (wish.given < wish.number || opening[wish.kind])
			return false;
		answer_open();
	} else if (!strcmp(wish.word, "end")) {
		if (up[CROWD_STANDING] || up[CROWD_PASSING] || opening[CROWD_PASSING])
			return false;
		answer_end();
		crowd.ending = false;
	} else if (wish.tls) {
		if (crowd.unmarked || crowd.ended[CROWD_PASSING] - wish.passed < wish.number)
			return false;
		answer_mark();
	} else {
		printf("%s", wish.word);
	}
	printf("\n");
	fflush(stdout);
	wish.word[0] = '\0';
	return true;
}

static void go_on(void)
{
	while (wish.given < wish.number && !crowd.ending && wish.width &&
	       crowd.opening[wish.kind] < wish.width) {
		crowd_open(&crowd, wish.kind, wish.tls);
		wish.given++;
	}
	crowd_go_on(&crowd);
}

static bool command(void)
{
	char verb[16] = "", a[64] = "", b[16] = "";

	sscanf(line, "%15s %63s %15s", verb, a, b);
	memset(&wish, 0, sizeof(wish));
	strcpy(wish.word, verb);
	if (!strcmp(verb, "open") || !strcmp(verb, "plain") || !strcmp(verb, "silent")) {
		wish.kind = !strcmp(verb, "silent") ? CROWD_SILENT : CROWD_STANDING;
		wish.tls = !strcmp(verb, "open");
		wish.number = (unsigned int)atoi(a);
		wish.width = atoi(b) ? (unsigned int)atoi(b) : wish.number;
		wish.was = crowd.failed[wish.kind];
	} else if (!strcmp(verb, "hello")) {
		return !crowd_take_hello(&crowd);
	} else if (!strcmp(verb, "hush")) {
		crowd_drop_silent(&crowd);
	} else if (!strcmp(verb, "traffic")) {
		crowd.busy_most = (unsigned int)atoi(a);
	} else if (!strcmp(verb, "pass")) {
		crowd.passing = (unsigned int)atoi(a);
	} else if (!strcmp(verb, "mark")) {
		crowd_mark(&crowd);
		wish.tls = true;
		wish.given = wish.number = (unsigned int)atoi(b);
		wish.passed = crowd.ended[CROWD_PASSING];
		strcpy(wish.word, a);
	} else if (!strcmp(verb, "end")) {
		crowd_end(&crowd);
	} else {
		return false;
	}
	return true;
}

/* One command of standard input, if it is whole. 1: it was; 0: not yet; -1: the end. */
static int read_command(void)
{
	ssize_t n;

	while (line_len < sizeof(line) - 1) {
		n = read(STDIN_FILENO, line + line_len, 1);
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		if (n == 0)
			return -1;
		if (line[line_len++] != '\n')
			continue;
		line[line_len - 1] = '\0';
		line_len = 0;
		return command() ? 1 : -1;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct epoll_event input = { .events = EPOLLIN };
	struct rlimit files = { 100000, 100000 };
	int got = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: crowd credential trust name\n");
		return 2;
	}
	crowd.credential = argv[1];
	crowd.trust = argv[2];
	crowd.name = argv[3];
	if (setrlimit(RLIMIT_NOFILE, &files) || crowd_init(&crowd)) {
		perror("crowd");
		return 1;
	}
	set_nonblock(STDIN_FILENO, true);
	if (epoll_ctl(crowd.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &input))
		return 1;
	while (got >= 0) {
		bool readable = crowd_step(&crowd);

		if (readable && !wish.word[0])
			got = read_command();
		go_on();
		if (wish.word[0])
			fulfilled();
	}
	return 0;
}
