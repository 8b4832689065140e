// SPDX-License-Identifier: MIT
/*
 * test_daemon_messages.c - what the daemon reads from the kernel, and writes to it and the log
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tlsock.h>
#include <netinet/in.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon_kernel.h"
#include "event.h"
#include "log.h"
#include "push.h"
#include "tap.h"

static struct nl_msg *message(uint8_t command)
{
	struct nl_msg *m = nlmsg_alloc();

	if (!m || !genlmsg_put(m, 0, 0, 0x20, 0, 0, command, 1))
		bail("out of memory");
	return m;
}

static struct nl_msg *new_message(void)
{
	struct nl_msg *m = message(TLSOCK_CMD_CONN_NEW);
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(443) };
	struct sockaddr_in6 local = { .sin6_family = AF_INET6, .sin6_port = htons(5) };

	peer.sin_addr.s_addr = htonl(0xc0000201);
	local.sin6_addr.s6_addr[15] = 1;
	nla_put_u64(m, TLSOCK_A_ID, 0x1122334455667788);
	nla_put_u32(m, TLSOCK_A_GENERATION, 3);
	nla_put_u8(m, TLSOCK_A_ROLE, TLSOCK_ROLE_CLIENT);
	nla_put_u8(m, TLSOCK_A_VERIFY, TLSOCK_VERIFY_REQUIRED);
	nla_put_u32(m, TLSOCK_A_UID, 1000);
	nla_put_u32(m, TLSOCK_A_GID, 1001);
	nla_put_string(m, TLSOCK_A_SERVER_NAME, "a.example");
	nla_put(m, TLSOCK_A_PEER, sizeof(peer), &peer);
	nla_put(m, TLSOCK_A_LOCAL, sizeof(local), &local);
	return m;
}

static void test_new(void)
{
	struct nl_msg *m = new_message();
	struct log_subject subject;
	struct event e;

	ok(!event_parse(nlmsg_hdr(m), &e) && e.command == TLSOCK_CMD_CONN_NEW &&
		   e.id == 0x1122334455667788 && e.generation == 3 && !e.server &&
		   e.verify == TLSOCK_VERIFY_REQUIRED && e.uid == 1000 && e.gid == 1001 &&
		   !strcmp(e.server_name, "a.example") && !strcmp(e.trust, "") && !e.alpn_len,
	   "CONN_NEW");
	event_subject(&e, &subject);
	ok(!strcmp(subject.peer, "192.0.2.1:443") && !strcmp(subject.local, "[::1]:5"),
	   "its addresses: %s, %s", subject.peer, subject.local);

	/* The journal has the name in a field of its own. */
	e.server_name = "a\xc2\x9b\x1b.example";
	event_subject(&e, &subject);
	ok(!strcmp(subject.name, "a???.example"), "a name is printable: %s", subject.name);
	nlmsg_free(m);
}

static int parse_as(struct nl_msg *m)
{
	struct event e;
	int error = event_parse(nlmsg_hdr(m), &e);

	nlmsg_free(m);
	return error;
}

static void test_incomplete(void)
{
	struct nl_msg *m;
	struct event e;
	int refused = 0;

	/* Cut at every length: never read past the end, and never a whole CONN_NEW. */
	for (uint32_t len = NLMSG_HDRLEN; len < 60; len++) {
		m = new_message();
		nlmsg_hdr(m)->nlmsg_len = len;
		refused += event_parse(nlmsg_hdr(m), &e) == -EBADMSG;
		nlmsg_free(m);
	}
	ok(refused == 60 - NLMSG_HDRLEN, "a CONN_NEW that is cut is refused");
	ok(parse_as(message(TLSOCK_CMD_CONN_GONE)) == -EBADMSG, "no ID");
	ok(parse_as(message(TLSOCK_CMD_STATS)) == -EOPNOTSUPP, "another command");
	m = new_message();
	genlmsg_hdr(nlmsg_hdr(m))->cmd = TLSOCK_CMD_CONN_DATA;
	ok(parse_as(m) == -EBADMSG, "CONN_DATA without data");
	m = new_message();
	nla_put_u8(m, TLSOCK_A_ROLE, 9); /* the last of a kind counts */
	ok(parse_as(m) == -EBADMSG, "a role that does not exist");
	m = new_message();
	nla_put_u8(m, TLSOCK_A_VERIFY, 9);
	ok(parse_as(m) == -EBADMSG, "a way to verify that does not exist");
	m = new_message();
	nla_put(m, TLSOCK_A_UID, 2, "ab");
	ok(parse_as(m) == -EBADMSG, "a number of the wrong length");
	m = new_message();
	nla_put(m, TLSOCK_A_TRUST, 3, "abc");
	ok(parse_as(m) == -EBADMSG, "a string without its end");
	m = new_message();
	nla_put_u32(m, 999, 1);
	ok(parse_as(m) == 0, "an attribute of a later kernel is passed over");
}

