// SPDX-License-Identifier: MIT
/*
 * test_hello.c - hellos that an honest peer never sends, RFC 8446 sections 4.1 to 4.3
 *
 * Each row edits one message on its way and says which alert the receiver must raise, or
 * that it must go on. GREASE (RFC 8701) has to be let through everywhere.
 */
#include <stdlib.h>

#include "edit.h"
#include "tap.h"

#define ACCEPTED 0
#define EDITS 8

struct row {
	const char *what;
	enum alert alert; /* ACCEPTED: the receiver goes on */
	struct edit edits[EDITS];
};

#define ZEROS_32 "0000000000000000000000000000000000000000000000000000000000000000"
#define X25519_SHARE \
	"001d0020"   \
	"0900000000000000000000000000000000000000000000000000000000000000"
#define GROUPS 10
#define SCHEMES 13
#define ALPN 16
#define PSK 41
#define EARLY 42
#define VERSIONS 43
#define COOKIE 44
#define FRAGMENT 1
#define RECORD_LIMIT 28
#define MODES 45
#define SHARES 51
#define PSK_BODY "000a00047469636b00000000002120" ZEROS_32

static const struct row client_hellos[] = {
	{ "as it is", ACCEPTED, { { EDIT_NONE, 0, NULL } } },
	{ "GREASE in every place",
	  ACCEPTED,
	  { { EDIT_SUITES, 0, "0a0a13011302dada" },
	    { EDIT_ADD_FIRST, 0x1a1a, "" },
	    { EDIT_SET, GROUPS, "00082a2a001d00173a3a" },
	    { EDIT_SET, SCHEMES, "00064a4a04030807" },
	    { EDIT_SET, SHARES, "00295a5a000100" X25519_SHARE },
	    { EDIT_SET, VERSIONS, "046a6a0304" },
	    { EDIT_SET, MODES, "020b01" },
	    { EDIT_ADD, 0xfafa, "00" } } },
	{ "an unknown extension", ACCEPTED, { { EDIT_ADD, 0x1234, "0102" } } },
	{ "extensions that only TLS 1.2 knows",
	  ACCEPTED,
	  { { EDIT_ADD, 0xff01, "00" }, { EDIT_ADD, 23, "" }, { EDIT_ADD, 11, "0100" } } },
	{ "no session id", ACCEPTED, { { EDIT_SESSION_ID, 0, "" } } },
	{ "an odd legacy_version", ACCEPTED, { { EDIT_VERSION, 0, "0301" } } },
	{ "a ClientHello of 61 KB", ACCEPTED, { { EDIT_GROW, 0, NULL } } },
	{ "a ticket that this server never gave",
	  ACCEPTED,
	  { { EDIT_ADD, MODES, "0101" }, { EDIT_ADD, PSK, PSK_BODY } } },
	{ "a key share of an unknown group only", /* a retry */
	  ACCEPTED,
	  { { EDIT_SET, SHARES, "00065a5a00020000" } } },
	{ "no key share at all", ACCEPTED, { { EDIT_SET, SHARES, "0000" } } },

	{ "no extensions", ALERT_PROTOCOL_VERSION, { { EDIT_NO_EXTENSIONS, 0, NULL } } },
	{ "no supported_versions", ALERT_PROTOCOL_VERSION, { { EDIT_DROP, VERSIONS, NULL } } },
	{ "TLS 1.2 only", ALERT_PROTOCOL_VERSION, { { EDIT_SET, VERSIONS, "0403030302" } } },
	{ "compression", ALERT_ILLEGAL_PARAMETER, { { EDIT_COMPRESSION, 0, "0100" } } },
	{ "compression only", ALERT_ILLEGAL_PARAMETER, { { EDIT_COMPRESSION, 0, "01" } } },
	{ "no compression method", ALERT_DECODE_ERROR, { { EDIT_COMPRESSION, 0, "" } } },
	{ "a session id of 33 bytes",
	  ALERT_DECODE_ERROR,
	  { { EDIT_SESSION_ID, 0, ZEROS_32 "00" } } },
	{ "TLS_FALLBACK_SCSV with TLS 1.3 offered",
	  ACCEPTED,
	  { { EDIT_SUITES, 0, "130113025600" } } },
	{ "TLS_FALLBACK_SCSV with TLS 1.2 only, before a server of TLS 1.3 only",
	  ALERT_INAPPROPRIATE_FALLBACK,
	  { { EDIT_SUITES, 0, "c02b5600" }, { EDIT_DROP, VERSIONS, NULL } } },
	{ "no suites", ALERT_DECODE_ERROR, { { EDIT_SUITES, 0, "" } } },
	{ "half a suite", ALERT_DECODE_ERROR, { { EDIT_SUITES, 0, "130113" } } },
	{ "no suite in common", ALERT_HANDSHAKE_FAILURE, { { EDIT_SUITES, 0, "130313040a0a" } } },
	{ "no group in common",
	  ALERT_HANDSHAKE_FAILURE,
	  { { EDIT_SET, GROUPS, "00020019" }, { EDIT_SET, SHARES, "0000" } } },
	{ "no scheme in common", ALERT_HANDSHAKE_FAILURE, { { EDIT_SET, SCHEMES, "00020603" } } },
	{ "no signature_algorithms", ALERT_MISSING_EXTENSION, { { EDIT_DROP, SCHEMES, NULL } } },
	{ "no supported_groups", ALERT_MISSING_EXTENSION, { { EDIT_DROP, GROUPS, NULL } } },
	{ "no key_share", ALERT_MISSING_EXTENSION, { { EDIT_DROP, SHARES, NULL } } },
	{ "trailing bytes", ALERT_DECODE_ERROR, { { EDIT_TRAIL, 0, "00" } } },
	{ "an extension twice", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, GROUPS, "0002001d" } } },
	{ "an unknown extension twice",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_ADD, 0x1234, "" }, { EDIT_ADD, 0x1234, "" } } },
	{ "300 extensions", ALERT_ILLEGAL_PARAMETER, { { EDIT_FLOOD, 0, NULL } } },
	{ "pre_shared_key that is not the last",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_ADD, MODES, "0101" }, { EDIT_ADD, PSK, PSK_BODY }, { EDIT_ADD, 0x1234, "" } } },
	{ "pre_shared_key without its modes",
	  ALERT_MISSING_EXTENSION,
	  { { EDIT_ADD, PSK, PSK_BODY } } },
	{ "a pre_shared_key that is not taken, and no signature_algorithms",
	  ALERT_MISSING_EXTENSION,
	  { { EDIT_DROP, SCHEMES, NULL },
	    { EDIT_ADD, MODES, "0101" },
	    { EDIT_ADD, PSK, PSK_BODY } } },
	{ "pre_shared_key without (EC)DHE, and no signature_algorithms",
	  ALERT_MISSING_EXTENSION,
	  { { EDIT_DROP, SCHEMES, NULL },
	    { EDIT_ADD, MODES, "0100" },
	    { EDIT_ADD, PSK, PSK_BODY } } },
	{ "pre_shared_key without (EC)DHE, and nothing for it",
	  ALERT_HANDSHAKE_FAILURE,
	  { { EDIT_DROP, SCHEMES, NULL },
	    { EDIT_DROP, GROUPS, NULL },
	    { EDIT_DROP, SHARES, NULL },
	    { EDIT_ADD, MODES, "0100" },
	    { EDIT_ADD, PSK, PSK_BODY } } },
	{ "pre_shared_key and key_share without supported_groups",
	  ALERT_MISSING_EXTENSION,
	  { { EDIT_DROP, GROUPS, NULL },
	    { EDIT_ADD, MODES, "0101" },
	    { EDIT_ADD, PSK, PSK_BODY } } },
	{ "pre_shared_key and supported_groups without key_share",
	  ALERT_MISSING_EXTENSION,
	  { { EDIT_DROP, SHARES, NULL },
	    { EDIT_ADD, MODES, "0101" },
	    { EDIT_ADD, PSK, PSK_BODY } } },
	{ "pre_shared_key that is malformed",
	  ALERT_DECODE_ERROR,
	  { { EDIT_ADD, MODES, "0101" }, { EDIT_ADD, PSK, "000a00047469636b000000000001" } } },
	{ "pre_shared_key with more binders than identities",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_ADD, MODES, "0101" },
	    { EDIT_ADD, PSK, "000a00047469636b00000000004220" ZEROS_32 "20" ZEROS_32 } } },
	{ "pre_shared_key with more identities than binders",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_ADD, MODES, "0101" },
	    { EDIT_ADD, PSK,
	      "0014"
	      "00047469636b00000000"
	      "00047469636b00000000"
	      "002120" ZEROS_32 } } },
	{ "a cookie that was not sent",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_ADD, COOKIE, "00020102" } } },

	{ "two key shares of one group",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES, "0048" X25519_SHARE X25519_SHARE } } },
	{ "two key shares of an unknown group",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES, "000a5a5a0001005a5a000100" } } },
	{ "a key share of a group that is not listed",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, GROUPS, "00020017" } } },
	{ "a key share that is all zero",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES, "0024001d0020" ZEROS_32 } } },
	{ "a key share of 31 bytes",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES,
	      "0023001d001f"
	      "00000000000000000000000000000000000000000000000000000000000009" } } },
	{ "an empty key share", ALERT_DECODE_ERROR, { { EDIT_SET, SHARES, "0004001d0000" } } },
	{ "a point off the curve",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES, "00450017004104" ZEROS_32 ZEROS_32 } } },
	{ "a compressed point",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES,
	      "002500170021"
	      "036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" } } },
	{ "the point at infinity",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES, "00050017000100" } } },

	{ "an empty list of names", ALERT_DECODE_ERROR, { { EDIT_SET, 0, "0000" } } },
	{ "an empty name", ALERT_DECODE_ERROR, { { EDIT_SET, 0, "0003000000" } } },
	{ "a name of another type", ALERT_DECODE_ERROR, { { EDIT_SET, 0, "000401000161" } } },
	{ "two names", ALERT_DECODE_ERROR, { { EDIT_SET, 0, "00080000016100000162" } } },
	{ "a newline in a name", ALERT_DECODE_ERROR, { { EDIT_SET, 0, "00050000020a61" } } },
	{ "server_name without a body", ALERT_DECODE_ERROR, { { EDIT_SET, 0, "" } } },
	{ "an empty protocol name", ALERT_DECODE_ERROR, { { EDIT_ADD, ALPN, "00020000" } } },
	{ "no protocol names", ALERT_DECODE_ERROR, { { EDIT_ADD, ALPN, "0000" } } },
	{ "half a version", ALERT_DECODE_ERROR, { { EDIT_SET, VERSIONS, "03030403" } } },
	{ "bytes behind the versions", ALERT_DECODE_ERROR, { { EDIT_SET, VERSIONS, "02030400" } } },
	{ "half a group", ALERT_DECODE_ERROR, { { EDIT_SET, GROUPS, "0003001d00" } } },
	{ "half a scheme", ALERT_DECODE_ERROR, { { EDIT_SET, SCHEMES, "0003040308" } } },
	{ "an empty list of modes", ALERT_DECODE_ERROR, { { EDIT_SET, MODES, "00" } } },
	{ "early_data with a body", ALERT_DECODE_ERROR, { { EDIT_ADD, EARLY, "00" } } },
	{ "the least record_size_limit", ACCEPTED, { { EDIT_SET, RECORD_LIMIT, "0040" } } },
	{ "more than any record has", ACCEPTED, { { EDIT_SET, RECORD_LIMIT, "ffff" } } },
	{ "max_fragment_length, too", ACCEPTED, { { EDIT_ADD, FRAGMENT, "01" } } },
	{ "a record_size_limit of 63",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, RECORD_LIMIT, "003f" } } },
	{ "a record_size_limit of 0",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, RECORD_LIMIT, "0000" } } },
	{ "half a record_size_limit", ALERT_DECODE_ERROR, { { EDIT_SET, RECORD_LIMIT, "40" } } },
	{ "an empty record_size_limit", ALERT_DECODE_ERROR, { { EDIT_SET, RECORD_LIMIT, "" } } },
	{ "bytes behind record_size_limit",
	  ALERT_DECODE_ERROR,
	  { { EDIT_SET, RECORD_LIMIT, "400100" } } },
};

