#!/usr/bin/env python3
"""Turns measurements into a page to read: the JSON of bench_kernels (Google Benchmark's) or of scripts/bench.sh.

usage: table.py [--text] [--costs] FILE

Markdown on stdout; with --text, the same tables with their columns lined up for a terminal. With --costs, one table
alone: what the networks of keras.applications cost in mien, for docs/reading_six_famous_networks.md.

examples:
  bench_kernels --benchmark_out=kernels.json && bench/table.py --text kernels.json
  bench/table.py bench/results/RESULT.json > RESULT.md
  bench/table.py --costs bench/results/RESULT.json
"""
import argparse
import json
import math
import sys


def number(value, decimals=1):
    """1234.5 as "1,234.5"; what was not measured as "–"."""
    return "–" if value is None else f"{value:,.{decimals}f}"


def significant(value):
    """Three digits or so: 0.0123, 1.23, 123."""
    if value is None:
        return "–"
    size = abs(value)
    return number(value, 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 4)


def table(header, rows, text):
    """Rows of cells, the first column of words to the left, the others of numbers to the right."""
    cells = [list(header), *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    line = lambda row: [row[0].ljust(widths[0]), *[cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]]
    if text:
        return "\n".join("  ".join(line(row)).rstrip() for row in cells) + "\n"
    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    return "\n".join("| " + " | ".join(row) + " |" for row in [line(cells[0]), rule, *map(line, cells[1:])]) + "\n"


def kernel_rows(benchmarks):
    """Google Benchmark's entries as rows: the median where a case was repeated. Throws KeyError for other JSON."""
    repeated = any(entry.get("aggregate_name") == "median" for entry in benchmarks)
    rows = []
    for entry in benchmarks:
        if entry.get("error_occurred"):
            raise ValueError(f"{entry['name']} failed: {entry.get('error_message')}")
        if repeated != (entry.get("aggregate_name") == "median"):
            continue
        milliseconds = entry["real_time"] * {"ns": 1e-6, "us": 1e-3, "ms": 1, "s": 1e3}[entry["time_unit"]]
        label = f" ({entry['label']})" if entry.get("label") else ""
        rows.append({"name": entry["run_name"].removesuffix("/real_time") + label, "ms": milliseconds,
                     "gflops": entry.get("GFLOP/s"), "peak_percent": entry.get("%peak"),
                     "gbs": entry.get("GB/s"), "bandwidth_percent": entry.get("%bandwidth")})
    if not rows:
        raise ValueError("no benchmark ran")
    return rows


def input_rows(benchmarks):
    """bench_input's entries: pictures a second of each stage of the way into a training step."""
    rows = []
    for entry in benchmarks:
        name, threads = entry["run_name"].removesuffix("/real_time").split("/threads:")
        rows.append({"stage": name, "threads": int(threads), "images_per_second": entry["items_per_second"]})
    return rows


def input_table(rows, text):
    threads = sorted({row["threads"] for row in rows})
    figures = {(row["stage"], row["threads"]): row["images_per_second"] for row in rows}
    return table(["stage", *[f"images/s, {count} thread{'s' * (count > 1)}" for count in threads]],
                 [[stage, *[number(figures.get((stage, count)), 0) for count in threads]]
                  for stage in dict.fromkeys(row["stage"] for row in rows)], text)


def kernels_table(rows, text):
    out = []
    for kernel in dict.fromkeys(row["name"].split("/")[0] for row in rows):
        own = [row for row in rows if row["name"].split("/")[0] == kernel]
        out.append(table([kernel, "ms", "GFLOP/s", "% of peak", "GB/s", "% of bandwidth"],
                         [[row["name"].split("/", 1)[1], number(row["ms"], 3), number(row["gflops"]),
                           number(row["peak_percent"]), number(row["gbs"]), number(row["bandwidth_percent"])]
                          for row in own], text))
    return "\n".join(out)


def roofline_table(rooflines, text):
    return table(["instruction set", "threads", "GFLOP/s", "read GB/s", "copy GB/s", "triad GB/s"],
                 [[r["instruction_set"], r["threads"], number(r["gflops"]), number(r["read_gbs"]), number(r["copy_gbs"]),
                   number(r["triad_gbs"])] for r in rooflines], text)


RATIOS = {"train_step_s": "Training", "inference_s": "Inference of a batch", "inference_batch1_s": "Inference of one picture"}


def peers_table(network, text):
    """One network: each framework's best float32, lower precision in rows of their own."""
    batch = network["batch"]
    rows = []
    for name, peer in network["peers"].items():
        if peer.get("unavailable"):
            rows.append([f"{name}: {peer['unavailable']}", *["–"] * 7])
            continue
        train, inference = peer.get("train_step_s"), peer.get("inference_s")
        single = peer.get("inference_batch1_s")
        rows.append([f"{name} {peer.get('version', '')}".strip(), significant(train and train * 1e3),
                     number(train and batch / train, 0), significant(inference and inference * 1e3),
                     number(inference and batch / inference, 0), significant(single and single * 1e3),
                     number(peer.get("step_rss_growth_bytes") and peer["step_rss_growth_bytes"] / 1e6, 0),
                     number(peer.get("start_s"), 2)])
        for precision, figures in peer.get("lower_precision", {}).items():
            train, inference = figures.get("train_step_s"), figures.get("inference_s")
            single = figures.get("inference_batch1_s")
            rows.append([f"{name}, {precision}", significant(train and train * 1e3),
                         number(train and batch / train, 0), significant(inference and inference * 1e3),
                         number(inference and batch / inference, 0), significant(single and single * 1e3), "–", "–"])
    out = [table([f"{network['network']}, {network['size']} px, batch {batch}", "training ms", "images/s",
                  "inference ms", "images/s", "one picture ms", "step's memory MB", "start s"], rows, text)]
    for what, ratio in network.get("ratios", {}).items():
        out.append(f"- {RATIOS[what]}: {ratio['factor']:.2f} times as fast as the fastest float32 peer ({ratio['peer']}).")
    check = network.get("loss_check")
    if check:
        out.append(f"- Losses of the first {check['steps']} steps (learning rate {check['learning_rate']:g}) against Keras's: "
                   f"at most {check['first_apart']:.0e} apart in the first {check['first_steps']} (allowed: "
                   f"{check['first_tolerance']:.0e}), {check['apart']:.0e} in all ({check['tolerance']:.0e}): "
                   + ("they agree." if check["agrees"] else "they do not agree."))
    out += [f"- **The comparison is void: {reason}.**" for reason in network.get("void", [])]
    for note in network.get("notes", []):
        out.append(f"- {note}")
    return "\n".join(out) + "\n"


def keras_networks_table(networks, text):
    """The networks of keras.applications: each framework's best float32 at inference, and how mien compares."""
    rows, notes, factors = [], [], {measure: [] for measure in ("inference_s", "inference_batch1_s")}
    for network in networks:
        name, batch = network["network"].removeprefix("keras-"), network["batch"]
        for peer, figures in network["peers"].items():
            inference, single = figures.get("inference_s"), figures.get("inference_batch1_s")
            peak, peak_of_one = figures.get("peak_rss_bytes"), figures.get("peak_rss_batch1_bytes")
            rows.append([name, f"{peer} {figures.get('version', figures.get('unavailable', ''))}".strip(),
                         significant(single and single * 1e3), number(single and 1 / single),
                         significant(inference and inference * 1e3), number(inference and batch / inference),
                         number(peak_of_one and peak_of_one / 1e6, 0), number(peak and peak / 1e6, 0)])
        compared = [f"{RATIOS[measure].lower()} {ratio['factor']:.2f} ({ratio['peer']})"
                    for measure, ratio in network.get("ratios", {}).items()]
        for measure, ratio in network.get("ratios", {}).items():
            factors[measure].append(ratio["factor"])
        notes.append(f"- {name}: times as fast as the fastest float32 peer: " + (", ".join(compared) or "no peer") + ".")
        notes += [f"- **The comparison of {name} is void: {reason}.**" for reason in network.get("void", [])]
        notes += [f"- {name}: {note}" for note in network.get("notes", []) if note != "Pictures are noise."]
    for measure, found in factors.items():
        if found:
            notes.append(f"- Geometric mean, {RATIOS[measure].lower()}: {math.exp(sum(map(math.log, found)) / len(found)):.2f}.")
    head = f"{networks[0]['size']} px, batch {networks[0]['batch']}"
    return table([head, "framework", "one picture ms", "images/s", "batch ms", "images/s", "peak MB, one picture",
                  "peak MB, batch"], rows, text) + "\n" + "\n".join(notes) + "\n"


def costs_table(result, text):
    """What the networks of keras.applications cost in mien: the table of docs/reading_six_famous_networks.md."""
    networks = [network for network in result["networks"].values() if network["network"].startswith("keras-")]
    rows = []
    for network in networks:
        mien, batch, count = network["peers"]["mien"], network["batch"], network.get("multiply_adds")
        peaks = [mien.get(key) for key in ("peak_rss_batch1_bytes", "peak_rss_bytes")]
        rows.append([network["network"].removeprefix("keras-"), number(network.get("parameters"), 0),
                     f"{count / 1e9:.2f} G" if count else "–", number(1 / mien["inference_batch1_s"]),
                     number(batch / mien["inference_s"]), *[number(peak and peak / 1e6, 0) for peak in peaks]])
    if not rows:
        raise ValueError("no network of keras.applications was measured")
    batch = networks[0]["batch"]
    return table([f"{networks[0]['size']}x{networks[0]['size']}, with top", "parameters", "multiply-adds", "images/s, one by one",
                  f"images/s, {batch} at once", "peak MB, one", f"peak MB, {batch}"], rows, text)


def scaling_table(points, text):
    return table(["network", "threads", "batch", "size", "training ms", "images/s", "inference ms", "images/s",
                  "step's memory MB"],
                 [[p["network"], p["threads"], p["batch"], p["size"], significant(p["train_step_s"] * 1e3),
                   number(p["batch"] / p["train_step_s"], 0), significant(p["inference_s"] * 1e3),
                   number(p["batch"] / p["inference_s"], 0), number(p["peak_bytes"] / 1e6, 0)] for p in points], text)


def result_page(result, text):
    head = "" if text else "# "
    section = lambda title: f"\n{title}\n{'-' * len(title)}\n" if text else f"\n## {title}\n"
    out = [f"{head}mien {result['commit']}{' + uncommitted changes' if result['dirty'] else ''}, {result['date']}\n",
           f"{result['machine']}. {result['build']}.{' A quick run: figures to look at, not to quote.' if result['quick'] else ''}"
           f" Load average at the start: {result['load_average']:.2f}."]
    if "roofline" in result:
        out += [section("The machine's bounds"), roofline_table(result["roofline"], text)]
    of_keras = [network for name, network in result.get("networks", {}).items() if name.startswith("keras-")]
    for network in result.get("networks", {}).values():
        if network in of_keras:
            continue
        out += [section(f"{network['network']}: against the other frameworks"), peers_table(network, text)]
    if of_keras:
        out += [section("Six networks of keras.applications: inference"), keras_networks_table(of_keras, text)]
    if "scaling" in result:
        out += [section("How cost grows"), scaling_table(result["scaling"], text)]
    if "start_up_s" in result:
        out += [section("Start-up and size"),
                table(["what", "value"],
                      [["process start to first result, seed network, one picture", f"{result['start_up_s']:.3f} s"],
                       *[[f"{name}, stripped", f"{size / 1e6:.1f} MB"] for name, size in result["size_bytes"].items()]],
                      text)]
    if "profile" in result:
        profile = "\n".join(result["profile"])
        out += [section("A training step, kernel by kernel"), profile if text else f"```\n{profile}\n```"]
    if "input" in result:
        out += [section("From photographs to batches"), input_table(result["input"], text)]
    if "kernels" in result:
        out += [section("Kernels"), kernels_table(result["kernels"], text)]
    return "\n".join(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                     usage=argparse.SUPPRESS)
    parser.add_argument("--text", action="store_true", help="columns lined up, for a terminal")
    parser.add_argument("--costs", action="store_true", help="the networks of keras.applications in mien, and no more")
    parser.add_argument("file")
    arguments = parser.parse_args()
    try:
        with open(arguments.file, encoding="utf-8") as file:
            data = json.load(file)
        if arguments.costs:
            print(costs_table(data, arguments.text), end="")
        elif "benchmarks" in data:
            print(kernels_table(kernel_rows(data["benchmarks"]), arguments.text))
        else:
            print(result_page(data, arguments.text))
    except (OSError, ValueError, KeyError) as error:
        print(f"table.py: {arguments.file}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
