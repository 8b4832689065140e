#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# service.sh: what an administrator does to a daemon that serves: certificates are renewed under it, and
# files get broken. Its processes' rights are looked at too. It must never take a reload for granted that
# no peer has seen.
. "$(dirname "$0")/lib/peers.sh"

tool=$BUILD/tlsock
etc=$tmp/etc

logged() { # pattern
	grep -qE -- "$1" "$tmp/daemon.log"
}

log_lines() { # pattern: how often
	grep -cE -- "$1" "$tmp/daemon.log"
}

more_lines() { # pattern than
	[ "$(log_lines "$1")" -gt "$2" ]
}

start() {
	"$tlsockd" -c "$etc/tlsockd.conf" -w 2 2>>"$tmp/daemon.log" &
	daemon=$!
	pids+=("$daemon")
	until_true all_workers 2
}

all_workers() { # count
	[ "$(count Workers)" = "$1" ]
}

configure() { # the daemon's own folder, as a renewal would fill it
	mkdir -m 755 "$etc"
	cp "$pki/ecdsa.pem" "$etc/www.pem"
	install -m 600 "$pki/ecdsa.key" "$etc/www.key"
	cp "$pki/ca.pem" "$etc/"
	cat >"$etc/tlsockd.conf" <<-'CONF'
		credential www { chain = "www.pem" key = "www.key" }
		trust test { file = { "ca.pem" } }
	CONF
}

# The serial number that a server at the port shows
serial() { # port
	openssl s_client -connect "127.0.0.1:$1" </dev/null 2>/dev/null | openssl x509 -noout -serial
}

serial_is() { # port serial
	[ "$(serial "$1")" = "$2" ]
}

replace() { # source target mode: by a rename
	install -m "$3" "$1" "$2.new" && mv "$2.new" "$2"
}

renewal() {
	local old new
	old=$(openssl x509 -noout -serial -in "$pki/ecdsa.pem")
	new=$(openssl x509 -noout -serial -in "$pki/rsa.pem")
	is "$(serial 4440)" "$old" "the server shows the certificate"
	replace "$pki/rsa.pem" "$etc/www.pem" 644
	replace "$pki/rsa.key" "$etc/www.key" 600
	until_true serial_is 4440 "$new"
	result $? "a renewed certificate is noticed"
	logged "a file of the configuration has changed"
	result $? "the log says it"
	old=$(log_lines "reloaded")
	chmod 644 "$etc/www.key"
	until_true logged "stays as it was: .*www.key: mode 0644"
	result $? "a key that everybody can read is refused"
	is "$(serial 4440)" "$new" "the certificate before it serves on"
	chmod 600 "$etc/www.key"
	until_true more_lines "reloaded" "$old"
	result $? "the remedy is noticed too"
	echo unrelated >"$etc/other"
	replace "$pki/ca.pem" "$etc/ca.pem" 644
	until_true more_lines "reloaded" "$((old + 1))"
	result $? "so is a trust store"
}

# An OCSP response of the authority's about the certificate; its number of days
respond() { # days
	local serial
	serial=$(openssl x509 -noout -serial -in "$etc/www.pem")
	printf 'V\t491231235959Z\t\t%s\tunknown\t/CN=www\n' "${serial#serial=}" >"$tmp/index"
	openssl ocsp -issuer "$pki/ca.pem" -cert "$etc/www.pem" -no_nonce -reqout "$tmp/request" &&
		openssl ocsp -index "$tmp/index" -rsigner "$pki/ca.pem" -rkey "$pki/ca.key" \
			-CA "$pki/ca.pem" -reqin "$tmp/request" -respout "$tmp/response" -ndays "$1" &&
		replace "$tmp/response" "$etc/www.ocsp" 644
} >"$tmp/out" 2>"$tmp/err"

# What s_client says of the response that came with the certificate
stapled() { # pattern
	openssl s_client -status -connect 127.0.0.1:4440 </dev/null 2>/dev/null | grep -E "$1" >/dev/null
}

staples() {
	local next
	stapled "OCSP response: no response sent"
	result $? "without a response none is sent"
	respond 7
	result $? "a response is made"
	sed -i 's|^credential www {|& ocsp = "www.ocsp"|' "$etc/tlsockd.conf"
	until_true stapled "OCSP Response Status: successful"
	result $? "one that is configured goes with the certificate"
	next=$(LC_ALL=C date -u -d '+30 days' '+%b %e')
	respond 30
	until_true stapled "Next Update: $next"
	result $? "a newer one takes its place"
}

filtered() { # pid: a seccomp filter, no new privileges, no core
	grep -qx "Seccomp:	2" "/proc/$1/status" && grep -qx "NoNewPrivs:	1" "/proc/$1/status"
}

# Its memory stays in memory, and in no dump; a mapping is locked as a whole or not at all.
keeps_secrets() { # pid
	sed -n '/ \[heap\]$/,/^VmFlags:/p' "/proc/$1/smaps" | grep '^VmFlags:.* lo' >/dev/null &&
		[ "$(awk '$1 == "VmLck:" { print $2 }' "/proc/$1/status")" -gt 0 ] &&
		grep -q '^Max core file size  *0  *0 ' "/proc/$1/limits"
}

processes() {
	local worker
	filtered "$daemon"
	result $? "the supervisor is filtered"
	worker=$(pgrep -P "$daemon" | head -1)
	filtered "$worker"
	result $? "so is a worker"
	keeps_secrets "$daemon"
	result $? "the supervisor's memory is locked, and it leaves no core"
	keeps_secrets "$worker"
	result $? "so it is with a worker"
	is "$(awk '/CapEff/ { print $2 }' "/proc/$worker/status")" 0000000000001000 \
		"which has CAP_NET_ADMIN alone"
}

programs() {
	cat >"$tmp/echo.py" <<-'PY'
		import selectors, socket
		loop = selectors.DefaultSelector()
		server = socket.create_server(("127.0.0.1", 4440), backlog=4096)
		loop.register(server, selectors.EVENT_READ)
		while True:
		    for key, _ in loop.select():
		        if key.fileobj is server:
		            loop.register(server.accept()[0], selectors.EVENT_READ)
		            continue
		        try:
		            data = key.fileobj.recv(4096)
		            key.fileobj.sendall(data)
		        except OSError:
		            data = b""
		        if not data:
		            loop.unregister(key.fileobj)
		            key.fileobj.close()
	PY
}

echo "TAP version 13"
[ -e /proc/net/tlsock_stat ] || insmod "$TLSOCK_KO"
certificates
result $? "certificates"
configure
programs
start
result $? "tlsockd is registered"
"$tool" check "$etc/tlsockd.conf" >"$tmp/out" 2>"$tmp/err"
says out "^credential www: valid until 20.*UTC \((29|30) days\)" "check tells when a certificate expires"
printf 'credential old { chain = "%s/expired.pem" key = "%s/expired.key" }\n' "$pki" "$pki" \
	>"$tmp/expired.conf"
"$tool" check "$tmp/expired.conf" >"$tmp/out" 2>"$tmp/err"
says out "^credential old: EXPIRED since " "and when one has"
peer 4440 "$tool" exec -c www -- python3 "$tmp/echo.py"
processes
renewal
staples
done_testing
