#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# readme.sh [browser]: README's "From nothing to a TLS server" on a clean Debian 12: `make check-readme`
# runs it, with Chromium; `make check` without, which takes minutes of an emulated processor.
#
# The commands are those of README.md, taken from it when the test runs. Packages are made here and
# installed in a root that nobody else sees (an emulated processor would take half an hour for
# it); that root then boots with its own kernel and systemd, and readme_guest.sh does the rest. TAP. It
# must never run a command in the place of one that stands there.
ROOT_GIB=8
. "$(dirname "$0")/lib/root.sh"
results=$PWD/build/readme browser=${1:-}

# Each run of indented lines is a block, a file of its own; the fenced program is hello.c.
extract() {
	rm -rf "$results"
	mkdir -p "$results"
	awk -v dir="$results" '
		/^## / { on = $0 == "## From nothing to a TLS server" }
		!on { next }
		/^```/ { program = $0 == "```c"; next }
		program { print >(dir "/hello.c"); next }
		/^    / {
			if (!inside)
				file = sprintf("%s/block.%02d", dir, ++blocks)
			inside = 1
			print substr($0, 5) >file
			next
		}
		{ inside = 0 }' README.md
	[ -s "$results/hello.c" ] && [ -s "$results/block.01" ]
}

# A line of the first block, which goes on in three places
line() { # first word
	grep "^$1 " "$results/block.01"
}

install_line() {
	apt_settings
	inside sh -c "$(line apt)" || { inside apt-get update && inside sh -c "$(line apt)"; }
}

# What Debian's installer leaves behind and the base system has not
installer() {
	printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
	inside useradd -m -s /bin/bash user
}

guest() {
	line modprobe >"$results/block.01.guest"
	selftests/run_vm.sh -r "$root" -m 3072 -t 1500 \
		-o "$results" -- selftests/readme_guest.sh "$results" "$browser"
}

echo "TAP version 13"
check "README has its commands" extract
check "$(line make)" packages_are_built sh -c "$(line make)"
check "a clean Debian" clean_root systemd-sysv linux-image-amd64 openssl curl python3 gcc libc6-dev \
	iproute2 procps trace-cmd ${browser:+libnss3-tools chromium}
check "$(line apt)" install_line
check "a user and /etc/hosts, as the installer makes them" installer
guest </dev/null
check "the guest's kernel has no complaint, its commands no failure" [ $? = 0 ]
done_testing
