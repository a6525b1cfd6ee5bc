#!/usr/bin/env python3
"""Runs the same network, weights, pictures and number of threads in mien, Keras, PyTorch, ONNX Runtime and OpenVINO.

First each framework is tried in each of its settings, one process at a time, and its fastest are picked: for a training
step, for inference of a batch, and for inference of one picture; lower precision apart. Then the winners all stay alive
and take turns, every one stopped while another is measured, and the medians over the rounds are what counts. Each turn
starts from the same weights. With photographs, these are the weights after some epochs of training.

The losses of the first steps must be Keras's; else the comparison is void, the result says so, and the exit code is 1.

examples:
  bench/peers/run.py --program build/release/bench_network --data faces --output seed.json
  bench/peers/run.py --program build/release/bench_network --network resnet50 --batch 16 --output resnet50.json
  bench/peers/run.py --program build/release/bench_network --quick --peers keras --output look.json
"""
import argparse
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from processes import PeerError, Process

HERE = pathlib.Path(__file__).resolve().parent
PEERS = ["keras", "pytorch", "onnxruntime", "openvino"]

# What is measured: its name in the result, the command that does it `count` times, and the settings it asks of.
MEASURES = {
    "train_step_s": ("train", lambda count, batch: f"train {count}"),
    "inference_s": ("infer", lambda count, batch: f"infer {count} {batch}"),
    "inference_batch1_s": ("infer", lambda count, batch: f"infer {count} 1"),
}

INFERENCE = [measure for measure, (role, _) in MEASURES.items() if role == "infer"]

# How far losses may be apart (relative): in the first steps, and over all that are compared.
#
# Two programs that add in different orders differ by some 1e-7 of a value, and Winograd's transforms by some 1e-6; Adam,
# which divides by the gradient's own size, turns the sign of a gradient that is nearly zero into a full step. So
# differences grow from step to step. The first steps show that the programs compute the same: a wrong batch, weight or
# constant shows there (PyTorch's Adam, whose epsilon stands elsewhere, is 1.4e-4 off at the fourth step). The later ones
# show that the runs stay together.
CLOSE_STEPS, CLOSE, APART = 5, 1e-4, 2e-2
# (steps, learning rate). From drawn weights and with batch normalisation over a small batch, a step of Adam's usual size
# leaves the region where the loss is smooth: Keras differs from itself under XLA by 3e-2 after three. There the check goes
# in small steps; at 1e-6 ResNet50 stays within 2e-4 over 20 of them while its loss falls by a third.
CHECK, NORMALISED_CHECK = (20, 1e-3), (8, 1e-6)
LOGIT_TOLERANCE = 1e-3  # of the largest score, between any two float32 programs, before any step is taken


# Whether an environment has the versions that a file pins.
HAS_ALL = """
import importlib.metadata as metadata, sys
lines = [line.split("#")[0].strip() for line in open(sys.argv[1])]
try:
    sys.exit(any(metadata.version(name) != version for name, version in (line.split("==") for line in lines if line)))
except metadata.PackageNotFoundError:
    sys.exit(1)
"""


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def peer_python(venv):
    """The Python of the virtual environment, which is made where it is missing."""
    python, wanted = venv / "bin" / "python", HERE / "requirements.txt"
    if python.exists() and subprocess.run([python, "-c", HAS_ALL, wanted]).returncode == 0:
        return python
    say(f"installing the frameworks into {venv} (several GB, once)")
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", wanted], check=True, stdout=sys.stderr)
    return python


