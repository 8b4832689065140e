/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the files of the tool tlsock share: commands, arguments, output
 *
 * Each subcommand is a file with one function cmd_*(), which gets its own argv and returns the
 * exit status. Names and bytes of a peer never reach a terminal unescaped.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sysexits.h> /* EX_USAGE, EX_UNAVAILABLE, EX_NOPERM */

#include "libtlsock/tlsock.h"

#define EXIT_TLS 1 /* the connection failed, in the way that was told on stderr */

struct cli {
	bool json;
	bool verbose;
};

struct command {
	const char *name;
	const char *summary;
	int (*run)(struct cli *cli, int argc, char **argv);
};

int cmd_check(struct cli *cli, int argc, char **argv);
int cmd_ciphers(struct cli *cli, int argc, char **argv);
int cmd_connect(struct cli *cli, int argc, char **argv);
int cmd_connections(struct cli *cli, int argc, char **argv);
int cmd_exec(struct cli *cli, int argc, char **argv);
int cmd_keylog(struct cli *cli, int argc, char **argv);
int cmd_listen(struct cli *cli, int argc, char **argv);
int cmd_monitor(struct cli *cli, int argc, char **argv);
int cmd_status(struct cli *cli, int argc, char **argv);
int cmd_trace(struct cli *cli, int argc, char **argv);

/* "tlsock: ..." on stderr, with the newline. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- arguments.c: what connect and listen have in common ---- */

struct tls_arguments {
	struct tlsock_options options;
	struct tlsock_error error;
	bool info_only;
	bool echo;
	bool keep;
	char host[256]; /* "": none was given */
	char service[64];
};

/*
 * Parse options and the address. @need_host: "PORT" alone will not do. 0, or an exit status;
 * @usage is printed for -h (then the status is -1, which means: done, well) and after an error.
 */
int arguments_parse(struct cli *cli, int argc, char **argv, bool need_host, const char *usage,
		    struct tls_arguments *args);

/* "host:port", "[::1]:port", "port" to its parts; false: it is none of them, or too long. */
bool address_split(const char *text, char *host, size_t host_size, char *service,
		   size_t service_size);

/* ---- program.c ---- */

/*
 * Can a library be loaded into the program that @command names, as execvp() would find it? 0, or an
 * exit status; the reason was told then. @path gets the file.
 */
int program_check(const char *command, char *path, size_t size);

/* ---- relay.c ---- */

/*
 * Bytes from @in to the socket and from the socket to @out until both have ended; the socket
 * becomes non-blocking. 0, or a negative errno.
 */
int relay(int fd, int in, int out);

/* Send back what comes, until its end. 0, or a negative errno. */
int relay_echo(int fd);

/* ---- control.c ---- */

/* The daemon of this network namespace; a descriptor, or a negative errno: -EACCES: not root. */
int control_connect(void);
/*
 * A question of <daemon/control_words.h> and its answer: 0, or a negative errno. @passed: the descriptor
 * that came with it, the caller's, or -1; NULL: none is wanted.
 */
int control_ask(int fd, const char *question, char *text, size_t size, int *passed);
/*
 * Listens for @command: the connection, with *@feed to read from, both the caller's; or -1 with an exit
 * status, and it was told why. Before the end: whether anything was lost. @line: of the status.
 */
int control_listen(const char *question, const char *command, int *feed, int *status);
void control_tell_lost(int fd, int line);

/* ---- colour.c ---- */

enum colour {
	COLOUR_NONE, /* back to what it was */
	COLOUR_STRONG,
	COLOUR_GOOD,
	COLOUR_BAD,
};

/* The sequence for standard output, or "" where there shall be none. */
const char *colour(enum colour which);
/* Shall there be? @no_color and @term: the environment's, or NULL. */
bool colour_wanted(bool terminal, const char *no_color, const char *term);

/* ---- report.c ---- */

/* One connection, in words or as one JSON object on one line. */
void report_connection(const struct cli *cli, FILE *to, int fd);

/* Why it failed: @error of the library's call, and what the socket or @details say. */
void report_failure(const struct cli *cli, const char *peer, int error,
		    const struct tlsock_error *details);

/* ---- json.c: a writer ---- */

struct json {
	FILE *to;
	bool comma;
};

/* @key is NULL within an array and at the top. */
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_string(struct json *j, const char *key, const char *value);
void json_bytes(struct json *j, const char *key, const void *value, size_t len);
void json_number(struct json *j, const char *key, uint64_t value);
void json_bool(struct json *j, const char *key, bool value);

/* ---- address.c ---- */

/* "1.2.3.4:5" or "[::1]:5": from the raw bytes; from a struct sockaddr_in or sockaddr_in6. */
void address_digits(bool six, const void *ip, unsigned int port, char *out, size_t size);
void address_words(const void *address, size_t len, char *out, size_t size);

/* ---- prometheus.c ---- */

/* Lines "Name value" as metrics; how many. */
int prometheus_print(FILE *from, FILE *to);

/* ---- names.c: IANA code points in words; NULL: unknown ---- */

const char *version_name(uint16_t version);
const char *group_name(uint16_t group);
const char *scheme_name(uint16_t scheme);
const char *alert_name(uint8_t alert);
const char *state_name(uint8_t state);
const char *role_name(uint8_t role);

/* The name, or "0x1234" in @buf, which has 8 bytes. */
const char *name_or_number(const char *name, uint16_t code, char *buf);

/* @out for a terminal: control characters and what is not ASCII as \xNN. Always terminated. */
void escape(const void *in, size_t len, char *out, size_t size);

/* ---- suites.c: cipher suites and their names' parts ---- */

struct suite {
	uint16_t code;
	const char *name;
};

/* What the name says: RFC 5246 appendix A.5, RFC 8446 appendix B.4. */
struct suite_parts {
	const char *protocol; /* "TLSv1.2" or "TLSv1.3" */
	char key_exchange[16];
	char authentication[16];
	char cipher[32];
	char mac[16]; /* "AEAD", or the hash of an HMAC */
	char hash[16]; /* of the PRF or HKDF */
	bool forward_secrecy;
	bool in_kernel; /* the record layer has it */
};

const struct suite *suite_at(size_t index); /* NULL: past the last */
const char *suite_name(uint16_t code);
bool suite_parse(const char *name, struct suite_parts *parts);

#endif