/* After a HelloRetryRequest. */
static const struct row second_client_hellos[] = {
	{ "as it is", ACCEPTED, { { EDIT_NONE, 0, NULL } } },
	{ "padding that is new", ACCEPTED, { { EDIT_ADD_FIRST, 21, "000000" } } },
	{ "another random", ALERT_ILLEGAL_PARAMETER, { { EDIT_RANDOM, 0, ZEROS_32 } } },
	{ "another session id", ALERT_ILLEGAL_PARAMETER, { { EDIT_SESSION_ID, 0, ZEROS_32 } } },
	{ "other suites", ALERT_ILLEGAL_PARAMETER, { { EDIT_SUITES, 0, "13021301" } } },
	{ "an extension less", ALERT_ILLEGAL_PARAMETER, { { EDIT_DROP, 0, NULL } } },
	{ "no signature_algorithms any more",
	  ALERT_MISSING_EXTENSION,
	  { { EDIT_DROP, SCHEMES, NULL } } },
	{ "a pre_shared_key in the place of signature_algorithms",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_DROP, SCHEMES, NULL },
	    { EDIT_ADD, MODES, "0101" },
	    { EDIT_ADD, PSK, PSK_BODY } } },
	{ "an extension more", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, 0x1234, "" } } },
	{ "another name",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, 0,
	      "0013"
	      "000010"
	      "6576696c6c6c6c2e6578616d706c6521" } } },
	{ "early data", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, EARLY, "" } } },
	{ "a cookie that was not sent",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_ADD, COOKIE, "00020102" } } },
	{ "no key share", ALERT_ILLEGAL_PARAMETER, { { EDIT_SET, SHARES, "0000" } } },
	{ "the first key share again",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES, "0024" X25519_SHARE } } },
	{ "another record_size_limit",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, RECORD_LIMIT, "0400" } } },
	{ "no TLS 1.3 any more", ALERT_PROTOCOL_VERSION, { { EDIT_DROP, VERSIONS, NULL } } },
};

