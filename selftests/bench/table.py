#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""table.py folder raw...: medians of what records.ko measured, as a table, a CSV and a picture.

Writes records.csv and records.svg to the folder and prints the table. overhead_ratio is what our
module adds to plain TCP through what upstream's adds: (tlsock - plain) / (upstream - plain), the
median over the rounds. openssl_ns is OpenSSL's in user space, for the paths calls-xN: N connections
with the system calls that they take. It must never leave out a case that was measured.
"""
import csv
import statistics
import sys
from collections import defaultdict
from pathlib import Path

ULPS = ("plain", "tls", "tlsock")
DIRECTIONS = {"stream": ("send", "receive", "both"), "latency": ("p50", "p99"), "memory": ("idle",)}


def parse(paths):
    """{(kernel, cipher, mode, path, size): {ulp: [(first, second), ...]}}, [kernel lines]"""
    cases, kernels = {}, []
    for path in paths:
        words = [line.split() for line in Path(path).read_text().splitlines()]
        about = next(w for w in words if w[0] == "kernel")
        kernels.append(about)
        for w in words:
            if w[0] not in DIRECTIONS:
                continue
            mode, cipher, where, size, ulp = w[:5]
            case = cases.setdefault((about[1], cipher, mode, where, int(size)), defaultdict(list))
            unit = 1 if mode == "memory" else 1000     # bytes; ps
            case[ulp].append((int(w[5]) / unit, int(w[6]) / unit))
    return cases, kernels


def values(rounds, direction):
    first = [r[0] for r in rounds]
    second = [r[1] for r in rounds]
    if direction == "both":
        return [a + b for a, b in zip(first, second)]
    return second if direction in ("receive", "p99") else first


def rows(cases):
    for (kernel, cipher, mode, where, size), case in cases.items():
        for direction in DIRECTIONS[mode]:
            plain, tls, ours = (values(case[u], direction) for u in ULPS)
            ratios = sorted((o - p) / (t - p) for p, t, o in zip(plain, tls, ours) if t != p)
            if mode == "latency":   # of the whole, as a caller sees it
                ratios = sorted(o / t for t, o in zip(tls, ours))
            if not ratios:
                raise SystemExit(f"{kernel} {cipher} {where} {size}: nothing to compare")
            yield {
                "kernel": kernel, "cipher": cipher,
                "path": where if mode == "stream" else mode, "size": size,
                "direction": direction, "plain_ns": statistics.median(plain),
                "upstream_ns": statistics.median(tls), "tlsock_ns": statistics.median(ours),
                "overhead_ratio": statistics.median(ratios),
                "openssl_ns": statistics.median(values(case["openssl"], direction))
                if "openssl" in case else "",
                "spread": f"{ratios[len(ratios) // 4]:.2f}-{ratios[len(ratios) * 3 // 4]:.2f}",
            }


def table(data):
    head = ("kernel", "cipher", "path", "size", "direction", "plain", "upstream", "tlsock", "ratio", "spread",
            "openssl")
    lines = [head]
    for r in data:
        lines.append((r["kernel"], r["cipher"], r["path"], str(r["size"]), r["direction"],
                      f"{r['plain_ns']:.0f}", f"{r['upstream_ns']:.0f}", f"{r['tlsock_ns']:.0f}",
                      f"{r['overhead_ratio']:.2f}", r["spread"],
                      f"{r['openssl_ns']:.0f}" if r["openssl_ns"] else ""))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))).rstrip())


def picture(data, out):
    """Bars of the ratio for records both ways, from kernel memory, one group a size."""
    bars = [r for r in data if r["direction"] == "both" and r["path"] == "kernel"
            and r["cipher"] == "tls13-aes-128-gcm"]
    kernels = list(dict.fromkeys(r["kernel"] for r in bars))
    sizes = list(dict.fromkeys(r["size"] for r in bars))
    colours = ("#4477aa", "#ee6677", "#228833", "#ccbb44")
    width, height, left, top = 90 * len(sizes) + 80, 320, 50, 40
    scale = (height - top - 50) / 1.25
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           'font-family="sans-serif" font-size="11">',
           '<text x="50" y="18">What TLS adds to plain TCP, tlsock through upstream (less is better)</text>']
    for mark in (0, 0.25, 0.5, 0.75, 1):
        y = height - 50 - mark * scale
        svg.append(f'<line x1="{left}" x2="{width - 10}" y1="{y}" y2="{y}" stroke="#ccc"/>'
                   f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{mark}</text>')
    for r in bars:
        x = left + 10 + 90 * sizes.index(r["size"]) + 18 * kernels.index(r["kernel"])
        h = min(r["overhead_ratio"], 1.25) * scale
        svg.append(f'<rect x="{x}" y="{height - 50 - h:.1f}" width="16" height="{h:.1f}" '
                   f'fill="{colours[kernels.index(r["kernel"]) % 4]}"/>')
    for i, size in enumerate(sizes):
        svg.append(f'<text x="{left + 40 + 90 * i}" y="{height - 34}" text-anchor="middle">{size} B</text>')
    for i, kernel in enumerate(kernels):
        svg.append(f'<rect x="{left + 110 * i}" y="{height - 18}" width="10" height="10" '
                   f'fill="{colours[i % 4]}"/><text x="{left + 110 * i + 14}" y="{height - 9}">{kernel}</text>')
    out.write_text("\n".join(svg + ["</svg>"]) + "\n")


def main():
    folder = Path(sys.argv[1])
    cases, kernels = parse(sys.argv[2:])
    data = list(rows(cases))
    with open(folder / "records.csv", "w", newline="") as f:
        names = ["kernel", "cipher", "path", "size", "direction", "plain_ns", "upstream_ns",
                 "tlsock_ns", "overhead_ratio", "openssl_ns"]
        writer = csv.DictWriter(f, names, extrasaction="ignore")
        writer.writeheader()
        for r in data:
            writer.writerow({k: f"{v:.3f}" if isinstance(v, float) else v for k, v in r.items()})
    picture(data, folder / "records.svg")
    for k in kernels:
        print(f"{k[1]}: Linux {k[2]}, {'times' if k[3] == 'native' else 'counted instructions'}; "
              f"AES-GCM by {k[4]}, ChaCha20-Poly1305 by {k[5] if len(k) > 5 else '-'}")
    print("ns per write; memory: bytes per connection, both ends; ratio: see table.py")
    table(data)


main()