static int parse_ticket(size_t cookie_len, int data_len, bool id)
{
	struct nl_msg *m = nlmsg_alloc_size(3 * TLSOCK_COOKIE_MAX);
	uint8_t *bytes = calloc(1, 2 * TLSOCK_COOKIE_MAX);

	if (!m || !bytes || !genlmsg_put(m, 0, 0, 0x20, 0, 0, TLSOCK_CMD_CONN_TICKET, 1))
		bail("out of memory");
	if (id)
		nla_put_u64(m, TLSOCK_A_ID, 1);
	if (cookie_len)
		nla_put(m, TLSOCK_A_COOKIE, (int)cookie_len - 1, bytes);
	if (data_len >= 0)
		nla_put(m, TLSOCK_A_DATA, data_len, bytes);
	free(bytes);
	return parse_as(m);
}

static void test_ticket(void)
{
	struct nl_msg *m = message(TLSOCK_CMD_CONN_TICKET);
	struct event e;

	nla_put_u64(m, TLSOCK_A_ID, 7);
	nla_put(m, TLSOCK_A_COOKIE, 3, "abc");
	nla_put(m, TLSOCK_A_DATA, 2, "de");
	ok(!event_parse(nlmsg_hdr(m), &e) && e.command == TLSOCK_CMD_CONN_TICKET && e.id == 7 &&
		   e.cookie_len == 3 && !memcmp(e.cookie, "abc", 3) && e.data_len == 2 &&
		   !memcmp(e.data, "de", 2),
	   "CONN_TICKET");
	nlmsg_free(m);
	ok(parse_ticket(2, 1, false) == -EBADMSG, "CONN_TICKET without an ID");
	ok(parse_ticket(0, 1, true) == -EBADMSG, "CONN_TICKET without a cookie");
	ok(parse_ticket(1, 1, true) == -EBADMSG, "CONN_TICKET with an empty cookie");
	ok(parse_ticket(2, -1, true) == -EBADMSG, "CONN_TICKET without a ticket");
	ok(parse_ticket(2, 0, true) == -EBADMSG, "CONN_TICKET with an empty ticket");
	ok(parse_ticket(TLSOCK_COOKIE_MAX + 1, 1, true) == 0 &&
		   parse_ticket(TLSOCK_COOKIE_MAX + 2, 1, true) == -EBADMSG,
	   "CONN_TICKET with a cookie longer than any there is");
}

/* What the first action of a PUSH says of the length of records; 0: nothing */
static unsigned int max_payload_of(struct push *push)
{
	struct genlmsghdr *h = genlmsg_hdr(nlmsg_hdr(push->message));
	const struct nlattr *actions = nla_find(genlmsg_attrdata(h, 0), genlmsg_attrlen(h, 0),
						TLSOCK_A_ACTIONS);
	const struct nlattr *first = actions ? nla_data(actions) : NULL, *limit;

	push_end(push);
	limit = first ? nla_find(nla_data(first), nla_len(first), TLSOCK_AA_MAX_PAYLOAD) : NULL;
	return limit ? nla_get_u16(limit) : 0;
}