#define SENTINEL_12 "000000000000000000000000000000000000000000000000444f574e47524401"
#define SENTINEL_11 "000000000000000000000000000000000000000000000000444f574e47524400"

static const struct row server_hellos[] = {
	{ "as it is", ACCEPTED, { { EDIT_NONE, 0, NULL } } },
	{ "TLS 1.2", ALERT_PROTOCOL_VERSION, { { EDIT_DROP, VERSIONS, NULL } } },
	{ "TLS 1.2 with its own extensions",
	  ALERT_PROTOCOL_VERSION,
	  { { EDIT_DROP, VERSIONS, NULL },
	    { EDIT_DROP, SHARES, NULL },
	    { EDIT_ADD, 0xff01, "00" },
	    { EDIT_ADD, 23, "" } } },
	{ "no extensions", ALERT_PROTOCOL_VERSION, { { EDIT_NO_EXTENSIONS, 0, NULL } } },
	{ "the sentinel of TLS 1.2",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_RANDOM, 0, SENTINEL_12 }, { EDIT_DROP, VERSIONS, NULL } } },
	{ "the sentinel of TLS 1.1",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_RANDOM, 0, SENTINEL_11 },
	    { EDIT_VERSION, 0, "0302" },
	    { EDIT_NO_EXTENSIONS, 0, NULL } } },
	{ "the sentinel of TLS 1.2 in TLS 1.3, where it says nothing",
	  ACCEPTED,
	  { { EDIT_RANDOM, 0, SENTINEL_12 } } },
	{ "TLS 1.2 in supported_versions",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, VERSIONS, "0303" } } },
	{ "a draft of TLS 1.3", ALERT_ILLEGAL_PARAMETER, { { EDIT_SET, VERSIONS, "7f1c" } } },
	{ "another legacy_version", ALERT_ILLEGAL_PARAMETER, { { EDIT_VERSION, 0, "0304" } } },
	{ "another session id", ALERT_ILLEGAL_PARAMETER, { { EDIT_SESSION_ID, 0, ZEROS_32 } } },
	{ "no session id", ALERT_ILLEGAL_PARAMETER, { { EDIT_SESSION_ID, 0, "" } } },
	{ "a suite that was not offered", ALERT_ILLEGAL_PARAMETER, { { EDIT_SUITES, 0, "1303" } } },
	{ "a suite of TLS 1.2", ALERT_ILLEGAL_PARAMETER, { { EDIT_SUITES, 0, "c02b" } } },
	{ "compression", ALERT_ILLEGAL_PARAMETER, { { EDIT_COMPRESSION, 0, "01" } } },
	{ "no key share", ALERT_MISSING_EXTENSION, { { EDIT_DROP, SHARES, NULL } } },
	{ "a share of a group that was not sent",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES,
	      "0017"
	      "004104" ZEROS_32 ZEROS_32 } } },
	{ "a share that is all zero",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES, "001d0020" ZEROS_32 } } },
	{ "a share of 33 bytes",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, SHARES, "001d0021" ZEROS_32 "09" } } },
	{ "a share with bytes behind it",
	  ALERT_DECODE_ERROR,
	  { { EDIT_SET, SHARES, X25519_SHARE "00" } } },
	{ "trailing bytes", ALERT_DECODE_ERROR, { { EDIT_TRAIL, 0, "00" } } },
	{ "an extension twice", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, VERSIONS, "0304" } } },
	{ "an unknown extension", ALERT_UNSUPPORTED_EXTENSION, { { EDIT_ADD, 0x1234, "" } } },
	{ "GREASE", ALERT_UNSUPPORTED_EXTENSION, { { EDIT_ADD, 0x1a1a, "" } } },
	{ "a ticket taken that was not offered",
	  ALERT_UNSUPPORTED_EXTENSION,
	  { { EDIT_ADD, PSK, "0000" } } },
	{ "an extension that belongs elsewhere",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_ADD, ALPN, "0003026832" } } },
	{ "a cookie", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, COOKIE, "00020102" } } },
	{ "record_size_limit", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, RECORD_LIMIT, "4001" } } },
};

