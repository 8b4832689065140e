/* SPDX-License-Identifier: MIT */
/*
 * rfc8448_records.h - the later records of RFC 8448 section 3
 *
 * Those whose sequence number is not zero, in hex as the RFC prints them. They must never be
 * changed to make a test pass.
 */
#ifndef TESTS_VECTORS_RFC8448_RECORDS_H
#define TESTS_VECTORS_RFC8448_RECORDS_H

/* The server's second record under its application key, the client's second, the server's third */
#define S3_SERVER_DATA_RECORD                                                              \
	"17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6df" \
	"fc602dcb501a59a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d"
#define S3_CLIENT_ALERT_RECORD "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3"
#define S3_SERVER_ALERT_RECORD "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9"
#define S3_DATA                                                                            \
	"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627" \
	"28292a2b2c2d2e2f3031"

#endif
