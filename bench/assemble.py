#!/usr/bin/env python3
"""Puts the parts that scripts/bench.sh measured into one JSON file, and a page to read beside it. Prints their paths.

usage: assemble.py --parts FOLDER --results FOLDER [--quick]

FOLDER of parts holds any of roofline.json, kernels.json, profile.txt, input.json, scaling.json and NETWORK.json (of
bench/peers/run.py).
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

import table

ROOT = pathlib.Path(__file__).resolve().parent.parent


def tree():
    """(commit, whether the tree differs from it); results of earlier runs do not count."""
    def git(*words):
        return subprocess.run(["git", "-C", ROOT, *words], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
    try:
        return git("rev-parse", "--short=12", "HEAD"), bool(git("status", "--porcelain", "--", ".", ":!bench/results"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", False  # no clone: a release's sources


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown processor"


def write(path, text):
    """Beside, then renamed: at every moment the file is whole or not there."""
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def assemble(parts, quick, load_average):
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30)
    commit, dirty = tree()
    result = {"format": 1, "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
              "commit": commit, "dirty": dirty,
              "machine": f"{processor()}, {cores} processors, {memory:.0f} GiB, Linux {platform.release()}",
              "build": "Release", "quick": quick, "load_average": load_average, "networks": {}}
    for path in sorted(parts.glob("*.json")):
        part = json.loads(path.read_text())
        if path.name == "roofline.json":
            result["roofline"] = part
        elif path.name == "kernels.json":
            result["kernels"] = table.kernel_rows(part["benchmarks"])
            result["kernels_roofline"] = json.loads(part["context"]["roofline"])
            result["build"] = part["context"]["build"]
        elif path.name == "input.json":
            result["input"] = table.input_rows(part["benchmarks"])
        elif path.name == "scaling.json":
            result.update(part)
        else:
            result["networks"][part["network"]] = part
            result["build"] = part["build"]
    if (parts / "profile.txt").exists():
        result["profile"] = (parts / "profile.txt").read_text().splitlines()
    result["networks"] = dict(sorted(result["networks"].items(), key=lambda item: item[0] != "seed"))
    if "seed" in result["networks"]:
        result["peers"] = result["networks"]["seed"]["peers"]
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage=argparse.SUPPRESS)
    parser.add_argument("--parts", type=pathlib.Path, required=True)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--load-average", type=float, default=0, help="when the measurement began")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    try:
        result = assemble(arguments.parts, arguments.quick, arguments.load_average)
        machine = re.sub(r"[^a-z0-9]+", "-", processor().lower()).strip("-")
        name = f"{result['date'][:10]}-{machine}-{len(os.sched_getaffinity(0))}-{result['commit']}"
        name += ("-dirty" if result["dirty"] else "") + ("-quick" if arguments.quick else "")
        arguments.results.mkdir(parents=True, exist_ok=True)
        page = arguments.results / f"{name}.md"
        write(arguments.results / f"{name}.json", json.dumps(result, indent=1) + "\n")
        write(page, table.result_page(result, False))
    except (OSError, ValueError, KeyError) as error:
        print(f"assemble.py: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(page.with_suffix(".json"), page, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
