// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages for records in work, and where the pages of an iterator lie. A few are kept on each
 * processor: many kernels clear every page that is allocated, which costs more than a record's
 * cipher, and an idle socket should hold none. Whoever takes one finds in it what an earlier record
 * left, so it must never be given out beyond what was written to it; before the kernel gets it back
 * it is wiped.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/scatterlist.h>
#include <linux/uio.h>

#include "tlsock.h"

#define POOL_PAGES	(2 * TLSOCK_RECORD_PAGES)

struct pool {
	unsigned int n;
	struct page *pages[POOL_PAGES];
};

static DEFINE_PER_CPU(struct pool, pools);

struct page *tlsock_page_get(gfp_t gfp)
{
	struct pool *pool = get_cpu_ptr(&pools);
	struct page *page = pool->n ? pool->pages[--pool->n] : NULL;

	put_cpu_ptr(&pools);
	return page ?: alloc_page(gfp);
}

void tlsock_page_put(struct page *page)
{
	struct pool *pool;

	/* a pipe or an skb may still hold it, and what was given to them */
	if (page_count(page) > 1) {
		put_page(page);
		return;
	}
	pool = get_cpu_ptr(&pools);
	if (pool->n < POOL_PAGES) {
		pool->pages[pool->n++] = page;
		page = NULL;
	}
	put_cpu_ptr(&pools);
	if (!page)
		return;
	clear_page(page_address(page));
	put_page(page);
}

void tlsock_pages_put(struct page **pages)
{
	int i;

	for (i = 0; i < TLSOCK_RECORD_PAGES; i++) {
		if (!pages[i])
			continue;
		tlsock_page_put(pages[i]);
		pages[i] = NULL;
	}
}

void tlsock_pages_sg(struct scatterlist *sg, struct page **pages, size_t off, size_t len)
{
	size_t i = off / PAGE_SIZE, n = 0, chunk;

	sg_init_table(sg, TLSOCK_RECORD_PAGES);
	for (off %= PAGE_SIZE; len; off = 0, i++, n++) {
		chunk = min_t(size_t, len, PAGE_SIZE - off);
		sg_set_page(&sg[n], pages[i], chunk, off);
		len -= chunk;
	}
	sg_mark_end(&sg[n - 1]);
}

int tlsock_iter_pages(struct iov_iter *iter, struct page **pages, struct scatterlist *sg,
		      size_t len)
{
	size_t left = len, off, chunk;
	ssize_t got;
	int n = 0;

	while (left && n < TLSOCK_ITER_PAGES) {
		got = iov_iter_get_pages2(iter, pages + n, left, TLSOCK_ITER_PAGES - n, &off);
		if (got <= 0)
			break;
		left -= got;
		for (; got; n++, got -= chunk, off = 0) {
			chunk = min_t(size_t, got, PAGE_SIZE - off);
			sg_set_page(&sg[n], pages[n], chunk, off);
		}
	}
	if (!left)
		return n;
	iov_iter_revert(iter, len - left);
	while (n)
		put_page(pages[--n]);
	return 0;
}

void tlsock_pool_exit(void)
{
	struct pool *pool;
	int cpu;

	for_each_possible_cpu(cpu) {
		pool = per_cpu_ptr(&pools, cpu);
		while (pool->n) {
			clear_page(page_address(pool->pages[--pool->n]));
			put_page(pool->pages[pool->n]);
		}
	}
}
