#!/bin/bash
# SPDX-License-Identifier: MIT
#
# deb.sh [version]: what `make deb` does: Debian packages, in build/deb.
#
# A copy of the tree gets user/packaging/debian at its top, with the files that cannot be kept in the
# tree because they say a version or are the same text twice, and is built there. It must never
# build in the tree, nor put anything into a package that git does not know.
set -euo pipefail
cd "$(dirname "$0")/../.."
upstream=$(sed -n 's/^VERSION := *//p' user/build.mk)
version=${1:-$upstream}
out=$PWD/build/deb
copy=$out/tlsock-$upstream
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

make_copy() {
	rm -rf "$copy" "$out"/*.deb "$out"/*.buildinfo "$out"/*.changes
	mkdir -p "$copy"
	git ls-files -z --cached --others --exclude-standard |
		rsync -a --from0 --ignore-missing-args --files-from=- ./ "$copy/"
	cp -r "$copy/user/packaging/debian" "$copy/debian"
	mkdir "$copy/debian/source"
	echo "3.0 (native)" >"$copy/debian/source/format"
}

write_changelog() {
	cat >"$copy/debian/changelog" <<-END
		tlsock ($version) unstable; urgency=medium

		  * Built from the tree; its history is the change log.

		 -- $(sed -n 's/^Maintainer: //p' "$copy/debian/control")  $(date -Rud "@$SOURCE_DATE_EPOCH")
	END
}

paragraph() { # files, licence
	printf '\nFiles: %s\nCopyright: The tlsock authors\nLicense: %s\n' "$1" "$2"
}

write_copyright() {
	local mit
	mit=$(sed -n '/^Permission is hereby/,/^DAMAGES\|^OF OR IN/p' LICENSE | sed 's/^$/./; s/^/ /')
	{
		echo "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
		paragraph "*" GPL-2.0-only
		paragraph "user/*" Expat
		paragraph "kmod/include/uapi/linux/tlsock.h" "GPL-2.0-only with Linux-syscall-note or Expat"
		printf '\nLicense: GPL-2.0-only\n %s\n' \
			"On Debian systems the text is in /usr/share/common-licenses/GPL-2."
		printf '\nLicense: Expat\n%s\n' "$mit"
		printf '\nLicense: GPL-2.0-only with Linux-syscall-note or Expat\n %s\n' \
			"The text of the note is in the file LICENSE of the source."
	} >"$copy/debian/copyright"
}

make_copy
write_changelog
write_copyright
cd "$copy"
dpkg-buildpackage -b -us -uc -ui -rfakeroot >"$out/build.log" 2>&1 || {
	tail -30 "$out/build.log" >&2
	exit 1
}
cd "$out"
rm -rf "$copy"
ls -- *.deb
