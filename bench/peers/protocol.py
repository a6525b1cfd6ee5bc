"""The line protocol of a peer: commands on stdin, one JSON line each on stdout, as bench_network --serve has them.

A peer is a module with NAME, SETTINGS (name → what it can do) and a class Peer(network, batches, threads, setting) with
  version       a text
  reset()       back to the weights at the start, with a fresh optimizer
  train(batch)  one step on batch number `batch`; returns the loss as a float
  set_rate(x)   the learning rate until the next reset (Keras alone, for the check of losses)
  predict(n)    class scores of the first n pictures, as an array
A setting is a dict: precision ("float32", …), train and infer (whether it is for that), compiles (whether its first step
takes long), environment (variables that must be set before the framework is loaded).
"""
import argparse
import json
import os
import sys
import time
import traceback

from network import Batches, Network


def serve(settings, make_peer):
    parser = argparse.ArgumentParser()
    parser.add_argument("--list-settings", action="store_true")
    for option in ("--description", "--weights", "--batches", "--setting"):
        parser.add_argument(option)
    for option in ("--batch-count", "--batch", "--threads"):
        parser.add_argument(option, type=int)
    arguments = parser.parse_args()
    if arguments.list_settings:
        print(json.dumps(settings))
        return
    # Frameworks print to stdout what they like: it goes to stderr, the answers keep the real one.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    network = Network(arguments.description, arguments.weights)
    batches = Batches(arguments.batches, arguments.batch_count, arguments.batch, network)
    peer = make_peer(network, batches, arguments.threads, arguments.setting)
    peer.reset()
    print(json.dumps({"ready": peer.version}), file=answers)
    steps = 0
    for line in sys.stdin:
        command, *words = line.split() or [""]
        try:
            if command == "quit":
                break
            if command == "train":
                seconds, losses = [], []
                for _ in range(int(words[0])):
                    start = time.perf_counter()
                    losses.append(peer.train(steps % len(batches)))
                    seconds.append(time.perf_counter() - start)
                    steps += 1
                answer = {"seconds": seconds, "losses": losses}
            elif command == "infer":
                seconds = []
                for _ in range(int(words[0])):
                    start = time.perf_counter()
                    peer.predict(int(words[1]))
                    seconds.append(time.perf_counter() - start)
                answer = {"seconds": seconds}
            elif command == "logits":
                answer = {"logits": [float(value) for value in peer.predict(int(words[0])).ravel()]}
            elif command == "rate":
                peer.set_rate(float(words[0]))
                answer = {"done": command}
            elif command == "reset":
                peer.reset()
                steps = 0
                answer = {"done": command}
            else:
                answer = {"error": f"there is no command {command!r}"}
        except Exception as error:  # the answer tells the driver, which leaves this setting out
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers)