#define RETRY_RANDOM "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"

/* A ServerHello made into a HelloRetryRequest. */
static const struct row retries[] = {
	{ "to P-256",
	  ACCEPTED,
	  { { EDIT_RANDOM, 0, RETRY_RANDOM }, { EDIT_SET, SHARES, "0017" } } },
	{ "with a cookie only",
	  ACCEPTED,
	  { { EDIT_RANDOM, 0, RETRY_RANDOM },
	    { EDIT_DROP, SHARES, NULL },
	    { EDIT_ADD, COOKIE, "00020102" } } },
	{ "to the group that was sent",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_RANDOM, 0, RETRY_RANDOM }, { EDIT_SET, SHARES, "001d" } } },
	{ "to a group that was not offered",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_RANDOM, 0, RETRY_RANDOM }, { EDIT_SET, SHARES, "0019" } } },
	{ "that asks for nothing",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_RANDOM, 0, RETRY_RANDOM }, { EDIT_DROP, SHARES, NULL } } },
	{ "with an empty cookie",
	  ALERT_DECODE_ERROR,
	  { { EDIT_RANDOM, 0, RETRY_RANDOM },
	    { EDIT_DROP, SHARES, NULL },
	    { EDIT_ADD, COOKIE, "0000" } } },
	{ "with a whole share", ALERT_DECODE_ERROR, { { EDIT_RANDOM, 0, RETRY_RANDOM } } },
	{ "with an unknown extension",
	  ALERT_UNSUPPORTED_EXTENSION,
	  { { EDIT_RANDOM, 0, RETRY_RANDOM },
	    { EDIT_SET, SHARES, "0017" },
	    { EDIT_ADD, 0x1234, "" } } },
	{ "with a suite that was not offered",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_RANDOM, 0, RETRY_RANDOM },
	    { EDIT_SET, SHARES, "0017" },
	    { EDIT_SUITES, 0, "1303" } } },
};

