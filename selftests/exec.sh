#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# exec.sh: programs that know nothing of TLS, run by `tlsock exec`: Python's HTTP server for curl, nc
# and curl as clients of openssl. What they send is looked for on the wire, where it must not be;
# what is not a TCP connection of theirs has to pass as ever. It must never trust a search that has not
# been seen to find something.
. "$(dirname "$0")/lib/peers.sh"

tool=$BUILD/tlsock
work="a-word-that-nobody-else-says"

sniff() { # port
	tcpdump -i lo -U --immediate-mode -Z root -s 0 -w "$tmp/$1.pcap" "tcp port $1" \
		2>"$tmp/tcpdump.log" &
	pids+=($!)
	until_true grep -q 'listening on' "$tmp/tcpdump.log"
}

ended() { # port: each side's end is in the capture
	[ "$(tcpdump -r "$tmp/$1.pcap" 'tcp[tcpflags] & (tcp-fin | tcp-rst) != 0' 2>/dev/null | wc -l)" -ge 2 ]
}

# How often the word, or what an HTTP server says of itself, is on the wire at this port
seen() { # port
	until_true ended "$1" || echo "# no end in the capture" >&2
	grep -aocE "$work|SimpleHTTP|Content-Length" "$tmp/$1.pcap"
}

exec_tls() { # options and program...
	timeout 100 "$tool" exec "$@" >"$tmp/out" 2>"$tmp/err"
}

python_server() {
	peer 4430 python3 -m http.server --bind 127.0.0.1 4430
	sniff 4430
	curl -sS -o "$tmp/got" "http://127.0.0.1:4430/small?$work" 2>"$tmp/err"
	[ "$(seen 4430)" -ge 2 ]
	result $? "a plain server's words are seen on the wire"

	peer 4431 "$tool" exec --credential ecdsa -- python3 -m http.server --bind 127.0.0.1 4431
	sniff 4431
	curl -sS -v --cacert "$pki/ca.pem" --resolve good.test:4431:127.0.0.1 -o "$tmp/got" \
		"https://good.test:4431/small?$work" 2>"$tmp/err"
	is $? 0 "curl fetches from python3 -m http.server"
	cmp -s "$tmp/got" "$www/small"
	result $? "the file is the file"
	says err 'SSL connection using TLSv1\.3' "over TLS 1.3"
	is "$(seen 4431)" 0 "nothing of it is on the wire"
	! curl -sS "http://127.0.0.1:4431/small" >"$tmp/out" 2>"$tmp/err" &&
		! grep -aq SimpleHTTP "$tmp/out"
	result $? "who speaks plain HTTP to it gets nothing"
}

nc_client() {
	peer 4432 openssl s_server -accept 127.0.0.1:4432 -cert "$pki/ecdsa.pem" \
		-key "$pki/ecdsa.key" -WWW -quiet
	sniff 4432
	printf 'GET /small HTTP/1.0\r\nX: %s\r\n\r\n' "$work" >"$tmp/request"
	exec_tls --server-name good.test -t test -- nc 127.0.0.1 4432 <"$tmp/request"
	is $? 0 "nc talks to openssl"
	ends_with out small
	result $? "and gets the file"
	is "$(seen 4432)" 0 "nothing of it is on the wire"
	exec_tls --server-name evil.test -t test -- nc 127.0.0.1 4432 <"$tmp/request"
	is $? 1 "nc fails where the name is another"
	[ ! -s "$tmp/out" ]
	result $? "and has got nothing"
	exec_tls -t test -- sh -c "nc 127.0.0.1 4432 <$tmp/request"
	ends_with out small
	result $? "a child's connection, verified by its address"
}

curl_client() {
	exec_tls -t test -- curl -sS "http://127.0.0.1:4432/small"
	ends_with out small
	result $? "curl, which does not wait in connect()"
	exec_tls -t test -- python3 -c 'import socket
socket.create_connection(("localhost", 4432))'
	is $? 1 "a program that looks up another name fails"
	says err '^tlsock exec: connect to localhost: .*not for localhost' "the reason is told"
	exec_tls -t test -V none -- nc -4 localhost 4432 <"$tmp/request"
	ends_with out small
	result $? "with --verify none it does not count"
	exec_tls -t test --port 443,4433 -- curl -sS "http://127.0.0.1:4430/small"
	cmp -s "$tmp/out" "$www/small"
	result $? "a port that was not named stays as it is"
}

