# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# lib.sh: what the scripts of this folder share: the cache and a private view of the archive.
#
# The private view is an apt of its own (sources, lists, cache) below the cache folder, whose
# mirrors are those of the machine's own apt configuration. It must never change the machine's
# package state: packages are downloaded and unpacked, not installed.

CACHE=${TLSOCK_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tlsock}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Several checkouts and several VMs may fill the cache at once: one at a time per subject.
# Usage: with_lock subject command...   (set -e does not reach into it: use || die there)
with_lock() {
	local name=$1 fd rc=0
	shift
	mkdir -p "$CACHE/lock"
	exec {fd}>"$CACHE/lock/$name"
	flock "$fd"
	"$@" {fd}>&- || rc=$?
	exec {fd}>&-
	return $rc
}

# URI of the machine's mirror of Debian proper (mirror debian) or of the security archive
# (mirror security). A machine without the latter has it beside the former.
mirror() {
	local main sec
	main=$(machine_repos | awk '$2 ~ /^(bookworm|trixie|stable|oldstable)$/ && $3 == "main" {
		print $1; exit }')
	[ -n "$main" ] || die "no Debian mirror in the machine's apt sources"
	sec=$(machine_repos | awk '$2 ~ /^(bookworm|trixie|stable|oldstable)-security$/ {
		print $1; exit }')
	case $1 in
	debian) echo "${main%/}" ;;
	security) sec=${sec:-${main%/}-security}; echo "${sec%/}" ;;
	esac
}

machine_repos() {
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages'
}

# Apt lines for suites, each "deb ... suite main". Usage: source_lines suite...
source_lines() {
	local s uri
	for s in "$@"; do
		case $s in
		*-security) uri=$(mirror security) ;;
		*) uri=$(mirror debian) ;;
		esac
		echo "deb [signed-by=$KEYRING arch=amd64] $uri $s main"
	done
}

# Run an apt tool over the private view of some suites. The view's name is $VIEW.
view_apt() {
	local tool=$1 d=$CACHE/apt/$VIEW
	shift
	"$tool" -qq -o Dir::Etc::sourcelist="$d/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o Dir::State="$d" -o Dir::State::status="$d/status" -o Dir::Cache="$d/cache" \
		-o APT::Architecture=amd64 -o APT::Architectures::=amd64 -o APT::Sandbox::User=root \
		-o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# Make or refresh a view. Usage: view_open name suite...   Leaves its name in VIEW.
view_open() {
	local d
	VIEW=$1
	d=$CACHE/apt/$VIEW
	shift
	mkdir -p "$d/lists/partial" "$d/cache/archives/partial"
	: >"$d/status"
	source_lines "$@" >"$d/sources.list"
	view_apt apt-get update >&2 || { echo "no package lists of $*" >&2; return 1; }
}

# Newest package whose name matches a regular expression in the view.
view_newest() {
	view_apt apt-cache pkgnames linux- | grep -E "^$1\$" | sort -V | tail -1
}

# Packages that a package needs, itself included, as far as their names match an expression.
# Usage: view_closure regex package...
view_closure() {
	local re=$1 p d
	local -a todo
	local -A seen=()
	shift
	todo=("$@")
	while [ ${#todo[@]} -gt 0 ]; do
		p=${todo[0]}
		todo=("${todo[@]:1}")
		[ -z "${seen[$p]:-}" ] || continue
		seen[$p]=1
		echo "$p"
		for d in $(view_apt apt-cache depends --no-recommends --no-suggests \
			--no-conflicts --no-breaks --no-replaces --no-enhances "$p" |
			sed -nE 's/^ *\|?(Pre)?Depends: //p' | grep -E "$re" || true); do
			todo+=("$d")
		done
	done
}

# Download packages and unpack them into a folder. Usage: view_unpack folder package...
view_unpack() {
	local dir=$1 deb
	shift
	mkdir -p "$dir/.debs"
	(cd "$dir/.debs" && view_apt apt-get download "$@") >&2 || die "cannot download $*"
	for deb in "$dir"/.debs/*.deb; do
		dpkg-deb -x "$deb" "$dir" || die "cannot unpack $deb"
		rm "$deb"
	done
	rmdir "$dir/.debs"
}