/* A ServerHello that follows a HelloRetryRequest. */
static const struct row second_server_hellos[] = {
	{ "as it is", ACCEPTED, { { EDIT_NONE, 0, NULL } } },
	{ "another suite", ALERT_ILLEGAL_PARAMETER, { { EDIT_SUITES, 0, "1302" } } },
	{ "another group", ALERT_ILLEGAL_PARAMETER, { { EDIT_SET, SHARES, X25519_SHARE } } },
	{ "a second HelloRetryRequest",
	  ALERT_UNEXPECTED_MESSAGE,
	  { { EDIT_RANDOM, 0, RETRY_RANDOM }, { EDIT_SET, SHARES, "0018" } } },
};

static const struct row encrypted_extensions[] = {
	{ "as they are", ACCEPTED, { { EDIT_NONE, 0, NULL } } },
	{ "supported_groups", ACCEPTED, { { EDIT_ADD, GROUPS, "00040017001d" } } },
	{ "malformed supported_groups",
	  ALERT_DECODE_ERROR,
	  { { EDIT_ADD, GROUPS, "0003001700" } } },
	{ "an unknown extension", ALERT_UNSUPPORTED_EXTENSION, { { EDIT_ADD, 0x1234, "" } } },
	{ "early data", ALERT_UNSUPPORTED_EXTENSION, { { EDIT_ADD, EARLY, "" } } },
	{ "a name of its own", ALERT_DECODE_ERROR, { { EDIT_SET, 0, "00" } } },
	{ "a key share", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, SHARES, X25519_SHARE } } },
	{ "supported_versions", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, VERSIONS, "0304" } } },
	{ "signature_algorithms", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, SCHEMES, "00020403" } } },
	{ "a protocol that was offered", ACCEPTED, { { EDIT_SET, ALPN, "0003026832" } } },
	{ "a protocol that was not offered",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, ALPN, "0003026833" } } },
	{ "the least record_size_limit", ACCEPTED, { { EDIT_SET, RECORD_LIMIT, "0040" } } },
	{ "no record_size_limit", ACCEPTED, { { EDIT_DROP, RECORD_LIMIT, NULL } } },
	{ "a record_size_limit of 63",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_SET, RECORD_LIMIT, "003f" } } },
	{ "half a record_size_limit", ALERT_DECODE_ERROR, { { EDIT_SET, RECORD_LIMIT, "40" } } },
	{ "max_fragment_length and record_size_limit", /* RFC 8449 section 5 */
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_ADD, FRAGMENT, "01" } } },
	{ "the same in the other order",
	  ALERT_ILLEGAL_PARAMETER,
	  { { EDIT_ADD_FIRST, FRAGMENT, "01" } } },
	{ "max_fragment_length alone",
	  ALERT_UNSUPPORTED_EXTENSION,
	  { { EDIT_DROP, RECORD_LIMIT, NULL }, { EDIT_ADD, FRAGMENT, "01" } } },
	{ "two protocols", ALERT_DECODE_ERROR, { { EDIT_SET, ALPN, "0006026832026833" } } },
	{ "trailing bytes", ALERT_DECODE_ERROR, { { EDIT_TRAIL, 0, "00" } } },
	{ "no extensions", ALERT_DECODE_ERROR, { { EDIT_NO_EXTENSIONS, 0, NULL } } },
};

