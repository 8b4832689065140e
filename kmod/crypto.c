// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys of one direction: AEAD protection of RFC 8446 section 5.2 and RFC 5246
 * section 6.2.3.3 through the crypto API, and the next generation of RFC 8446 section
 * 7.2. Engines are made when the key is installed, and after a rest, and used synchronously;
 * nothing is allocated per record. Must never be called in softirq, never see a socket.
 */
#include <linux/crypto.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <crypto/hash.h>

#include "tlsock.h"

static struct kmem_cache *keys_cache;

int tlsock_keys_init(void)
{
	keys_cache = KMEM_CACHE(tlsock_keys, 0);
	return keys_cache ? 0 : -ENOMEM;
}

void tlsock_keys_exit(void)
{
	kmem_cache_destroy(keys_cache);
}

static struct tlsock_engine *engine_new(const struct tlsock_cipher *cipher, const u8 *key)
{
	struct tlsock_engine *e;
	struct crypto_aead *aead;
	int err;

	aead = crypto_alloc_aead(cipher->aead, 0, 0);
	if (IS_ERR(aead))
		return PTR_ERR(aead) == -ENOENT ? ERR_PTR(-EOPNOTSUPP) : ERR_CAST(aead);
	err = crypto_aead_setkey(aead, key, cipher->key_len) ?:
	      crypto_aead_setauthsize(aead, TLSOCK_TAG_LEN);
	e = err ? NULL : kzalloc(sizeof(*e) + crypto_aead_reqsize(aead), GFP_KERNEL);
	if (!e) {
		crypto_free_aead(aead);
		return ERR_PTR(err ?: -ENOMEM);
	}
	/* On Debian 6.1 and 6.12 the fast driver is behind an asynchronous wrapper, which is
	 * synchronous in process context; should it ever queue, this waits for it.
	 */
	crypto_init_wait(&e->wait);
	aead_request_set_tfm(&e->req, aead);
	aead_request_set_callback(&e->req, CRYPTO_TFM_REQ_MAY_BACKLOG | CRYPTO_TFM_REQ_MAY_SLEEP,
				  crypto_req_done, &e->wait);
	aead_request_set_ad(&e->req, cipher->version == TLSOCK_TLS_1_3 ? TLSOCK_HEADER_LEN :
									TLSOCK_AAD_MAX);
	return e;
}

int tlsock_keys_load(struct tlsock_keys *k)
{
	struct tlsock_engine *e = engine_new(k->cipher, k->key);

	if (IS_ERR(e))
		return PTR_ERR(e);
	k->engine = e;
	k->used = jiffies;
	return 0;
}

void tlsock_keys_unload(struct tlsock_keys *k)
{
	struct tlsock_engine *e = k->engine;

	if (!e)
		return;
	k->engine = NULL;
	crypto_free_aead(crypto_aead_reqtfm(&e->req));
	kfree_sensitive(e);
}

struct tlsock_keys *tlsock_keys_new(const struct tlsock_cipher *cipher, const u8 *key,
				    size_t key_len, const u8 *iv, size_t iv_len)
{
	struct tlsock_keys *k;
	int err;

	if (key_len != cipher->key_len || iv_len != cipher->iv_len)
		return ERR_PTR(-EINVAL);
	k = kmem_cache_zalloc(keys_cache, GFP_KERNEL);
	if (!k)
		return ERR_PTR(-ENOMEM);
	k->cipher = cipher;
	memcpy(k->iv, iv, iv_len);
	memcpy(k->key, key, key_len);
	err = tlsock_keys_load(k);
	if (err) {
		tlsock_keys_free(k);
		return ERR_PTR(err);
	}
	return k;
}

void tlsock_keys_free(struct tlsock_keys *k)
{
	if (!k)
		return;
	tlsock_keys_unload(k);
	memzero_explicit(k, sizeof(*k));
	kmem_cache_free(keys_cache, k);
}

static int keys_run(struct tlsock_keys *k, struct scatterlist *src, struct scatterlist *dst,
		    size_t len, bool encrypt)
{
	struct tlsock_engine *e = k->engine;

	might_sleep();
	k->used = jiffies;
	aead_request_set_crypt(&e->req, src, dst, len, e->nonce);
	return crypto_wait_req(encrypt ? crypto_aead_encrypt(&e->req) :
			       crypto_aead_decrypt(&e->req), &e->wait);
}

/* With additional data in front of both. A function of its own, for what is on its stack. */
static noinline int keys_run_aad(struct tlsock_keys *k, struct scatterlist *src,
				 struct scatterlist *dst, size_t len, bool encrypt)
{
	struct scatterlist from[2], to[2];

	sg_init_table(from, 2);
	sg_set_buf(&from[0], k->engine->aad, TLSOCK_AAD_MAX);
	sg_chain(from, 2, src);
	sg_init_table(to, 2);
	sg_set_buf(&to[0], k->engine->aad, TLSOCK_AAD_MAX);
	sg_chain(to, 2, dst);
	return keys_run(k, from, dst == src ? from : to, len, encrypt);
}

/* RFC 8446 section 5.2: the additional data is the record's header, which lies in front of it;
 * in TLS 1.2 it is made up.
 */
