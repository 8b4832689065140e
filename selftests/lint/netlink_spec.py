#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""netlink_spec.py: does kmod/tlsock.yaml say what the UAPI header and the module say?

Usage: netlink_spec.py SCHEMA. SCHEMA is genetlink-legacy.yaml of the kernel's source.
Compares names and numbers with the enums and defines of the header, types with the policies
and commands with the operations of the module, all of it both ways. Prints every difference
and exits 1 then. It must never guess: what it cannot read it reports.
"""
import re
import sys
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "kmod/tlsock.yaml"
HEADER = ROOT / "kmod/include/uapi/linux/tlsock.h"
# Enums of the header that socket options alone use.
NO_NETLINK = {"tlsock_eof"}
# Policy types whose name is not the specification's.
POLICY_TYPES = {"NUL_STRING": "string", "NESTED": "nest"}

complaints = []


def complain(text):
    complaints.append(text)


def c_name(text):
    return text.replace("-", "_")


def c_upper(text):
    return c_name(text).upper()


def compare(what, spec, code):
    """Two dicts that have to be equal."""
    for name in sorted(spec.keys() | code.keys()):
        if name not in code:
            complain(f"{what}: {name} = {spec[name]} is in no code")
        elif name not in spec:
            complain(f"{what}: {name} = {code[name]} is missing")
        elif spec[name] != code[name]:
            complain(f"{what}: {name} is {spec[name]} here, {code[name]} in the code")


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


# ---- the header


def enumerator(item, known, following):
    """(name, value) of one enumerator: = number, = a name before it + number, or nothing."""
    match = re.fullmatch(r"(\w+)(?:\s*=\s*(?:(\w+)\s*([-+])\s*)?(\d\w*))?", item)
    if not match:
        raise ValueError(f"cannot read the enumerator '{item}'")
    name, base, sign, number = match.groups()
    if number is None:
        return name, following
    value = int(number, 0)
    return name, known[base] + (value if sign == "+" else -value) if base else value


def header_enums(text):
    enums = {}
    if len(re.findall(r"\benum\b[^;()]*\{", text)) != len(re.findall(r"\benum\s+\w+\s*\{", text)):
        raise ValueError("an enum without a name")
    for tag, body in re.findall(r"\benum\s+(\w+)\s*\{(.*?)\}", text, flags=re.S):
        values, following = {}, 0
        for item in (part.strip() for part in body.split(",")):
            if item:
                name, value = enumerator(item, values, following)
                values[name] = value
                following = value + 1
        enums[tag] = values
    return enums


def header_defines(text):
    """Names with numbers, (1U << n) or strings; others are of no concern here."""
    defines = {}
    for name, value in re.findall(r"^#define[ \t]+(\w+)[ \t]+(.*?)[ \t]*$", text, flags=re.M):
        shift = re.fullmatch(r"\(1U << (\d+)\)", value)
        if shift:
            defines[name] = 1 << int(shift[1])
        elif re.fullmatch(r"\d\w*", value):
            defines[name] = int(value, 0)
        elif re.fullmatch(r'"[^"]*"', value):
            defines[name] = value[1:-1]
    return defines


def is_bound(name):
    return name.endswith("_MAX")


def bounds(tag, prefix, values):
    """__X_MAX and X_MAX are behind the last and the last of an enum that grows."""
    last = max(v for n, v in values.items() if not is_bound(n))
    want = {f"__{prefix}MAX": last + 1, f"{prefix}MAX": last}
    compare(f"enum {tag}", want, {n: v for n, v in values.items() if is_bound(n)})


# ---- the specification


def numbered(items, start):
    """(entry, number) of a list in which "value" is optional."""
    for item in items:
        item = {"name": item} if isinstance(item, str) else item
        start = item.get("value", start)
        yield item, start
        start += 1


def command_number(op):
    """The number of an operation: that of its request, or of the message it is."""
    if "event" in op:
        return op["value"]
    mode = op.get("do") or op["dump"]
    return mode["request"]["value"]


def check_enum(tag, prefix, entries, enums, grows):
    """The enum @tag of the header against the (name, number) pairs of the specification."""
    if tag not in enums:
        complain(f"enum {tag} is not in the header")
        return
    spec = {prefix + c_upper(name): number for name, number in entries}
    if grows:
        spec[prefix + "UNSPEC"] = 0
        bounds(tag, prefix, enums[tag])
    values = {n: v for n, v in enums[tag].items() if not (grows and is_bound(n))}
    compare(f"enum {tag}", spec, values)


def check_numbers(spec, enums, defines):
    seen = set(NO_NETLINK)
    for item in spec["definitions"]:
        if item["type"] == "const":
            name = f"TLSOCK_{c_upper(item['name'])}"
            compare("define", {name: item["value"]}, {name: defines.get(name)})
            continue
        prefix = c_upper(item["name-prefix"])
        entries = list(numbered(item["entries"], item.get("value-start", 0)))
        if item["type"] == "flags":
            want = {prefix + c_upper(e["name"]): 1 << n for e, n in entries}
            compare("flags", want, {n: v for n, v in defines.items() if n.startswith(prefix)})
        else:
            tag = c_name(item["enum-name"])
            seen.add(tag)
            check_enum(tag, prefix, [(e["name"], n) for e, n in entries], enums, False)
    for space in spec["attribute-sets"]:
        if "subset-of" in space:
            continue
        tag = c_name(space["enum-name"])
        seen.add(tag)
        entries = [(a["name"], n) for a, n in numbered(space["attributes"], 1)]
        check_enum(tag, c_upper(space["name-prefix"]), entries, enums, True)
    operations = spec["operations"]
    tag = c_name(operations["enum-name"])
    seen.add(tag)
    entries = [(op["name"], command_number(op)) for op in operations["list"]]
    check_enum(tag, c_upper(operations["name-prefix"]), entries, enums, True)
    for tag in sorted(enums.keys() ^ seen):
        complain(f"enum {tag} is in the {'header' if tag in enums else 'specification'} only")

    names = {c_upper(g["c-define-name"]): g["name"] for g in spec["mcast-groups"]["list"]}
    names[c_upper(spec["c-family-name"])] = spec["name"]
    names[c_upper(spec["c-version-name"])] = spec["version"]
    compare("define", names, {n: v for n, v in defines.items() if n.startswith("TLSOCK_GENL_")})


# ---- what the schema cannot see: references, and that every thing is explained


def documented(where, items):
    for item in items:
        if not isinstance(item, dict) or not item.get("doc", "").strip():
            complain(f"{where}: {item['name'] if isinstance(item, dict) else item} has no doc")


def check_attribute(where, attribute, names):
    for key, known in (("enum", names["enum"]), ("nested-attributes", names["space"])):
        if key in attribute and attribute[key] not in known:
            complain(f"{where}: {attribute['name']}: no such {key}: {attribute[key]}")
    if (attribute.get("type") == "nest") != ("nested-attributes" in attribute):
        complain(f"{where}: {attribute['name']}: a nest says what is in it, nothing else does")
    for limit in attribute.get("checks", {}).values():
        if isinstance(limit, str) and limit not in names["const"] | {"s32-max"}:
            complain(f"{where}: {attribute['name']}: no such limit: {limit}")


def check_references(spec):
    spaces = {s["name"]: {a["name"] for a in s["attributes"]} for s in spec["attribute-sets"]}
    names = {"enum": set(), "const": set(), "space": spaces.keys()}
    for item in spec["definitions"]:
        names["const" if item["type"] == "const" else "enum"].add(item["name"])
        documented(item["name"], item.get("entries", []))
    documented("definitions", spec["definitions"])
    documented("attribute-sets", spec["attribute-sets"])
    for space in spec["attribute-sets"]:
        if "subset-of" in space:
            for name in spaces[space["name"]] - spaces.get(space["subset-of"], set()):
                complain(f"{space['name']}: {name} is not in {space['subset-of']}")
            continue
        documented(space["name"], space["attributes"])
        for attribute in space["attributes"]:
            check_attribute(space["name"], attribute, names)
    groups = {g["name"] for g in spec["mcast-groups"]["list"]}
    for op in spec["operations"]["list"]:
        for name in op_attributes(op) - spaces.get(op["attribute-set"], set()):
            complain(f"{op['name']}: no such attribute: {name}")
        if op.get("mcgrp", "monitor") not in groups:
            complain(f"{op['name']}: no such group: {op['mcgrp']}")
    documented("operations", spec["operations"]["list"])


def op_attributes(op):
    found = set(op.get("event", {}).get("attributes", []))
    for mode in ("do", "dump"):
        for message in op.get(mode, {}).values():
            found |= set(message["attributes"])
    return found


# ---- the module: policies and operations


def module_policies(code):
    """{table: {attribute: type}} of every struct nla_policy; fails on a row it cannot read."""
    tables = {}
    table_of = re.compile(r"struct nla_policy (\w+)\[[^]]*\] = \{(.*?)\n\};", flags=re.S)
    row_of = re.compile(r"\[(TLSOCK_\w+)\] = "
                        r"(NLA_POLICY_(?:EXACT_LEN|\w+\(NLA_(\w+))|\{ \.type = NLA_(\w+))")
    for name, body in table_of.findall(code):
        rows = {}
        for row in (r.strip() for r in re.split(r"(?=\[TLSOCK_\w+\] =)", body)):
            if not row:
                continue
            match = row_of.match(row)
            if not match:
                raise ValueError(f"cannot read the policy '{row}'")
            kind = match[3] or match[4] or ""
            if "EXACT_LEN" in match[2]:
                kind = "BINARY"
            rows[match[1]] = POLICY_TYPES.get(kind, kind.lower())
        tables[name] = rows
    return tables


def module_operations(code):
    """{command: its fields} of struct genl_ops."""
    table = re.search(r"struct genl_ops \w+\[\] = \{(.*?)\n\};", code, flags=re.S)
    if not table:
        raise ValueError("no struct genl_ops in the module")
    operations = {}
    for body in re.findall(r"\{(.*?)\}", table[1], flags=re.S):
        fields = dict(re.findall(r"\.(\w+) = (\w+)", body))
        operations[fields.pop("cmd")] = fields
    return operations


def check_module(spec, code):
    policies, operations = module_policies(code), module_operations(code)
    spaces = {s["name"]: s for s in spec["attribute-sets"]}
    types = {}
    for name, space in spaces.items():
        if "subset-of" not in space:
            prefix = c_upper(space["name-prefix"])
            types[name] = {prefix + c_upper(a["name"]): a["type"] for a in space["attributes"]}

    requests = {}
    for op in spec["operations"]["list"]:
        for mode in ("do", "dump"):
            if mode in op:
                name = c_upper(spec["operations"]["name-prefix"] + op["name"])
                requests[name] = (mode, op)
    compare("operation", dict.fromkeys(requests, "there"), dict.fromkeys(operations, "there"))
    prefix = c_upper(spaces["main"]["name-prefix"])
    for name in requests.keys() & operations.keys():
        (mode, op), fields = requests[name], operations[name]
        flags = {"GENL_" + c_upper(f) for f in op.get("flags", [])}
        compare(name, {"flags": flags, "handlers": {mode + "it"}},
                {"flags": {fields.get("flags")}, "handlers": {"doit", "dumpit"} & fields.keys()})
        taken = {prefix + c_upper(a) for a in op[mode]["request"]["attributes"]}
        compare(f"{name}, what it takes", {a: types["main"][a] for a in taken},
                policies[fields["policy"]] if "policy" in fields else {})
    actions = {n: t for n, t in types["action-attr"].items() if t != "pad"}
    compare("what an action takes", actions, policies.get("act_policy", {}))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    spec = yaml.safe_load(SPEC.read_text())
    schema = yaml.safe_load(Path(sys.argv[1]).read_text())
    for error in jsonschema.Draft7Validator(schema).iter_errors(spec):
        complain(f"schema: {'/'.join(map(str, error.path))}: {error.message}")
    if not complaints:
        check_references(spec)
    if not complaints:
        header = without_comments(HEADER.read_text())
        code = without_comments("\n".join(f.read_text() for f in sorted(ROOT.glob("kmod/*.c"))))
        try:
            check_numbers(spec, header_enums(header), header_defines(header))
            check_module(spec, code)
        except (KeyError, ValueError) as error:
            complain(f"not comparable: {error}")
    for text in complaints:
        print(f"kmod/tlsock.yaml: {text}")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