class Bench:
    def __init__(self, arguments, scratch):
        self.arguments, self.scratch = arguments, pathlib.Path(scratch)
        self.measures = INFERENCE if arguments.inference else list(MEASURES)
        self.python = peer_python(arguments.venv) if arguments.peers else None
        self.environment = {"OMP_NUM_THREADS": str(arguments.threads)}

    def start_mien(self):
        a = self.arguments
        command = [a.program, "--serve", "--network", a.network, "--batch", a.batch, "--threads", a.threads]
        for option in ("size", "data", "weights"):
            if getattr(a, option):
                command += [f"--{option}", getattr(a, option)]
        return Process("mien", command, self.scratch / "mien.log", self.environment)

    def prepare(self):
        """Trains where that is asked for, and leaves description, weights and batches for the peers."""
        mien = self.start_mien()
        self.notes = []
        if self.arguments.data and not self.arguments.weights:
            say(f"mien trains {self.arguments.epochs} epochs")
            losses = mien.ask(f"fit {self.arguments.epochs}")["losses"]
            self.notes.append(f"Weights after {len(losses)} epochs on {self.arguments.data.name}; "
                              f"mean losses {', '.join(f'{loss:.3f}' for loss in losses)}.")
        elif not self.arguments.data:
            self.notes.append("Pictures are noise.")
        self.description = mien.ask("describe")
        killed = {} if self.description["keras_name"] else mien.ask("killed")["killed"]
        if killed:
            self.notes.append("Share of a convolution's outputs that ReLU killed: "
                              + ", ".join(f"{name} {100 * share:.0f} %" for name, share in killed.items()) + ".")
        self.killed = killed
        normalised = any(layer["kind"] == "batch_normalization" for layer in self.description["layers"])
        self.checked_steps, self.checked_rate = NORMALISED_CHECK if normalised else CHECK
        (self.scratch / "network.json").write_text(json.dumps(self.description))
        mien.ask(f"save {self.scratch / 'weights'}")
        if self.description["keras_name"]:
            mien.ask(f"onnx {self.scratch / 'network.onnx'}")
        mien.ask(f"export {self.scratch / 'batches'}")
        mien.stop()
        self.arguments.weights = self.scratch / "weights"

    def start(self, peer, setting, environment=None):
        if peer == "mien":
            return self.start_mien()
        a = self.arguments
        return Process(f"{peer} ({setting})",
                       [self.python, HERE / f"{peer}_peer.py", "--description", self.scratch / "network.json",
                        "--weights", self.scratch / "weights", "--batches", self.scratch / "batches", "--batch-count",
                        self.description["batches"], "--batch", a.batch, "--threads", a.threads, "--setting", setting],
                       self.scratch / f"{peer}.log", {**self.environment, **(environment or {})})

    def settings(self, peer):
        """name → what the setting is for; those that take long to compile are left out of a quick run, and those of
        lower precision where float32 alone is asked for."""
        listed = json.loads(subprocess.run([self.python, HERE / f"{peer}_peer.py", "--list-settings"], check=True,
                                           stdout=subprocess.PIPE).stdout)
        if self.arguments.quick or self.arguments.no_compile:
            listed = {name: setting for name, setting in listed.items() if not setting.get("compiles")}
        if self.arguments.float32:
            listed = {name: setting for name, setting in listed.items() if setting["precision"] == "float32"}
        return listed

    def trial(self, peer, name, setting):
        """measure → seconds, of one setting by itself; empty where it fails."""
        figures = {}
        try:
            process = self.start(peer, name, setting.get("environment"))
        except PeerError as error:
            say(f"  left out: {error}")
            return figures
        for measure in self.measures:
            role, command = MEASURES[measure]
            if not setting[role]:
                continue
            try:
                first = process.ask(command(1, self.arguments.batch))["seconds"]  # compiles
                again = process.ask(command(1, self.arguments.batch))["seconds"]
                count = max(2, min(10, int(self.arguments.trial_seconds / max(again[0], 1e-4))))
                figures[measure] = statistics.median(process.ask(command(count, self.arguments.batch))["seconds"])
                say(f"  {peer}, {name}: {measure} {figures[measure]:.4f} (first {first[0]:.1f})")
            except PeerError as error:
                say(f"  {measure} left out: {error}")
        process.stop()
        return figures

    def pick(self, peer):
        """(measure, precision) → name of the fastest setting; and all that was tried."""
        settings, tried, picked = self.settings(peer), {}, {}
        for name, setting in settings.items():
            tried[name] = self.trial(peer, name, setting)
            for measure, seconds in tried[name].items():
                place = (measure, setting["precision"])
                if place not in picked or seconds < tried[picked[place]][measure]:
                    picked[place] = name
        return picked, tried, settings

    def memory_growth(self, process):
        """Bytes by which a training step's peak stands above what was resident before the first one: the optimizer's
        state is among them."""
        before = process.resident_bytes()
        process.ask("train 1")  # compiles, allocates
        process.forget_peak()
        process.ask("train 2")
        return process.resident_bytes("VmHWM") - before

    def run(self):
        a = self.arguments
        self.prepare()
        picked, tried, settings = {}, {}, {}
        for peer in a.peers:
            say(f"{peer}: which setting is fastest")
            picked[peer], tried[peer], settings[peer] = self.pick(peer)
        picked["mien"] = {(measure, "float32"): "" for measure in self.measures}
        peers = {name: {} for name in ["mien", *a.peers]}
        processes, checks = {}, {"logits": {}, "losses": {}}
        for peer, places in picked.items():
            for name in dict.fromkeys(places.values()):
                setting = settings.get(peer, {}).get(name, {"infer": True})
                try:
                    processes[peer, name] = self.start_winner(peer, name, setting, places, peers[peer], checks)
                except PeerError as error:
                    self.drop(peer, name, error)
            if not places:
                peers[peer]["unavailable"] = "no setting worked"
        self.take_turns(picked, processes, peers)
        for peer in a.peers:
            peers[peer]["tried"] = tried[peer]
        for (peer, name), process in processes.items():
            if picked[peer].get(("inference_s", "float32")) == name and process.is_alive():
                peers[peer]["peak_rss_bytes"] = process.resident_bytes("VmHWM")
            process.stop()
        return self.result(peers, checks)

    def drop(self, peer, name, error):
        """A setting that worked in its trial and fails now is left out, and the result says so; mien may not fail."""
        if peer == "mien":
            raise error
        reason = str(error).splitlines()[0]
        say(f"  left out: {reason}")
        self.notes.append(f"{peer}'s setting {name} was the fastest in its trial and then failed: {reason}")

    def start_winner(self, peer, name, setting, places, figures, checks):
        """The process of a setting that takes turns, stopped."""
        process = self.start(peer, name, setting.get("environment"))
        try:
            if setting["infer"]:
                process.ask("infer 1 1")
                seconds = time.perf_counter() - process.started
                if peer != "mien":  # its start, without the photographs, is measured by scaling.py
                    figures["start_s"] = min(seconds, figures.get("start_s", seconds))
            if peer != "mien":
                figures["version"] = process.ready
            if places.get(("inference_batch1_s", "float32")) == name:  # before it sees a batch
                figures["peak_rss_batch1_bytes"] = process.resident_bytes("VmHWM")
            self.check(peer, name, places, process, figures, checks)
        except PeerError:
            process.stop()
            raise
        process.pause()
        return process

    def check(self, peer, name, places, process, figures, checks):
        """What is asked once of a winner: its scores, its first losses, the memory of a step."""
        if places.get(("inference_s", "float32")) == name:
            checks["logits"][peer] = process.ask(f"logits {min(8, self.arguments.batch)}")["logits"]
        if places.get(("train_step_s", "float32")) != name or peer not in ("mien", "keras"):
            return
        figures["step_rss_growth_bytes"] = self.memory_growth(process)
        process.ask("reset")
        process.ask(f"rate {self.checked_rate}")
        checks["losses"][peer] = process.ask(f"train {self.checked_steps}")["losses"]
        if peer == "mien":
            counted = process.ask("memory")
            figures["step_peak_bytes"] = counted["peak_bytes"]
            figures["allocations_after_first_step"] = counted["allocations_after_first_step"]

    def take_turns(self, picked, processes, peers):
        """Rounds of turns; fills in the medians."""
        a = self.arguments
        wanted = {}  # (peer, setting) → its (measure, precision) pairs
        for peer, places in picked.items():
            for place, name in places.items():
                wanted.setdefault((peer, name), []).append(place)
        seconds = {}
        order = list(processes)
        for turn in range(a.rounds):
            say(f"round {turn + 1} of {a.rounds}")
            for key in list(order):
                process = processes[key]
                process.resume()
                try:
                    process.ask("reset")
                    for place in sorted(wanted[key]):
                        command = MEASURES[place[0]][1]
                        spent = process.ask(command(1, a.batch))["seconds"][0]  # wakes it up: does not count
                        most = 20 if place[0] == "inference_batch1_s" else 5
                        count = max(2, min(most, int(a.turn_seconds / max(spent, 1e-4))))
                        seconds.setdefault((key[0], *place), []).extend(process.ask(command(count, a.batch))["seconds"])
                    process.pause()
                except PeerError as error:
                    process.stop()
                    order.remove(key)
                    self.drop(*key, error)
            order = order[1:] + order[:1]
        for (peer, measure, precision), all_of_them in seconds.items():
            place = peers[peer]
            if precision != "float32":
                place = place.setdefault("lower_precision", {}).setdefault(precision, {})
            place[measure] = statistics.median(all_of_them)
            place.setdefault("settings", {})[measure] = picked[peer][measure, precision]
            place.setdefault("samples", {})[measure] = len(all_of_them)
            spread = statistics.quantiles(all_of_them, n=4)
            place.setdefault("quartiles", {})[measure] = [spread[0], spread[2]]

    def result(self, peers, checks):
        a = self.arguments
        ratios = {}
        for measure in self.measures:
            others = {peer: figures[measure] for peer, figures in peers.items() if peer != "mien" and measure in figures}
            if others:
                fastest = min(others, key=others.get)
                ratios[measure] = {"peer": fastest, "factor": others[fastest] / peers["mien"][measure]}
        result = {"network": a.network, "size": self.description["size"], "batch": a.batch, "threads": a.threads,
                  "parameters": self.description["parameters"], "multiply_adds": self.description["multiply_adds"], "build": self.description["build"], "killed": self.killed, "peers": peers, "ratios": ratios, "notes": self.notes}
        logits = checks["logits"]
        for peer, scores in logits.items():
            largest = max(abs(score) for score in logits["mien"])
            apart = max(abs(one - other) for one, other in zip(scores, logits["mien"])) / largest
            peers[peer]["logits_apart"] = apart
            if not apart <= LOGIT_TOLERANCE:
                result.setdefault("void", []).append(f"{peer}'s scores differ from mien's by {apart:.1e} of the largest")
        losses = checks["losses"]
        if "keras" in losses:
            apart = [abs(one - other) / abs(other) for one, other in zip(losses["mien"], losses["keras"])]
            close, largest = max(apart[:CLOSE_STEPS]), max(apart)
            agrees = close <= CLOSE and largest <= APART
            result["loss_check"] = {"steps": len(apart), "learning_rate": self.checked_rate, "agrees": agrees,
                                    "first_steps": CLOSE_STEPS, "first_apart": close, "first_tolerance": CLOSE,
                                    "apart": largest, "tolerance": APART, "mien": losses["mien"], "keras": losses["keras"]}
            if not agrees:
                result.setdefault("void", []).append("the losses of the first steps are not Keras's")
        elif a.peers and not a.inference:
            result.setdefault("void", []).append("Keras was not there to compare losses with")
        return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, required=True, help="bench_network")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the JSON to write")
    parser.add_argument("--network", default="seed", help="as bench_network names them (default: seed)")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--size", type=int, help="of the pictures (default: the network's)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--data", type=pathlib.Path, help="a folder of photographs, one subfolder a class (default: noise)")
    parser.add_argument("--weights", type=pathlib.Path, help="start from this safetensors file, and train no epochs first")
    parser.add_argument("--epochs", type=int, default=5, help="that mien trains on the data before anything is measured")
    parser.add_argument("--peers", type=lambda text: text.split(",") if text else [], default=PEERS,
                        help=f"which to run (default: {','.join(PEERS)})")
    parser.add_argument("--venv", type=pathlib.Path, default=HERE / ".venv", help="the frameworks' virtual environment")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--trial-seconds", type=float, default=2, help="for each measure of each setting")
    parser.add_argument("--turn-seconds", type=float, default=1.0, help="for each measure of a turn, once two are done")
    parser.add_argument("--inference", action="store_true", help="measure no training")
    parser.add_argument("--no-compile", action="store_true", help="leave out settings that compile (XLA, torch.compile)")
    parser.add_argument("--float32", action="store_true", help="leave out settings of lower precision")
    parser.add_argument("--quick", action="store_true", help="two short rounds, without settings that compile")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds, arguments.trial_seconds, arguments.turn_seconds = 2, 0.5, 0.5
    for peer in arguments.peers:
        if peer not in PEERS:
            parser.error(f"there is no peer {peer}; there are {', '.join(PEERS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            result = Bench(arguments, scratch).run()
        beside = arguments.output.with_name(f".{arguments.output.name}.tmp")
        beside.write_text(json.dumps(result, indent=1) + "\n")
        beside.replace(arguments.output)
    except (PeerError, OSError, subprocess.CalledProcessError) as error:
        say(f"run.py: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    for reason in result.get("void", []):
        say(f"run.py: THE COMPARISON IS VOID: {reason}")
    return 1 if result.get("void") else 0


if __name__ == "__main__":
    sys.exit(main())
