/* SPDX-License-Identifier: MIT */
/*
 * resumption.h - a client's session store and a server's ticket keys, for a pair of engines
 *
 * RFC 8446 section 2.2, RFC 5077. One session, and one kept by its id; two keys, of which one
 * seals. The state is one for a program: reset() begins anew.
 */
#ifndef TESTS_RESUMPTION_H
#define TESTS_RESUMPTION_H

#include "pair.h"

extern uint8_t store[HS_MAX_SESSION]; /* the client's, of one session */
extern size_t store_len;
extern unsigned int stored; /* how often */

/* The server's ticket keys. A name is sixteen times the key's number. */
extern uint8_t ticket_keys[3][HS_TICKET_KEY_LEN];
extern unsigned int current_key;
extern bool old_keys_gone;

extern unsigned int kept; /* sessions by id, how often */

void reset(void);
/* A pair whose client offers what is stored, and whose server gives tickets. */
void set_up(struct pair *p);
void keep_by_id(struct pair *p); /* instead of tickets */
const struct hs_summary *summary(struct pair *p, enum hs_role role);

#endif
