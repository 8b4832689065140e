/* SPDX-License-Identifier: MIT */
/*
 * config_text.h - the text of tlsockd.conf(5) before libconfuse gets it
 *
 * libconfuse counts a comment as several lines, takes none inside a list, and does not mind a file
 * that ends inside a section or a comment. This must never change anything but comments.
 */
#ifndef DAEMON_CONFIG_TEXT_H
#define DAEMON_CONFIG_TEXT_H

/*
 * Turns the comments of @text into blanks, so that every line keeps its number. Returns NULL, or
 * what does not end before the text does, and in @line where that began.
 */
const char *config_text_prepare(char *text, int *line);

#endif
