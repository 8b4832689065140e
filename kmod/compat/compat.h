/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows that kernels differ. The build forces this header in
 * front of every file; no file includes it. TLSOCK_HAVE_* come from probe.sh.
 */
#ifndef _TLSOCK_COMPAT_H
#define _TLSOCK_COMPAT_H

#include <linux/version.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/skbuff.h>
#include <net/sock.h>
#include <uapi/linux/tls.h>
#include <net/inet_sock.h>

#ifdef TLSOCK_HAVE_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#ifdef TLSOCK_HAVE_SOCKADDR_UNSIZED
#define compat_sockaddr struct sockaddr_unsized
#else
#define compat_sockaddr struct sockaddr
#endif

#ifdef TLSOCK_HAVE_PROTO_ACCEPT_ARG
#define COMPAT_ACCEPT_PARAMS	struct proto_accept_arg *arg
#define COMPAT_ACCEPT_ARGS	arg
#else
#define COMPAT_ACCEPT_PARAMS	int flags, bool kern
#define COMPAT_ACCEPT_ARGS	flags, kern
#endif

#ifdef TLSOCK_HAVE_RECVMSG_ADDR_LEN
#define COMPAT_RECVMSG_PARAMS	int flags, int *addr_len
#else
#define COMPAT_RECVMSG_PARAMS	int flags
#endif

#ifdef TLSOCK_HAVE_PROTO_IOCTL_KARG
#define compat_ioctl_arg	int *
#define compat_ioctl_put(n, arg)	(*(arg) = (n), 0)
#else
#define compat_ioctl_arg	unsigned long
#define compat_ioctl_put(n, arg)	put_user(n, (int __user *)(arg))
#endif

#ifdef TLSOCK_HAVE_ULP_INFO_NET_ADMIN
#define COMPAT_ULP_INFO_PARAMS	, bool net_admin
#else
#define COMPAT_ULP_INFO_PARAMS
#endif

#ifdef TLSOCK_HAVE_CONST_CTL_TABLE
#define compat_ctl_table const struct ctl_table
#else
#define compat_ctl_table struct ctl_table
#endif

#ifndef TLSOCK_HAVE_NET_SYSCTL_SZ
#define compat_register_net_sysctl(net, path, table, n) register_net_sysctl(net, path, table)
#else
#define compat_register_net_sysctl register_net_sysctl_sz
#endif

#ifndef TLS_TX_MAX_PAYLOAD_LEN
#define TLS_TX_MAX_PAYLOAD_LEN 5
#endif

#ifndef MSG_SPLICE_PAGES
#define MSG_SPLICE_PAGES 0
#endif
#ifndef MSG_SENDPAGE_NOTLAST
#define MSG_SENDPAGE_NOTLAST 0
#endif
#ifndef MSG_SENDPAGE_NOPOLICY
#define MSG_SENDPAGE_NOPOLICY 0
#endif
#ifndef MSG_NO_SHARED_FRAGS
#define MSG_NO_SHARED_FRAGS 0
#endif

static inline int compat_recvmsg(const struct proto *prot, struct sock *sk, struct msghdr *msg,
				 size_t len, int flags)
{
#ifdef TLSOCK_HAVE_RECVMSG_ADDR_LEN
	int addr_len = 0;

	return prot->recvmsg(sk, msg, len, flags, &addr_len);
#else
	return prot->recvmsg(sk, msg, len, flags);
#endif
}

/* A completion of MSG_ZEROCOPY that pins no pages; NULL: no memory */
static inline struct ubuf_info *compat_zerocopy_alloc(struct sock *sk)
{
#ifdef TLSOCK_HAVE_ZEROCOPY_DEVMEM
	return msg_zerocopy_realloc(sk, 0, NULL, false);
#else
	return msg_zerocopy_realloc(sk, 0, NULL);
#endif
}

static inline bool compat_defer_connect(const struct sock *sk)
{
#ifdef TLSOCK_HAVE_INET_TEST_BIT
	return inet_test_bit(DEFER_CONNECT, sk);
#else
	return inet_sk(sk)->defer_connect;
#endif
}

#endif /* _TLSOCK_COMPAT_H */
