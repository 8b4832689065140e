#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# readme_guest.sh folder [browser]: the half of readme.sh that runs in the guest, on README's commands.
#
# The folder has its blocks of commands and its C program. Each block is run as it stands and its outcome
# looked at; at the end every block must have been run; without a browser its block counts. TAP. It must
# never wait for a time.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
. selftests/lib/checks.sh
blocks=$1 browser=${2:-}
tmp=$(mktemp -d)
chmod 755 "$tmp"
cd "$tmp" || exit
cp "$blocks/hello.c" .

explain() {
	tail -n 20 "$tmp/out" | tr -cd '\11\12\40-\176' | sed 's/^/# /'
	systemctl status tlsockd -n 8 --no-pager 2>&1 | sed 's/^/# /'
}

cleanup() {
	pkill -f 'http.server 443'
	pkill -x hello
	cd /
	rm -rf "$tmp"
}
trap cleanup EXIT

block() { # words of its first line: the file
	local f
	f=$(grep -lF -- "$1" "$blocks"/block.?? | head -1)
	[ -n "$f" ] || echo "# README has no such block: $1" >&2
	echo "$f" >>"$tmp/used"
	cat "$f"
}

# A block, as the shell of who reads it would; a server in the background is waited for.
run() { # port of its server, words
	block "$2" | sed "s/ &\$/ >>server.log 2>\&1 \& listens $1/" >"$tmp/block"
	bash -e "$tmp/block" >"$tmp/out" 2>&1 </dev/null
}

listens() { # port
	until_true bash -c '[ -n "$(ss -Hltn sport = :$0)" ]' "$1"
}
export -f listens until_true

line() { # words: the one line with them, and nothing of its comment
	block "$1" | grep -F "$1" | sed 's/ *#.*//'
}

says() { # pattern, name
	grep -qaE -- "$1" "$tmp/out"
	result $? "$2"
}

serial() { # port
	openssl s_client -connect "localhost:$1" </dev/null 2>/dev/null | openssl x509 -noout -serial 2>/dev/null
}

is_renewed() { # port
	[ "$(serial "$1")" = "$(openssl x509 -noout -serial -in /etc/ssl/certs/www.pem)" ]
}

enabled() {
	[ "$(cat /sys/kernel/tracing/events/tlsock/enable)" = 1 ]
}

start() {
	bash -e "$blocks/block.01.guest" >"$tmp/out" 2>&1 && grep -q '^tlsock ' /proc/modules
	result $? "$(cat "$blocks/block.01.guest")"
	[ "$(modinfo -F filename tlsock)" != "${TLSOCK_KO:-}" ] &&
		modinfo -F filename tlsock | grep -q updates/dkms/
	result $? "the module is the one that DKMS built"
	systemctl is-active tlsockd >"$tmp/out"
	result $? "the service runs"
	run 0 'openssl req'
	result $? "a certificate"
	run 0 'cat >>/etc/tlsockd.conf'
	result $? "the daemon is configured"
	says '^credential www: valid until' "and says so"
}

servers() {
	run 443 'tlsock exec --credential www'
	result $? "python3's server and curl"
	is "$(grep -c 'Directory listing for /</h1>' "$tmp/out")" 2 "curl has got it both ways"
	run 4443 'gcc -o hello'
	result $? "the server in C and curl"
	says '^Hello from C$' "curl has got what it says"
	! curl -s http://localhost:443/ >"$tmp/out" && ! curl -s http://localhost:4443/ >>"$tmp/out" &&
		[ ! -s "$tmp/out" ]
	result $? "who speaks no TLS gets nothing"
}

# As a user, for it runs in no sandbox as root
browser() {
	local start=$SECONDS
	block 'chromium' >"$tmp/block"
	[ -n "$browser" ] || return
	timeout 600 su - user -c "bash -e $tmp/block" >"$tmp/out" 2>&1
	result $? "Chromium, of a user who trusts the certificate"
	echo "# $((SECONDS - start)) s"
	says 'Directory listing for /' "it shows python3's page"
	says 'Hello from C' "and that of the server in C"
}

renewal() {
	local old
	old=$(serial 443)
	run 0 'openssl req'
	[ "$(openssl x509 -noout -serial -in /etc/ssl/certs/www.pem)" != "$old" ]
	result $? "a new certificate"
	until_true is_renewed 443
	result $? "the daemon has noticed, python3's server shows it"
	until_true is_renewed 4443
	result $? "so does the one in C"
}

view() {
	local monitor trace
	bash -c "$(line 'tlsock status')" >"$tmp/out" 2>&1
	says '^handshakes done  *[1-9]' "tlsock status"
	bash -c "$(line 'tlsock connections')" >"$tmp/out" 2>&1
	says ':4?443\b' "tlsock connections"
	bash -c "exec $(line 'tlsock monitor')" >"$tmp/monitor" 2>&1 &
	monitor=$!
	bash -c "exec $(line 'trace-cmd record') -o $tmp/trace.dat" >"$tmp/out" 2>&1 &
	trace=$!
	until_true enabled
	result $? "trace-cmd records"
	until_true told
	result $? "tlsock monitor tells of a handshake"
	kill $monitor
	kill -INT $trace
	wait $monitor $trace
	trace-cmd report -i "$tmp/trace.dat" >"$tmp/out" 2>&1
	says 'tlsock_[a-z_]*:' "the trace has events"
	bash -c "$(line 'journalctl')" >"$tmp/out" 2>&1
	says ' ms$' "journalctl tells of handshakes too"
}

told() {
	serial 443 >"$tmp/out"
	[ -s "$tmp/monitor" ]
}

echo "TAP version 13"
start
servers
browser
renewal
view
echo "$blocks/block.01" >>"$tmp/used"
is "$(sort -u "$tmp/used" | grep -c .)" "$(find "$blocks" -name 'block.??' | wc -l)" "every block of README was run"
done_testing