static const struct row certificate_requests[] = {
	{ "as it is", ACCEPTED, { { EDIT_NONE, 0, NULL } } },
	{ "unknown extensions",
	  ACCEPTED,
	  { { EDIT_ADD, 0x1a1a, "" }, { EDIT_ADD, 48, "00020000" } } },
	{ "certificate_authorities of no authority",
	  ALERT_DECODE_ERROR,
	  { { EDIT_ADD, 47, "0000" } } },
	{ "certificate_authorities with an empty name",
	  ALERT_DECODE_ERROR,
	  { { EDIT_ADD, 47, "00050001300000" } } },
	{ "no signature_algorithms", ALERT_MISSING_EXTENSION, { { EDIT_DROP, SCHEMES, NULL } } },
	{ "a key share", ALERT_ILLEGAL_PARAMETER, { { EDIT_ADD, SHARES, X25519_SHARE } } },
	{ "trailing bytes", ALERT_DECODE_ERROR, { { EDIT_TRAIL, 0, "00" } } },
};

/* Which message of the handshake the rows are about. */
struct target {
	const char *what;
	const struct row *rows;
	size_t count;
	uint8_t type;
	unsigned int nth; /* of that type */
	bool retry;
	bool ask; /* for a client certificate */
};

struct aim {
	const struct target *target;
	const struct row *row;
	unsigned int seen;
	size_t hit;
};

static void edit_target(struct pair *p, struct message *m, size_t index)
{
	struct aim *aim = p->tamper_arg;
	size_t count = 0;

	if (m->bytes[0] != aim->target->type || aim->seen++ != aim->target->nth)
		return;
	while (count < EDITS && aim->row->edits[count].op != EDIT_NONE)
		count++;
	edit_message(m, aim->row->edits, count);
	aim->hit = index + 1;
}

