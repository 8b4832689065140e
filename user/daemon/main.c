// SPDX-License-Identifier: MIT
/*
 * main.c - tlsockd: the handshake daemon of tlsock, see tlsockd(8)
 *
 * Chooses where the log goes, checks or runs. All else is supervisor.c and worker.c.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "options.h"
#include "supervisor.h"

/* systemd says in $JOURNAL_STREAM which socket its journal is; is stderr that one still? */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

/* Descriptors 0 to 2 are open, or a socket would take their place and get the log's lines. */
static void fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

static int check(const struct options *options)
{
	char error[CONFIG_ERROR_SIZE], expiry[CREDENTIAL_EXPIRY_SIZE];
	struct config *config = config_load(options->config, error);

	if (!config) {
		fprintf(stderr, "%s\n", error);
		return EX_CONFIG;
	}
	printf("%s: %zu credentials, %zu trust stores, %zu profiles\n", options->config,
	       config->credential_count, config->trust_count, config->profile_count);
	for (size_t i = 0; i < config->credential_count; i++)
		printf("credential %s: %s\n", config->credentials[i].name,
		       credential_expiry(&config->credentials[i], expiry));
	config_free(config);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	fill_standard_descriptors();
	status = options_parse(&options, argc, argv);
	if (status >= 0)
		return status;
	log_open(!options.to_stderr && stderr_is_journal() ? LOG_TO_JOURNAL : LOG_TO_STDERR,
		 options.verbose ? LOG_DEBUG : LOG_INFO);
	return options.check ? check(&options) : supervisor_run(&options);
}
