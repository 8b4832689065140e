# SPDX-License-Identifier: GPL-2.0-only
#
# length.awk: files of 700 lines and more and functions of 60 and more, counted from the line that
# has the opening brace to the one that has the closing brace. Exits 1 if there is any.

function file_ends() {
	if (lines >= 700) {
		printf "%s: %d lines\n", name, lines
		bad = 1
	}
}
FNR == 1 {
	file_ends()
	name = FILENAME
	start = 0
}
{ lines = FNR }
/^[a-z].*\(/ { head = $0 }
/^{$/ { start = FNR }
/^}/ {
	# Without a brace of its own line before it, this closes a struct or a table.
	if (start && FNR - start + 1 >= 60) {
		printf "%s:%d: %d lines: %s\n", name, start, FNR - start + 1, head
		bad = 1
	}
	start = 0
}
END {
	file_ends()
	exit bad
}