static void one_row(const struct target *t, const struct row *row)
{
	static const uint16_t client_groups[] = { HS_X25519, HS_SECP256R1, HS_SECP384R1 };
	struct aim aim = { .target = t, .row = row };
	struct hs_trust *trust = identity_trust(test_root());
	const struct party *receiver;
	struct pair p;
	bool good;

	pair_init(&p, KEY_ECDSA_P256);
	p.side[HS_CLIENT].config.groups = client_groups;
	p.side[HS_CLIENT].config.group_count = 3;
	p.side[HS_SERVER].config.groups = client_groups + t->retry;
	p.side[HS_SERVER].config.group_count = t->retry ? 1 : 3;
	if (t->type == MESSAGE_ENCRYPTED_EXTENSIONS) {
		p.side[HS_CLIENT].config.alpn = (const uint8_t *)"\x02h2";
		p.side[HS_CLIENT].config.alpn_len = 3;
	}
	if (t->ask) {
		p.side[HS_SERVER].config.verify = HS_VERIFY_OPTIONAL;
		p.side[HS_SERVER].config.trust = trust;
	}
	p.tamper = edit_target;
	p.tamper_arg = &aim;
	pair_start(&p);
	while (!aim.hit && pair_step(&p))
		;
	receiver = &p.side[t->type == MESSAGE_CLIENT_HELLO ? HS_SERVER : HS_CLIENT];
	if (row->alert == ACCEPTED)
		good = aim.hit && !receiver->failed;
	else
		good = aim.hit && receiver->failed && !receiver->complete &&
		       receiver->failure.alert == row->alert &&
		       receiver->failure.error ==
			       (row->alert == ALERT_HANDSHAKE_FAILURE ? EPERM : EPROTO);
	/* no ServerHello, or the client could not read the alert */
	if (row->alert != ACCEPTED && t->type == MESSAGE_CLIENT_HELLO)
		good = good && p.sent_count == aim.hit;
	ok(good, "%s, %s: %s", t->what, row->what, receiver->failed ? receiver->text : "accepted");
	if (!good)
		note("alert %s", hs_alert_name(receiver->failure.alert));
	pair_free(&p);
	hs_trust_unref(trust);
}

/* RFC 8446 section 4.2.2: the cookie comes back as it was, of whatever length. */
static void cookie_echo(void)
{
	static const struct edit edits[] = { { EDIT_RANDOM, 0, RETRY_RANDOM },
					     { EDIT_SET, SHARES, "0017" },
					     { EDIT_ADD, COOKIE, "00080102030405060708" } };
	static const uint8_t expected[] = { 0, COOKIE, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8 };
	const struct message *second;
	struct pair p;

	pair_init(&p, KEY_ECDSA_P256);
	pair_start(&p);
	pair_step(&p);
	edit_message(&p.sent[1], edits, 3);
	p.sent_count = 2; /* the rest of the server's flight is for another client */
	for (size_t i = 2; i < MESSAGES_MAX && p.sent[i].bytes; i++)
		free(p.sent[i].bytes);
	pair_step(&p);
	second = &p.sent[2];
	ok(!p.side[HS_CLIENT].failed && p.sent_count == 3 &&
		   second->bytes[0] == MESSAGE_CLIENT_HELLO &&
		   memmem(second->bytes, second->len, expected, sizeof(expected)),
	   "the second ClientHello echoes the cookie");
	pair_free(&p);
}

#define TARGET(what, rows, type, nth, retry, ask)                                    \
	{                                                                            \
		what, rows, sizeof(rows) / sizeof((rows)[0]), type, nth, retry, ask, \
	}

static const struct target targets[] = {
	TARGET("ClientHello", client_hellos, MESSAGE_CLIENT_HELLO, 0, false, false),
	TARGET("second ClientHello", second_client_hellos, MESSAGE_CLIENT_HELLO, 1, true, false),
	TARGET("ServerHello", server_hellos, MESSAGE_SERVER_HELLO, 0, false, false),
	TARGET("HelloRetryRequest", retries, MESSAGE_SERVER_HELLO, 0, false, false),
	TARGET("second ServerHello", second_server_hellos, MESSAGE_SERVER_HELLO, 1, true, false),
	TARGET("EncryptedExtensions", encrypted_extensions, MESSAGE_ENCRYPTED_EXTENSIONS, 0, false,
	       false),
	TARGET("CertificateRequest", certificate_requests, MESSAGE_CERTIFICATE_REQUEST, 0, false,
	       true),
};

int main(void)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		for (size_t j = 0; j < targets[i].count; j++)
			one_row(&targets[i], &targets[i].rows[j]);
	cookie_echo();
	identities_free();
	return tap_done();
}