/* Said where it is less than any record has */
static void test_max_payload(void)
{
	static const uint16_t said[] = { 63, 1000, HS_MAX_PAYLOAD - 1, HS_MAX_PAYLOAD };
	struct hs_summary summary = { 0 };
	struct hs_action data = { .type = HS_ACTION_DATA,
				  .data = { .bytes = (const uint8_t *)said, .len = 8 } };
	struct hs_action complete = { .type = HS_ACTION_COMPLETE, .summary = &summary };
	struct push push;

	if (push_new(&push))
		bail("out of memory");
	for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		unsigned int expected = said[i] < HS_MAX_PAYLOAD ? said[i] : 0;

		data.data.max_payload = summary.max_payload = said[i];
		push_begin(&push, 0x20, 1, 1);
		ok(!push_action(&push, &data) && max_payload_of(&push) == expected,
		   "DATA in records of %u bytes", said[i]);
		push_begin(&push, 0x20, 1, 1);
		ok(!push_action(&push, &complete) && max_payload_of(&push) == expected,
		   "and COMPLETE");
	}
	push_free(&push);
}

/* Longer than a nest: several ACTIONS, and each below its limit. */
static void test_long_push(void)
{
	uint8_t *bytes = malloc(130000);
	struct hs_action action = { .type = HS_ACTION_DATA };
	struct push push;

	if (!bytes || push_new(&push))
		bail("out of memory");
	memset(bytes, 7, 130000);
	action.data = (struct hs_data){ .epoch = HS_EPOCH_HANDSHAKE,
					.content_type = HS_CONTENT_HANDSHAKE,
					.max_payload = HS_MAX_PAYLOAD,
					.bytes = bytes,
					.len = 130000 };
	push_begin(&push, 0x20, 1, 1);
	ok(!push_action(&push, &action), "130000 bytes fit in a PUSH");
	push_end(&push);
	ok(push.actions > 1, "as %zu actions", push.actions);
	action.data.len = 100000;
	ok(push_action(&push, &action) == -EMSGSIZE, "but not twice as many");
	push_free(&push);
	free(bytes);
}

static void test_certificates(void)
{
	static uint8_t der[60000];
	struct hs_der chain = { .data = der, .len = 59000 };
	struct hs_summary summary = { .peer_chain = &chain,
				      .peer_chain_count = 1,
				      .max_payload = HS_MAX_PAYLOAD };
	struct hs_action action = { .type = HS_ACTION_COMPLETE, .summary = &summary };
	struct push push;

	if (push_new(&push))
		bail("out of memory");
	push_begin(&push, 0x20, 1, 1);
	ok(!push_action(&push, &action), "59000 bytes of certificates");
	push_end(&push);
	push_begin(&push, 0x20, 1, 1);
	chain.len = 60000;
	ok(push_action(&push, &action) == -E2BIG, "60000 are too many");
	push_free(&push);
}

/* A text that is too long is cut between two characters. */
static void test_text(void)
{
	const struct nlattr *actions, *fail, *text;
	char longest[400] = "";
	struct push push;
	size_t n;

	for (size_t i = 0; i < 238; i++)
		strcat(longest, "x");
	strcat(longest, "\xc3\xa4 tail"); /* byte 239 is half a character */
	if (push_new(&push))
		bail("out of memory");
	push_begin(&push, 0x20, 1, 1);
	ok(!push_fail(&push, EPROTO, 80, 0, longest), "a long text");
	push_end(&push);
	actions = genlmsg_attrdata(genlmsg_hdr(nlmsg_hdr(push.message)), 0);
	actions = nla_find(actions, genlmsg_attrlen(genlmsg_hdr(nlmsg_hdr(push.message)), 0),
			   TLSOCK_A_ACTIONS);
	fail = actions ? nla_data(actions) : NULL;
	text = fail ? nla_find(nla_data(fail), nla_len(fail), TLSOCK_AA_TEXT) : NULL;
	n = text ? strlen(nla_data(text)) : 0;
	ok(n == 238, "ends before the half character: %zu bytes", n);
	push_free(&push);
}

