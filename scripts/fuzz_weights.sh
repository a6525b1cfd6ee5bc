#!/usr/bin/env bash
# Reads thousands of damaged weight files under the sanitizers: each must be read right or refused.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/fuzz_weights.sh [--count N] [--seed N] [--help]

Builds tests/fuzz_weight_files under the address and undefined-behaviour sanitizers (build/debug) and runs it: N golden
weight files (default 10000; safetensors, .h5, .weights.h5, .keras) with bits flipped, cut off, or with lengths swapped.
Exit code 1 if one crashed, hung or took too much memory; such files are kept in the current folder.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
count=10000 seed=1
while [ $# -gt 0 ]; do
  case $1 in
    --count) count=${2:?--count needs a number}; shift 2 ;;
    --seed) seed=${2:?--seed needs a number}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "fuzz_weights.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done

(cd "$root" && cmake --preset debug >&2 && cmake --build --preset debug --target fuzz_weight_files >&2)
UBSAN_OPTIONS=halt_on_error=1 exec "$root/build/debug/tests/fuzz_weight_files" --count "$count" --seed "$seed"
