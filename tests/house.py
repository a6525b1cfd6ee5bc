#!/usr/bin/env python3
"""Holds the arrows of docs/architecture.svg: no file includes a folder above its own. And no kernel declares a plain array in
shared memory, which the emulator could not watch over (kernels/cuda/shared_memory.cuh). Exit code 1 if one does."""
import pathlib
import re
import sys

# What each folder may include besides itself.
BELOW = {
    "kernels": [],
    "core": ["kernels"],
    "layers": ["core", "kernels"],
    "optim": ["core", "kernels"],
    "io": ["layers", "core", "kernels"],
    "data": ["io", "core", "kernels"],
    "models": ["layers", "core", "kernels"],
    "train": ["models", "data", "io", "optim", "layers", "core", "kernels"],
}
PLAIN_SHARED = re.compile(r"^\s*__shared__ (?!shared_array<).*", re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]mien/(\w+)/', re.M)


def main():
    root = pathlib.Path(sys.argv[1])
    count = wrong = 0
    for folder, below in BELOW.items():
        for source in sorted((root / folder).rglob("*")):
            if source.suffix not in (".h", ".cpp", ".cu", ".cuh", ".inc"):
                continue
            count += 1
            text = source.read_text()
            for declared in PLAIN_SHARED.findall(text):
                wrong += 1
                print(f"{source.relative_to(root)}: {declared.strip()} is no shared_array")
            for included in sorted(set(INCLUDE.findall(text)) - {folder, *below}):
                wrong += 1
                print(f"{source.relative_to(root)} includes {included}, which is not below {folder}")
    print(f"{count} files, {wrong} faults")
    return 1 if wrong or not count else 0


if __name__ == "__main__":
    sys.exit(main())
