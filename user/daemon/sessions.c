// SPDX-License-Identifier: MIT
/*
 * sessions.c - see sessions.h
 *
 * A lock that knows of its owner's death guards the slots: a worker that dies within leaves a store
 * that the next one empties. The supervisor never waits for it.
 */
#include "sessions.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct head {
	uint64_t order; /* of its coming; 0: free */
	struct session_owner owner;
	int64_t expires;
	size_t key_len, len;
};

struct shared {
	pthread_mutex_t lock;
	uint64_t order;
	struct head heads[SESSIONS_MAX];
	uint8_t slots[SESSIONS_MAX][SESSIONS_SIZE]; /* key, session */
};

struct sessions {
	struct shared *shared;
	struct tickets *keys; /* die with the configuration, as the sessions do */
};

static void wipe(struct shared *s, size_t i)
{
	explicit_bzero(s->slots[i], sizeof(s->slots[i]));
	s->heads[i] = (struct head){ 0 };
}

static void wipe_all(struct shared *s)
{
	/* after a death in the middle the lengths may be wrong */
	explicit_bzero(s->slots, sizeof(s->slots));
	memset(s->heads, 0, sizeof(s->heads));
}

static void expire(struct shared *s, int64_t now)
{
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		if (s->heads[i].order && s->heads[i].expires <= now)
			wipe(s, i);
}

/* @error: of the locking. True: the lock is held. */
static bool locked(struct shared *s, int error)
{
	if (error == EOWNERDEAD) {
		wipe_all(s);
		error = pthread_mutex_consistent(&s->lock);
	}
	return !error;
}

static int lock_init(pthread_mutex_t *lock)
{
	pthread_mutexattr_t attr;
	int error = pthread_mutexattr_init(&attr);

	if (error)
		return error;
	error = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!error)
		error = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (!error)
		error = pthread_mutex_init(lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return error;
}

struct sessions *sessions_new(void)
{
	struct sessions *all = calloc(1, sizeof(*all));
	int error;

	if (!all)
		return NULL;
	all->shared = mmap(NULL, sizeof(*all->shared), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all->shared == MAP_FAILED) {
		free(all);
		return NULL;
	}
	error = madvise(all->shared, sizeof(*all->shared), MADV_DONTDUMP) ? errno : 0;
	/* Out of the swap, where the limits allow for it. Locks are not inherited, and this mapping is
	 * the one that lasts: all of it, since the workers alone touch the slots.
	 */
	mlock(all->shared, sizeof(*all->shared));
	if (!error)
		error = lock_init(&all->shared->lock);
	if (!error) {
		all->keys = tickets_new();
		error = all->keys ? 0 : errno;
	}
	if (!error)
		return all;
	munmap(all->shared, sizeof(*all->shared));
	free(all);
	errno = error;
	return NULL;
}

void sessions_free(struct sessions *all)
{
	if (!all)
		return;
	/* Workers write here, and the supervisor trusts none of them: neither the lock nor a length is
	 * looked at. A worker at work sees what was there or zeros.
	 */
	wipe_all(all->shared);
	munmap(all->shared, sizeof(*all->shared));
	tickets_free(all->keys); /* so nothing that was parked opens any more */
	free(all);
}

static bool has_key(const struct shared *s, size_t i, const uint8_t *key, size_t key_len)
{
	return s->heads[i].order && s->heads[i].key_len == key_len &&
	       !memcmp(s->slots[i], key, key_len);
}

/* The oldest of some, and how many there are */
struct tally {
	size_t count, oldest;
};

static void tally(struct tally *t, const struct shared *s, size_t i)
{
	if (!t->count++ || s->heads[i].order < s->heads[t->oldest].order)
		t->oldest = i;
}

/* A free slot, or one whose session has to go */
static size_t room(const struct shared *s, const struct session_owner *owner, const uint8_t *key,
		   size_t key_len)
{
	struct tally of_key = { 0 }, of_user = { 0 }, of_all = { 0 };
	size_t free_slot = SESSIONS_MAX;

	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		if (!s->heads[i].order) {
			free_slot = i;
			continue;
		}
		tally(&of_all, s, i);
		if (s->heads[i].owner.uid != owner->uid || s->heads[i].owner.netns != owner->netns)
			continue;
		tally(&of_user, s, i);
		if (has_key(s, i, key, key_len))
			tally(&of_key, s, i);
	}
	if (of_key.count >= SESSIONS_PER_KEY)
		return of_key.oldest;
	if (of_user.count >= SESSIONS_PER_USER)
		return of_user.oldest;
	return free_slot < SESSIONS_MAX ? free_slot : of_all.oldest;
}

void sessions_put(struct sessions *all, const struct session_owner *owner, const uint8_t *key,
		  size_t key_len, const uint8_t *session, size_t len, int64_t expires, int64_t now)
{
	struct shared *s = all->shared;
	size_t i;

	if (expires <= now || !len || key_len > SESSIONS_SIZE || len > SESSIONS_SIZE - key_len ||
	    !locked(s, pthread_mutex_lock(&s->lock)))
		return;
	expire(s, now);
	i = room(s, owner, key, key_len);
	wipe(s, i);
	s->heads[i] = (struct head){ .order = ++s->order,
				     .owner = *owner,
				     .expires = expires,
				     .key_len = key_len,
				     .len = len };
	memcpy(s->slots[i], key, key_len);
	memcpy(s->slots[i] + key_len, session, len);
	pthread_mutex_unlock(&s->lock);
}

size_t sessions_take(struct sessions *all, const struct session_owner *owner, const uint8_t *key,
		     size_t key_len, int64_t now, uint8_t *out)
{
	struct shared *s = all->shared;
	size_t newest = SESSIONS_MAX, len = 0;

	if (!locked(s, pthread_mutex_lock(&s->lock)))
		return 0;
	expire(s, now);
	for (size_t i = 0; i < SESSIONS_MAX; i++) {
		const struct head *h = &s->heads[i];

		if (h->owner.uid == owner->uid && h->owner.netns == owner->netns &&
		    has_key(s, i, key, key_len) &&
		    (newest == SESSIONS_MAX || h->order > s->heads[newest].order))
			newest = i;
	}
	if (newest < SESSIONS_MAX) {
		len = s->heads[newest].len;
		if (key_len <= SESSIONS_SIZE && len <= SESSIONS_SIZE - key_len)
			memcpy(out, s->slots[newest] + key_len, len);
		else
			len = 0; /* the configuration that ended took it away just now */
		wipe(s, newest);
	}
	pthread_mutex_unlock(&s->lock);
	return len;
}

size_t sessions_count(struct sessions *all, int64_t now)
{
	struct shared *s = all->shared;
	size_t count = 0;

	if (!locked(s, pthread_mutex_lock(&s->lock)))
		return 0;
	expire(s, now);
	for (size_t i = 0; i < SESSIONS_MAX; i++)
		count += s->heads[i].order != 0;
	pthread_mutex_unlock(&s->lock);
	return count;
}

int sessions_key(const struct sessions *all, bool seal, uint8_t name[HS_TICKET_NAME_LEN],
		 uint8_t key[HS_TICKET_KEY_LEN])
{
	return tickets_key(all->keys, NULL, seal, name, key);
}

int sessions_rotate(struct sessions *all)
{
	return tickets_rotate(all->keys);
}
