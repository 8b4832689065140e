// SPDX-License-Identifier: GPL-2.0-only
/*
 * direct.c: large records go straight from and to the memory of the program. What is odd about that
 * memory, or about the record, must not show: its bytes are right, what is not authentic or not
 * data is never left there, and what could not be reached sends nothing.
 */
#include "lib/net.h"
#include "lib/worker.h"

#include <linux/tls.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "kselftest_harness.h"

#define PAGE 4096
#define SIZE (64 * 1024)

static uint8_t data[SIZE], plain[REC_MAX], wire[REC_MAX];

FIXTURE(direct)
{
	struct pair p; /* c: the raw peer, s: under test */
	struct worker w;
	uint8_t *mem; /* SIZE bytes, and a page behind them that nobody may touch */
};

FIXTURE_VARIANT(direct)
{
	uint16_t version, suite;
	bool manual;
};

/* clang-format off */
FIXTURE_VARIANT_ADD(direct, tls13) { .version = TLS13, .suite = SUITE_AES_128 };
FIXTURE_VARIANT_ADD(direct, manual13) { .version = TLS13, .suite = SUITE_AES_256, .manual = true };
FIXTURE_VARIANT_ADD(direct, manual12) { .version = TLS12, .suite = SUITE_12_AES_128, .manual = true };
/* clang-format on */

FIXTURE_SETUP(direct)
{
	struct script brief = { .brief = true, .suite = variant->suite };
	struct pair *p = &self->p;

	memset(&self->w, 0, sizeof(self->w));
	pair_init(p, variant->version, variant->suite);
	ASSERT_EQ(0, env_setup());
	pattern_fill(data, sizeof(data), 0);
	self->mem = mmap(NULL, SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			 0);
	ASSERT_NE(MAP_FAILED, self->mem);
	ASSERT_EQ(0, mprotect(self->mem + SIZE, PAGE, PROT_NONE));
	if (variant->manual) {
		ASSERT_EQ(0, pair_manual_server(p, variant->version, variant->suite));
		return;
	}
	ASSERT_EQ(0, worker_start(&self->w, &brief));
	ASSERT_EQ(0, pair_raw_client(p, variant->suite));
}

FIXTURE_TEARDOWN(direct)
{
	munmap(self->mem, SIZE + PAGE);
	pair_close(&self->p);
	worker_stop(&self->w);
	EXPECT_EQ(0, self->w.error);
}

/* One record, seen whole on the wire: its content is the pattern at offset. */
static bool took(struct pair *p, size_t len, size_t offset)
{
	uint8_t type;

	return rec_recv(p->c, &p->crx, &type, plain) == (ssize_t)len && type == REC_DATA &&
	       pattern_ok(plain, len, offset);
}

TEST_F(direct, send_from_any_offset)
{
	static const size_t offsets[] = { 0, 1, 5, 15, 16, 17, 2048, PAGE - 1 };
	static const size_t sizes[] = { PAGE, PAGE + 1, 3 * PAGE - 1, REC_PLAIN_MAX };

	for (size_t i = 0; i < ARRAY_LEN(offsets) * ARRAY_LEN(sizes); i++) {
		uint8_t *from = self->mem + offsets[i % ARRAY_LEN(offsets)];
		size_t len = sizes[i / ARRAY_LEN(offsets)];

		memcpy(from, data, len);
		ASSERT_EQ((ssize_t)len, send(self->p.s, from, len, 0));
		EXPECT_TRUE(took(&self->p, len, 0));
	}
}