static int keys_crypt(struct tlsock_keys *k, struct scatterlist *src, struct scatterlist *dst,
		      size_t len, bool encrypt)
{
	if (k->cipher->version == TLSOCK_TLS_1_3)
		return keys_run(k, src, dst, len, encrypt);
	return keys_run_aad(k, src, dst, len, encrypt);
}

/* RFC 3610 section 2.3: CCM's counter block begins with its flags */
static void keys_nonce(struct tlsock_keys *k, const u8 *expl)
{
	u8 *nonce = k->engine->nonce;

	nonce[0] = k->cipher->nonce_flags;
	tlsock_nonce(nonce + !!k->cipher->nonce_flags, k->cipher, k->iv, expl, k->seq);
}

int tlsock_keys_seal(struct tlsock_keys *k, struct scatterlist *src, struct scatterlist *dst,
		     u8 type, size_t len)
{
	const struct tlsock_cipher *c = k->cipher;
	u8 expl[8];
	int err;

	/* RFC 8446 section 5.3: sequence numbers must not wrap */
	if (k->seq == U64_MAX)
		return -EKEYEXPIRED;
	if (WARN_ON_ONCE(!k->engine))
		return -EINVAL;
	put_unaligned_be64(k->expl, expl);
	keys_nonce(k, expl);
	if (c->version != TLSOCK_TLS_1_3)
		tlsock_aad(k->engine->aad, c, type, k->seq, len,
			   c->explicit_len + len + TLSOCK_TAG_LEN);
	err = keys_crypt(k, src, dst, len, true);
	if (!err) {
		k->seq++;
		k->expl++;
	}
	return err;
}

int tlsock_keys_open(struct tlsock_keys *k, struct scatterlist *src, struct scatterlist *dst,
		     u8 type, const u8 *expl, size_t len)
{
	const struct tlsock_cipher *c = k->cipher;
	int err;

	if (len < TLSOCK_TAG_LEN)
		return -EBADMSG;
	if (k->seq == U64_MAX)
		return -EKEYEXPIRED;
	if (WARN_ON_ONCE(!k->engine))
		return -EINVAL;
	keys_nonce(k, expl);
	if (c->version != TLSOCK_TLS_1_3)
		tlsock_aad(k->engine->aad, c, type, k->seq, len - TLSOCK_TAG_LEN,
			   c->explicit_len + len);
	err = keys_crypt(k, src, dst, len, false);
	if (!err)
		k->seq++;
	return err;
}

size_t tlsock_keys_skip(const struct tlsock_keys *k)
{
	return k->cipher->version == TLSOCK_TLS_1_3 ? 0 : tlsock_head_len(k->cipher);
}

/*
 * HKDF-Expand-Label(secret, label, "", len) of RFC 8446 section 7.1. One block of HMAC
 * is enough for everything a traffic secret gives (RFC 5869 section 2.3).
 */
static int expand_label(struct crypto_shash *hmac, const u8 *secret, size_t secret_len,
			const char *label, u8 *out, size_t len)
{
	SHASH_DESC_ON_STACK(desc, hmac);
	u8 block[TLSOCK_SECRET_MAX];
	u8 info[64];
	size_t n = 0, label_len = strlen(label);
	int err;

	if (WARN_ON_ONCE(len > crypto_shash_digestsize(hmac) || label_len > 32))
		return -EINVAL;
	put_unaligned_be16(len, info);
	n += 2;
	info[n++] = 6 + label_len;
	memcpy(info + n, "tls13 ", 6);
	n += 6;
	memcpy(info + n, label, label_len);
	n += label_len;
	info[n++] = 0;		/* empty context */
	info[n++] = 1;		/* HKDF's counter */

	desc->tfm = hmac;
	err = crypto_shash_setkey(hmac, secret, secret_len) ?:
	      crypto_shash_digest(desc, info, n, block);
	if (!err)
		memcpy(out, block, len);
	shash_desc_zero(desc);
	memzero_explicit(block, sizeof(block));
	return err;
}

struct tlsock_keys *tlsock_keys_next(const struct tlsock_keys *k)
{
	const struct tlsock_cipher *c = k->cipher;
	u8 secret[TLSOCK_SECRET_MAX], key[TLSOCK_KEY_MAX], iv[TLSOCK_NONCE_LEN];
	struct crypto_shash *hmac;
	struct tlsock_keys *next;
	int err;

	hmac = crypto_alloc_shash(c->hmac, 0, 0);
	if (IS_ERR(hmac))
		return ERR_CAST(hmac);
	err = expand_label(hmac, k->secret, k->secret_len, "traffic upd", secret, c->hash_len) ?:
	      expand_label(hmac, secret, c->hash_len, "key", key, c->key_len) ?:
	      expand_label(hmac, secret, c->hash_len, "iv", iv, c->iv_len);
	if (err) {
		next = ERR_PTR(err);
		goto out_wipe;
	}
	next = tlsock_keys_new(c, key, c->key_len, iv, c->iv_len);
	if (IS_ERR(next))
		goto out_wipe;
	next->suite = k->suite;
	next->epoch = k->epoch;
	next->secret_len = c->hash_len;
	memcpy(next->secret, secret, c->hash_len);

out_wipe:
	memzero_explicit(secret, sizeof(secret));
	memzero_explicit(key, sizeof(key));
	memzero_explicit(iv, sizeof(iv));
	crypto_free_shash(hmac);
	return next;
}