# What passes untouched, from within a client and server of ours
untouched() {
	cat >"$tmp/untouched.py" <<-'PY'
		import errno, os, socket, sys, threading

		def plain(family, kind, address):
		    server = socket.socket(family, kind)
		    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    server.bind(address)
		    client = socket.socket(family, kind)
		    if kind == socket.SOCK_STREAM:
		        server.listen()
		        client.connect(server.getsockname())
		        server = server.accept()[0]
		    else:
		        client.connect(server.getsockname())
		    client.send(b"word")
		    assert server.recv(4) == b"word"
		    print("ok", family.name, kind.name, address)

		plain(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
		plain(socket.AF_UNIX, socket.SOCK_STREAM, sys.argv[1])
		plain(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 53))
		fast = socket.socket()
		try:
		    fast.sendto(b"word", socket.MSG_FASTOPEN, ("127.0.0.1", 4430))
		except OSError as e:
		    print("fast", errno.errorcode[e.errno])
		try:
		    socket.socket().connect(("127.0.0.1", int(sys.argv[2])))
		except OSError as e:
		    print("none", errno.errorcode[e.errno])
	PY
	exec_tls --client --server -c ecdsa -t test -- python3 "$tmp/untouched.py" "$tmp/socket" 9
	says out 'ok AF_INET SOCK_DGRAM' "UDP"
	says out 'ok AF_UNIX SOCK_STREAM' "a unix socket"
	says out 'ok AF_INET SOCK_STREAM' "a name server's port"
	says out 'fast E(OP)?NOTSUPP?' "TCP fast open fails"
	says out 'none ECONNREFUSED' "a port where nobody listens"
	env LD_PRELOAD="$BUILD/tlsock-exec.so" python3 "$tmp/untouched.py" "$tmp/socket2" 9 \
		>"$tmp/out" 2>"$tmp/err"
	[ ! -s "$tmp/err" ]
	result $? "without settings the library does nothing"
	LD_PRELOAD=$BUILD/tlsock-exec.so TLSOCK_EXEC_ROLE=client TLSOCK_EXEC_PORTS=x \
		nc 127.0.0.1 4430 <"$tmp/request" >"$tmp/out" 2>"$tmp/err"
	[ $? = 1 ] && [ ! -s "$tmp/out" ]
	result $? "with settings that make no sense nothing connects"
}

# As systemd and inetd do it: the listener is there before the program.
inherited_listener() {
	cat >"$tmp/listener.py" <<-'PY'
		import os, socket, sys
		s = socket.create_server(("127.0.0.1", 4434))
		s.set_inheritable(True)
		os.execv(sys.argv[1], sys.argv[1:] + [str(s.fileno())])
	PY
	cat >"$tmp/accept.py" <<-'PY'
		import socket, sys
		c = socket.socket(fileno=int(sys.argv[1])).accept()[0]
		c.sendall(b"got " + c.recv(100))
	PY
	peer 4434 python3 "$tmp/listener.py" "$tool" exec -c ecdsa -- python3 "$tmp/accept.py"
	echo word | "$tool" connect -t test -n good.test 127.0.0.1:4434 >"$tmp/out" 2>"$tmp/err"
	says out '^got word' "a listener that was there before the program"
}

refused() { # status, name, what it says, arguments...
	local want=$1 name=$2 words=$3
	shift 3
	exec_tls "$@"
	is $? "$want" "$name"
	says err "$words" "$name: says why"
}

begin
python_server
nc_client
curl_client
untouched
inherited_listener
refused 126 "a static program" "linked statically" -- "$(command -v busybox)" true
refused 127 "a program that is none" "no such program" -- tlsock-no-such-program
refused 64 "a port that is none" "not a value" --port 443,x -- true
refused 64 "no program" "program is needed" -c www
cp "$(command -v nc)" "$tmp/setuid" && chown 65534 "$tmp/setuid" && chmod 4755 "$tmp/setuid"
refused 126 "a set-uid program" "set-uid" -- "$tmp/setuid"
printf '#!%s sh\n' "$(command -v busybox)" >"$tmp/script" && chmod 755 "$tmp/script"
refused 126 "a script whose interpreter is static" "linked statically" -- "$tmp/script"
done_testing