/* More pieces than a record has pages; pieces without a byte */
TEST_F(direct, send_from_pieces)
{
	struct iovec iov[64];

	for (size_t i = 0; i < ARRAY_LEN(iov); i++)
		iov[i] = (struct iovec){ .iov_base = data + 256 * i, .iov_len = 256 };
	ASSERT_EQ(REC_PLAIN_MAX, writev(self->p.s, iov, ARRAY_LEN(iov)));
	EXPECT_TRUE(took(&self->p, REC_PLAIN_MAX, 0));

	iov[0] = (struct iovec){ .iov_base = data, .iov_len = 5000 };
	iov[1] = (struct iovec){ .iov_base = NULL, .iov_len = 0 };
	iov[2] = (struct iovec){ .iov_base = data + 5000, .iov_len = 7001 };
	ASSERT_EQ(12001, writev(self->p.s, iov, 3));
	EXPECT_TRUE(took(&self->p, 12001, 0));
}

/* Memory that ends within a record: nothing of that record goes, what was before it does. */
TEST_F(direct, send_from_memory_that_ends)
{
	uint8_t *from = self->mem + SIZE - 8000;

	memcpy(from, data, 8000);
	EXPECT_EQ(-1, send(self->p.s, from, 12000, 0));
	EXPECT_EQ(EFAULT, errno);

	from = self->mem + SIZE - REC_PLAIN_MAX - 5000;
	memcpy(from, data, REC_PLAIN_MAX + 5000);
	EXPECT_EQ(REC_PLAIN_MAX, send(self->p.s, from, 2 * REC_PLAIN_MAX, 0));
	EXPECT_TRUE(took(&self->p, REC_PLAIN_MAX, 0));

	EXPECT_EQ(100, send(self->p.s, data, 100, 0));
	EXPECT_TRUE(took(&self->p, 100, 0));
}

/* The program may write over its memory as soon as send() has returned. */
TEST_F(direct, send_then_overwrite)
{
	memcpy(self->mem, data, REC_PLAIN_MAX);
	ASSERT_EQ(REC_PLAIN_MAX, send(self->p.s, self->mem, REC_PLAIN_MAX, 0));
	memset(self->mem, 0xee, REC_PLAIN_MAX);
	EXPECT_TRUE(took(&self->p, REC_PLAIN_MAX, 0));
}

static void put(struct __test_metadata *_metadata, struct pair *p, uint8_t type,
		const uint8_t *from, size_t len, size_t pad)
{
	size_t n = rec_seal(&p->ctx, type, from, len, pad, wire);

	ASSERT_EQ((ssize_t)n, write_all(p->c, wire, n));
}

TEST_F(direct, receive_to_any_offset)
{
	static const size_t offsets[] = { 0, 1, 5, 15, 16, 17, 2048, PAGE - 1 };
	static const size_t sizes[] = { PAGE, PAGE + 1, 3 * PAGE - 1, REC_PLAIN_MAX };

	for (size_t i = 0; i < ARRAY_LEN(offsets) * ARRAY_LEN(sizes); i++) {
		uint8_t *to = self->mem + offsets[i % ARRAY_LEN(offsets)];
		size_t len = sizes[i / ARRAY_LEN(offsets)];

		memset(self->mem, 0xee, SIZE);
		put(_metadata, &self->p, REC_DATA, data, len, 0);
		ASSERT_EQ((ssize_t)len, recv(self->p.s, to, len, MSG_WAITALL));
		EXPECT_TRUE(pattern_ok(to, len, 0));
		EXPECT_EQ(0xee, to[len]);
	}
}

/* A buffer that ends within the second record, and within memory */
TEST_F(direct, receive_to_memory_that_ends)
{
	uint8_t *to = self->mem + SIZE - 6000;

	for (int i = 0; i < 2; i++)
		put(_metadata, &self->p, REC_DATA, data + 5000 * i, 5000, 0);
	EXPECT_EQ(5000, recv(self->p.s, to, 5000, MSG_WAITALL));
	EXPECT_TRUE(pattern_ok(to, 5000, 0));
	/* the record is there for who has room for it */
	recv(self->p.s, self->mem + SIZE - 4096, 5000, 0);
	put(_metadata, &self->p, REC_DATA, data, 100, 0);
}

