#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# tap.sh file status: count the results in one test's TAP output, given its exit status.
#
# Prints each failure with the lines before it, each skip with its reason, and last one line
# "N passed, N failed, N skipped". A plan that was not fulfilled, a bad exit status that no result
# explains and an output without any result are failures. It must never count a skip as a pass.
set -euo pipefail

awk -v status="$2" '
	/^1\.\.0/ { sub(/^1\.\.0 *#? */, ""); whole = $0 == "" ? "no reason given" : $0; next }
	/^1\.\.[0-9]+/ { plan += substr($0, 4) + 0; next }
	/^Bail out!/ { bail = $0; next }
	/^not ok .*# *(TODO|XFAIL|todo|xfail)/ || /^ok .*# *(SKIP|skip|XFAIL)/ {
		results++; skipped++
		sub(/^(not )?ok *[0-9]* *-? */, "")
		print "skipped: " $0
		n = 0; next
	}
	/^ok/ { results++; passed++; n = 0; next }
	/^not ok/ {
		results++; failed++
		for (i = n > 25 ? n - 25 : 0; i < n; i++)
			print "    " context[i]
		print "  " $0
		n = 0; next
	}
	{ context[n++] = $0 }
	function fault(text) {
		failed++
		for (i = n > 40 ? n - 40 : 0; i < n; i++)
			print "    " context[i]
		print "  not ok: " text
	}
	END {
		if (whole != "" || (status == 4 && !results)) {
			skipped++
			print "skipped: " (whole == "" ? context[n - 1] : whole)
		} else if (bail != "")
			fault(bail)
		else if (plan > results)
			fault("ended after " results + 0 " of " plan " results, status " status)
		else if (!results)
			fault("no results at all, status " status)
		else if (status != 0 && status != 4 && !failed)
			fault("all results are good, but the exit status is " status)
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
	}' "$1"