/* What one log_write() puts on stderr; @out is a string. */
static void logged(char *out, size_t size, const struct log_subject *subject, const char *text)
{
	struct caught caught = catch_stderr();

	log_write(LOG_WARNING, subject, "%s", text);
	caught_read(&caught, out, size);
}

static void test_log(void)
{
	struct log_subject subject = { .id = 0xab,
				       .server = true,
				       .local = "l",
				       .peer = "p",
				       .name = "n",
				       .uid = 5,
				       .pid = 6 };
	char line[4096], *longest = malloc(5000);

	logged(line, sizeof(line), &subject, "what\nhappened\x1b[2J\x7f");
	ok(strstr(line, "] warning: server 00000000000000ab l from p name n, uid 5 pid 6: "
			"what?happened?[2J?\n"),
	   "a line names the connection, and no control character gets through");
	strcpy(subject.name, "a\xc2\x9bm\xe2\x80\xae\x9b");
	logged(line, sizeof(line), &subject, "\xc2\x85 ~");
	ok(strstr(line, " name a??m????, uid 5 pid 6: ?? ~\n"),
	   "nor one of C1, nor what turns the direction of writing: %s", line);
	memset(longest, 'y', 4999);
	longest[4999] = '\0';
	logged(line, sizeof(line), NULL, longest);
	ok(strlen(line) < 1500 && line[strlen(line) - 1] == '\n' && !strstr(line, "\n\n"),
	   "a long line is cut, and ends as a line: %zu bytes", strlen(line));
	log_set_level(LOG_ERR);
	logged(line, sizeof(line), NULL, "quiet");
	ok(!line[0] && !log_wants(LOG_WARNING) && log_wants(LOG_ERR), "the level counts");
	ok(log_level_by_name("notice") == LOG_NOTICE && log_level_by_name("loud") == -1 &&
		   !strcmp(log_level_name(LOG_DEBUG), "debug") && !log_level_name(99),
	   "names of levels");
	free(longest);
}

/* What log_limit_tell() puts on stderr. */
static int64_t told(struct log_limit *limit, int64_t now, char *out, size_t size)
{
	struct caught caught = catch_stderr();
	int64_t left = log_limit_tell(limit, now);

	caught_read(&caught, out, size);
	return left;
}

static unsigned int allowed(struct log_limit *limit, int64_t now, unsigned int tries)
{
	unsigned int n = 0;

	while (tries--)
		n += log_limit_allows(limit, now);
	return n;
}

static void test_log_limit(void)
{
	const int64_t start = 1000000000;
	struct log_limit limit = { 0 };
	char line[4096];

	log_set_level(LOG_INFO);
	ok(allowed(&limit, start, LOG_LIMIT_LINES) == LOG_LIMIT_LINES &&
		   told(&limit, start, line, sizeof(line)) == -1 && !line[0],
	   "%u lines are let through, and there is nothing to tell", LOG_LIMIT_LINES);
	ok(!allowed(&limit, start + 1, 1) && !allowed(&limit, start + LOG_LIMIT_US - 1, 99),
	   "and no more in %d us", LOG_LIMIT_US);
	ok(told(&limit, start + LOG_LIMIT_US - 10, line, sizeof(line)) == 10 && !line[0],
	   "how many is not told before that is over");
	ok(told(&limit, start + LOG_LIMIT_US, line, sizeof(line)) == -1 &&
		   strstr(line, "] warning: 100 more handshakes that failed were not logged\n"),
	   "then it is");
	ok(told(&limit, start + LOG_LIMIT_US, line, sizeof(line)) == -1 && !line[0], "once");
	ok(allowed(&limit, start + LOG_LIMIT_US, 100) == LOG_LIMIT_LINES, "and it counts anew");
	ok(told(&limit, INT64_MAX, line, sizeof(line)) == -1 && strstr(line, ": 80 more"),
	   "what is left is told at the end");
}

int main(void)
{
	test_new();
	test_incomplete();
	test_ticket();
	test_max_payload();
	test_long_push();
	test_certificates();
	test_text();
	test_log();
	test_log_limit();
	return tap_done();
}
