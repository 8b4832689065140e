#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Ask the headers of a kernel what they offer and print compiler flags for it.
# Stable updates move features between releases, so nothing here compares versions.
#
# usage: probe.sh SRCTREE
set -eu
inc=$1/include

# has NAME FILE PATTERN: -DTLSOCK_HAVE_NAME when FILE matches the (multi-line) PATTERN
has() {
	if grep -Pzq -- "$3" "$inc/$2" 2>/dev/null; then
		printf ' -DTLSOCK_HAVE_%s' "$1"
	fi
}

has PROTO_SENDPAGE net/sock.h '\(\*sendpage\)\(struct sock \*sk'
has PROTO_SPLICE_EOF net/sock.h '\(\*splice_eof\)\(struct socket'
has RECVMSG_ADDR_LEN net/sock.h '\(\*recvmsg\)\(struct sock \*sk, struct msghdr \*msg,\s+size_t len, int flags, int \*addr_len\)'
has SOCKADDR_UNSIZED linux/socket.h 'struct sockaddr_unsized \{'
has PROTO_IOCTL_KARG net/sock.h '\(\*ioctl\)\(struct sock \*sk, int cmd,\s+int \*karg\)'
has PROTO_ACCEPT_ARG net/sock.h 'struct proto_accept_arg \{'
has OPS_SPLICE_EOF linux/net.h '\(\*splice_eof\)'
has ULP_INFO_NET_ADMIN net/tcp.h '\(\*get_info\)\(struct sock \*sk, struct sk_buff \*skb, bool net_admin\)'
has INET_TEST_BIT net/inet_sock.h '#define inet_test_bit'
has ZEROCOPY_DEVMEM linux/skbuff.h 'msg_zerocopy_realloc\(struct sock \*sk, size_t size,\s+struct ubuf_info \*uarg, bool devmem\)'
has UNALIGNED linux/unaligned.h '.'
has NET_SYSCTL_SZ net/net_namespace.h 'register_net_sysctl_sz'
has CONST_CTL_TABLE linux/sysctl.h 'typedef int proc_handler\(const struct ctl_table'
echo
