// SPDX-License-Identifier: MIT
/*
 * policy.c - see policy.h
 */
#include "policy.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert((int)TLSOCK_VERIFY_NONE + 1 == (int)HS_VERIFY_NONE, "verify modes agree");
_Static_assert((int)TLSOCK_VERIFY_OPTIONAL + 1 == (int)HS_VERIFY_OPTIONAL, "verify modes agree");
_Static_assert((int)TLSOCK_VERIFY_REQUIRED + 1 == (int)HS_VERIFY_REQUIRED, "verify modes agree");

__attribute__((format(printf, 3, 4))) static int refuse(struct refusal *refusal, int error,
							const char *format, ...)
{
	va_list ap;

	refusal->error = error;
	va_start(ap, format);
	vsnprintf(refusal->text, sizeof(refusal->text), format, ap);
	va_end(ap);
	return -1;
}

static bool allows(const struct access *access, const struct event *event)
{
	const struct asker asker = { event->uid, event->gid, event->netns_inode };

	return access_allows(access, &asker);
}

static int not_allowed(const struct event *event, const char *what, const char *name,
		       struct refusal *refusal)
{
	if (event->netns_inode)
		return refuse(refusal, EPERM,
			      "uid %" PRIu32 " of network namespace %" PRIu32
			      " may not use the %s \"%s\"",
			      event->uid, event->netns_inode, what, name);
	return refuse(refusal, EPERM, "uid %" PRIu32 " may not use the %s \"%s\"", event->uid, what,
		      name);
}

static int named_credential(const struct config *config, const struct event *event,
			    struct hs_credential **usable, struct hs_config *out,
			    struct refusal *refusal)
{
	const struct credential *c = config_credential(config, event->credential);

	if (!c)
		return refuse(refusal, ENOKEY, "there is no credential \"%s\"", event->credential);
	if (!allows(&c->access, event))
		return not_allowed(event, "credential", event->credential, refusal);
	usable[0] = c->object;
	out->credential_count = 1;
	return 0;
}

/* A server that names none: by SNI among those it may use, or else "default" if it may. */
static int any_credential(const struct config *config, const struct event *event,
			  struct hs_credential **usable, struct hs_config *out,
			  struct refusal *refusal)
{
	out->unmatched = HS_UNMATCHED_REFUSE;
	for (size_t i = 0; i < config->credential_count; i++) {
		const struct credential *c = &config->credentials[i];

		if (!allows(&c->access, event))
			continue;
		usable[out->credential_count++] = c->object;
		if (!strcmp(c->name, "default")) /* the first of them all: see config.h */
			out->unmatched = HS_UNMATCHED_FIRST;
	}
	if (out->credential_count)
		return 0;
	return refuse(refusal, ENOKEY,
		      "the server names no credential, and uid %" PRIu32 " may use none",
		      event->uid);
}

static int apply_trust(const struct config *config, const struct event *event,
		       struct hs_config *out, struct refusal *refusal)
{
	const char *name = event->trust[0] ? event->trust : "system";
	const struct trust *t = config_trust(config, name);

	if (!t)
		return refuse(refusal, ENOKEY, "there is no trust store \"%s\"", name);
	if (!allows(&t->access, event))
		return not_allowed(event, "trust store", name, refusal);
	out->trust = t->object;
	return 0;
}

static int apply_profile(const struct config *config, const struct event *event,
			 struct hs_config *out, struct refusal *refusal)
{
	const char *name = event->profile[0] ? event->profile : "default";
	const struct profile *p = config_profile(config, name);

	if (!p)
		return refuse(refusal, ENOKEY, "there is no profile \"%s\"", name);
	config_use_profile(p, out);
	return 0;
}

size_t policy_session(const struct event *event, uint8_t out[POLICY_SESSION_MAX])
{
	const char *const names[] = { event->credential, event->trust, event->profile,
				      event->server_name };
	size_t count = event->server ? 3 : 4, at = 0;

	for (int shift = 24; shift >= 0; shift -= 8)
		out[at++] = (uint8_t)(event->uid >> shift);
	out[at++] = (uint8_t)(event->server | (event->netns_inode ? 2 : 0));
	out[at++] = event->verify;
	/*
	 * A client's sessions lie together: users of two namespaces may have one number. So may
	 * servers of other namespaces; tickets of one in our own serve a whole fleet.
	 */
	for (int shift = 56; (!event->server || event->netns_inode) && shift >= 0; shift -= 8)
		out[at++] = (uint8_t)(event->netns >> shift);
	/* no name has a NUL in it */
	for (size_t i = 0; i < count; i++) {
		size_t len = strnlen(names[i], TLSOCK_NAME_MAX);

		memcpy(out + at, names[i], len);
		at += len;
		out[at++] = '\0';
	}
	return at;
}

int policy_session_owner(const uint8_t *context, size_t len, struct session_owner *owner)
{
	if (len < 14 || (context[4] & 1)) /* a server's */
		return -1;
	owner->uid = 0;
	owner->netns = 0;
	for (int i = 0; i < 4; i++)
		owner->uid = owner->uid << 8 | context[i];
	for (int i = 6; i < 14; i++)
		owner->netns = owner->netns << 8 | context[i];
	return 0;
}

int policy_apply(const struct config *config, const struct event *event,
		 struct hs_credential **usable, struct hs_config *out, struct refusal *refusal)
{
	int error = 0;

	memset(out, 0, sizeof(*out));
	out->credentials = usable;
	out->verify = (enum hs_verify)(event->verify + 1);
	out->server_name = event->server_name;
	out->alpn = event->alpn;
	out->alpn_len = event->alpn_len;
	if (event->credential[0])
		error = named_credential(config, event, usable, out, refusal);
	else if (event->server)
		error = any_credential(config, event, usable, out, refusal);
	/* A name that was given has to exist, even where nothing is verified. */
	if (!error && (event->trust[0] || out->verify != HS_VERIFY_NONE))
		error = apply_trust(config, event, out, refusal);
	if (!error)
		error = apply_profile(config, event, out, refusal);
	return error;
}
