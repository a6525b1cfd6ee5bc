#!/usr/bin/env python3
"""How the cost of the seed network grows with batch, size of the pictures and threads; how long a start takes; how large
programs are. Prints JSON.

usage: scaling.py --build FOLDER [--threads N] [--quick]

example:
  bench/scaling.py --build build/bench > scaling.json
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
from processes import PeerError, Process


def points(threads, quick):
    """(threads, batch, size), each once."""
    batches = [1, 64] if quick else [1, 2, 4, 8, 16, 32, 64, 128, 256]
    sizes = [64, 256] if quick else [64, 128, 256, 512]
    every = [(threads, batch, 256) for batch in batches] + [(threads, 64, size) for size in sizes]
    if threads > 1:
        every += [(1, batch, 256) for batch in (1, 64)]
    return sorted(set(every), key=lambda point: (-point[0], point[2], point[1]))


def measure(program, threads, batch, size, seconds, log):
    """One point: medians of as many steps as fit into `seconds`, at least three."""
    process = Process(
        f"mien on {threads} threads, {batch} pictures of {size}",
        [program, "--serve", "--network", "seed", "--threads", threads, "--batch", batch, "--size", size], log,
        {"OMP_NUM_THREADS": str(threads)})
    point = {"network": "seed", "threads": threads, "batch": batch, "size": size}
    for measured, command in (("train_step_s", "train {}"), ("inference_s", "infer {} " + str(batch))):
        first = process.ask(command.format(2))["seconds"][1]
        count = max(3, min(50, int(seconds / max(first, 1e-4))))
        point[measured] = statistics.median(process.ask(command.format(count))["seconds"])
    point["peak_bytes"] = process.ask("memory")["peak_bytes"]
    process.stop()
    return point


def start_up(program):
    """Process start to the first result of a network with drawn weights, one picture."""
    seconds = []
    for _ in range(7):
        start = time.perf_counter()
        subprocess.run([program, "--network", "seed", "--batch", "1", "--infer", "1"], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def stripped_size(program):
    with tempfile.TemporaryDirectory() as folder:
        stripped = pathlib.Path(folder) / "program"
        subprocess.run(["strip", "-o", stripped, program], check=True)
        return stripped.stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage=argparse.SUPPRESS)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    program = arguments.build / "bench_network"
    result = {"scaling": []}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for threads, batch, size in points(arguments.threads, arguments.quick):
                print(f"threads {threads}, batch {batch}, {size} px", file=sys.stderr, flush=True)
                result["scaling"].append(measure(program, threads, batch, size, 0.3 if arguments.quick else 1.0,
                                                 pathlib.Path(scratch) / "log"))
        result["start_up_s"] = start_up(program)
        result["size_bytes"] = {name: stripped_size(arguments.build / name) for name in ("hello", "expressions")}
    except (PeerError, OSError, subprocess.CalledProcessError) as error:
        print(f"scaling.py: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
