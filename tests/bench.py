#!/usr/bin/env python3
"""Runs the benchmark programs in short: usage: bench.py BENCH_KERNELS BENCH_NETWORK BENCH_FOLDER. Exit code 1 if
anything is not as it should be."""
import json
import pathlib
import subprocess
import sys
import tempfile


def run(*command, **options):
    print("$", *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def check(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


def kernels(program, folder, scratch):
    """One case of each kernel, in a table with a figure in every column that applies."""
    names = run(program, "--benchmark_list_tests").split()
    check(len(names) == len(set(names)) and len(names) > 100, "each case has a name of its own")
    few = "conv2d/seed/conv5.*(automatic|direct)|dense/seed/256|softmax|adam"
    run(program, f"--benchmark_filter={few}", "--benchmark_min_time=0.001", f"--benchmark_out={scratch}/kernels.json")
    page = run(sys.executable, folder / "table.py", scratch / "kernels.json")
    for kernel in ("conv2d", "dense", "softmax", "optimizer"):
        check(f"| {kernel} " in page, f"the table has a part for {kernel}")
    forward = next(line for line in page.splitlines() if "conv5" in line and "forward/direct" in line)
    check(all(float(cell.replace(",", "")) > 0 for cell in forward.split("|")[2:-1]), "a convolution has every figure")
    (scratch / "bad.json").write_text('{"benchmarks": []}')
    bad = subprocess.run([sys.executable, folder / "table.py", scratch / "bad.json"], stderr=subprocess.PIPE)
    check(bad.returncode == 1 and b"bad.json" in bad.stderr, "table.py says which file it cannot read")


def network(program, scratch):
    """The seed network, small, driven by lines; another one by options; the emulator refused."""
    def serve(*commands, options=()):
        said = run(program, "--size", 64, "--batch", 4, "--serve", *options, input="\n".join([*commands, "quit\n"]))
        return [json.loads(line) for line in said.splitlines()]

    weights, batches = scratch / "weights.safetensors", scratch / "batches"
    ready, first, _, again, single, scores, killed, memory, bad, *_ = serve(
        "train 2", "reset", "train 2", "infer 2 1", "logits 1", "killed", "memory", "walk", f"save {weights}",
        f"export {batches}")
    check(ready == {"ready": "seed"}, "it says when it is ready")
    check(len(first["seconds"]) == 2 and first["losses"] == again["losses"], "reset goes back to the start")
    check(len(single["seconds"]) == 2 and len(scores["logits"]) == 5, "inference of one picture")
    check(len(killed["killed"]) == 5 and all(0 < share < 1 for share in killed["killed"].values()), "killed shares")
    check(memory["allocations_after_first_step"] == 0, "a step of fixed shape allocates nothing after the first")
    check("walk" in bad["error"], "an unknown command is answered, and does not end the program")
    check(batches.stat().st_size == 2 * 4 * (64 * 64 + 1) * 4, "two batches of pictures and labels were written")
    loaded = serve("logits 1", options=["--weights", weights])
    trained = serve("train 2", "memory", "logits 1")  # as many steps as before the weights were saved
    check(loaded[1] == trained[3], "weights go into a file and come back")
    still = serve("rate 0", "train 2", "logits 1")
    check(still[3] == serve("logits 1")[1], "a learning rate of 0 leaves the weights where they are")
    other = json.loads(run(program, "--network", "mobilenetv2", "--size", 32, "--batch", 2, "--train", 1, "--infer", 1))
    check(other["train"]["losses"][0] > 0 and other["infer"]["2"]["seconds"][0] > 0, "another network by options")
    refused = subprocess.run([program, "--device", "cuda_emulated"], stderr=subprocess.PIPE)
    check(refused.returncode == 1 and b"emulator" in refused.stderr, "the emulator is refused")


def dying_processes(folder, scratch):
    """One that dies is reported with its name, its end and its last words, whenever it is noticed."""
    sys.path.insert(0, str(folder / "peers"))
    from processes import PeerError, Process
    stand_in = """
import os, sys
print('{"ready": "1.0"}', flush=True)
for line in sys.stdin:
    if line == "echo\\n":
        print('{"done": "echo"}', flush=True)
        continue
    print("no room for", line, file=sys.stderr, flush=True)
    sys.exit(3)
"""

    def begin(name):
        return Process(name, [sys.executable, "-c", stand_in], scratch / "dying.log")

    def error_of(process, command):
        try:
            process.ask(command)
        except PeerError as error:
            return str(error)
        finally:
            process.stop()
        sys.exit(f"FAILED: {process.name} answered")

    at_work = error_of(begin("first"), "infer 1 1")
    check("first ended with 3" in at_work and "no room for infer 1 1" in at_work, f"one that ends at work: {at_work}")
    asleep = begin("second")
    check(asleep.ask("echo") == {"done": "echo"}, "the second one lives")
    asleep.pause()
    asleep.process.kill()
    asleep.process.wait()
    killed = error_of(asleep, "echo")
    check("second was ended by SIGKILL" in killed and "it said nothing" in killed, f"one killed between turns: {killed}")


def page(program, folder, scratch):
    """The parts of scripts/bench.sh become one file and one page; mien alone, for the frameworks may not be there."""
    parts, results = scratch / "parts", scratch / "results"
    parts.mkdir()
    (scratch / "kernels.json").rename(parts / "kernels.json")
    run(sys.executable, folder / "peers" / "run.py", "--program", program, "--size", 64, "--batch", 4, "--quick", "--peers", "",
        "--output", parts / "seed.json")
    run(sys.executable, folder / "assemble.py", "--parts", parts, "--results", results, "--quick")
    result = json.loads(next(results.glob("*.json")).read_text())
    check(result["peers"]["mien"]["train_step_s"] > 0 and result["commit"], "the result holds what it is for")
    check("| mien " in next(results.glob("*.md")).read_text(), "the page has a row for mien")
    check(len(list(results.iterdir())) == 2, "nothing else is left behind")

    for name in ("seed", "keras-mobilenet_v2"):
        described = json.loads(run(program, "--network", name, "--size", 256, "--describe"))
        check(described["parameters"] == {"seed": 2196933}.get(name, 3538984), f"{name} has {described['parameters']}")
    run(sys.executable, folder / "peers" / "run.py", "--program", program, "--network", "keras-mobilenet_v2", "--size", 32,
        "--batch", 2, "--quick", "--inference", "--peers", "", "--output", parts / "keras-mobilenet_v2.json")
    (parts / "seed.json").unlink()
    run(sys.executable, folder / "assemble.py", "--parts", parts, "--results", scratch / "again", "--quick")
    costs = run(sys.executable, folder / "table.py", "--costs", next((scratch / "again").glob("*.json"))).splitlines()
    cells = [cell.strip().replace(",", "") for cell in costs[-1].split("|")[1:-1]]
    check(cells[:3] == ["mobilenet_v2", "3538984", "0.01 G"], f"parameters and multiply-adds of a network: {cells}")
    check(all(float(cell) > 0 for cell in cells[3:]) and len(cells) == 7, f"its times and peaks: {cells}")


def main():
    kernels_program, network_program, folder = map(pathlib.Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as scratch:
        kernels(kernels_program, folder, pathlib.Path(scratch))
        network(network_program, pathlib.Path(scratch))
        dying_processes(folder, pathlib.Path(scratch))
        page(network_program, folder, pathlib.Path(scratch))
    print("all is well")


if __name__ == "__main__":
    main()