/* Padding shows only when the record is open already; the next ones are no worse for it. */
TEST_F(direct, receive_padded)
{
	static const size_t pads[] = { 0, 6000, 0, 1, 9000 };

	if (variant->version != TLS13)
		SKIP(return, "TLS 1.2 has no padding");
	for (size_t i = 0; i < ARRAY_LEN(pads); i++)
		put(_metadata, &self->p, REC_DATA, data + 5000 * i, 5000, pads[i]);
	ASSERT_EQ(25000, recv(self->p.s, self->mem, 25000, MSG_WAITALL));
	EXPECT_TRUE(pattern_ok(self->mem, 25000, 0));
	EXPECT_EQ(-1, recv(self->p.s, self->mem, SIZE, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

/* RFC 8446 section 5.2: nothing of a record that does not authenticate, wherever it was opened to */
TEST_F(direct, receive_tampered)
{
	static const size_t len = 3 * PAGE + 100;
	size_t good = rec_seal(&self->p.ctx, REC_DATA, data, 5000, 0, wire), n, same = 0;

	ASSERT_EQ((ssize_t)good, write_all(self->p.c, wire, good));
	n = rec_seal(&self->p.ctx, REC_DATA, data + 5000, len, 0, wire);
	wire[n - 1] ^= 1;
	ASSERT_EQ((ssize_t)n, write_all(self->p.c, wire, n));

	memset(self->mem, 0xee, SIZE);
	EXPECT_EQ(5000, recv(self->p.s, self->mem, SIZE, MSG_WAITALL));
	EXPECT_TRUE(pattern_ok(self->mem, 5000, 0));
	EXPECT_EQ(-1, recv(self->p.s, self->mem + 5000, SIZE - 5000, 0));
	EXPECT_EQ(EBADMSG, errno);
	for (size_t i = 0; i < len; i++)
		same += self->mem[5000 + i] == data[5000 + i];
	EXPECT_GT(len / 50, same);
}

/* Not data: by hand its type is told, else it is not the program's. In TLS 1.2 the header tells. */
TEST_F(direct, receive_not_data)
{
	static const uint8_t update[] = { 24, 0, 0, 1, 0 }; /* KeyUpdate, update_not_requested */
	size_t same = 0;

	if (variant->manual) {
		put(_metadata, &self->p, REC_HANDSHAKE, data, 5000, 0);
		memset(self->mem, 0xee, SIZE);
		/* without room for its type it is not given */
		EXPECT_EQ(-1, recv(self->p.s, self->mem, SIZE, 0));
		EXPECT_EQ(EIO, errno);
		for (size_t i = 0; i < 5000; i++)
			same += self->mem[i] == data[i];
		EXPECT_GT(100, same);
		return;
	}
	put(_metadata, &self->p, REC_HANDSHAKE, update, sizeof(update), 6000);
	key_next(&self->p.ctx);
	put(_metadata, &self->p, REC_DATA, data, 5000, 0);
	memset(self->mem, 0xee, SIZE);
	ASSERT_EQ(5000, recv(self->p.s, self->mem, 5000, MSG_WAITALL));
	EXPECT_TRUE(pattern_ok(self->mem, 5000, 0));
}

/* Records of every size in one call, and the window that opens for more all the while */
TEST_F(direct, receive_many)
{
	size_t at = 0, got = 0, n;
	ssize_t r;

	for (int i = 0; at < SIZE; i++) {
		n = i % 3 == 0 ? 7000 : i % 3 == 1 ? 3 : 1400;
		n = at + n > SIZE ? SIZE - at : n;
		put(_metadata, &self->p, REC_DATA, data + at, n, 0);
		at += n;
	}
	while (got < SIZE) {
		r = recv(self->p.s, self->mem + got, SIZE - got, 0);
		ASSERT_LT(0, r);
		got += (size_t)r;
	}
	EXPECT_TRUE(pattern_ok(self->mem, SIZE, 0));
	EXPECT_EQ(-1, recv(self->p.s, self->mem, SIZE, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
}

TEST_HARNESS_MAIN
