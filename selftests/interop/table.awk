# SPDX-License-Identifier: GPL-2.0-only
#
# table.awk: the table of who has met whom, made of what tlsockd said of each handshake of the
# interop tests, behind the peer's name ("peer|mutual|line of the log"). A row is a peer in one role and
# version; suites, groups and signature schemes are counted against all that anybody had in that
# version, and those that it had not are named below. It must never count what a test merely wanted.
BEGIN { FS = "|" }

function note(kind, key, value) {
	if (value == "no signature" || value == "?")
		return
	if (!seen[kind, key, value]++) {
		count[kind, key]++
		if (!all[kind, version, value]++)
			names[kind, version] = names[kind, version] " " value
	}
}

{
	if (!match($3, /TLSv1\.[23], TLS_/))
		next
	split(substr($3, RSTART), part, ", ")
	ours = $3 ~ / server / ? "server" : "client"
	version = part[1]
	row = $1 FS (ours == "server" ? "client" : "server") FS version
	if (!total[row]++)
		order[++rows] = row
	note("suite", row, part[2])
	note("group", row, part[3])
	note("scheme", row, part[4])
	if ($3 ~ /, resumed,/)
		resumed[row]++
	if ($2 == "mutual" || (ours == "server" && $3 ~ /, peer verified,/))
		mutual[row]++
}

function share(kind, key, v) {
	return count[kind, key] + 0 "/" split(names[kind, v], list, " ")
}

function missing(kind, key, v, n, i, text) {
	n = split(names[kind, v], list, " ")
	for (i = 1; i <= n; i++)
		if (!seen[kind, key, list[i]])
			text = text " " list[i]
	return text
}

END {
	if (!rows)
		exit
	printf "%-10s %-7s %-8s %10s %7s %7s %10s %8s %7s\n", "peer", "is the", "by", "handshakes",
		"suites", "groups", "signatures", "resumed", "mutual"
	for (r = 1; r <= rows; r++) {
		split(order[r], part, FS)
		v = part[3]
		printf "%-10s %-7s %-8s %10d %7s %7s %10s %8d %7d\n", part[1], part[2], v, total[order[r]],
			share("suite", order[r], v), share("group", order[r], v),
			share("scheme", order[r], v), resumed[order[r]], mutual[order[r]]
	}
	for (r = 1; r <= rows; r++) {
		v = order[r]
		sub(/.*\|/, "", v)
		text = missing("suite", order[r], v) missing("group", order[r], v) missing("scheme", order[r], v)
		key = order[r]
		gsub(/\|/, " ", order[r])
		# who was met for something else alone has most of them not
		if (text != "" && total[key] >= 7)
			print "  not with " order[r] ":" text
	}
}
