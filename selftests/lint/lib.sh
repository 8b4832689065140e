# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# lib.sh: what the lint scripts share. It must never decide what is clean: each check does.

# Files of the tree, new ones included, that match some patterns. Usage: tree_files pattern...
tree_files() {
	git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while read -r f; do
		[ ! -e "$f" ] || echo "$f"
	done
}
