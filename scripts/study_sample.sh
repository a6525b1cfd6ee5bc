#!/usr/bin/env bash
# Regenerates docs/study: a small study of drawn faces, as `expressions study --brief` writes it, without the weights.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/study_sample.sh [--out FOLDER] [--help]

Runs `expressions study` on a few small drawn faces (build/release/expressions, built before; about four minutes on two
cores) and puts what it writes in place of docs/study, without weights, predictions and the figures as PNG: their
SVG is there.

  --out FOLDER   put it there instead
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
target=$root/docs/study
while [ $# -gt 0 ]; do
  case $1 in
    --out) target=${2:?--out needs a folder}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "study_sample.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done
program=$root/build/release/expressions
[ -x "$program" ] || { echo "study_sample.sh: $program is not there: cmake --build build/release --target expressions" >&2; exit 1; }

study=$(mktemp -d)
trap 'rm -rf "$study"' EXIT
"$program" study --synthetic --out "$study" --people 40 --takes 4 --size 48 --seeds 2 --epochs 30 --patience 10 --batch 32 --brief
find "$study/runs" -mindepth 2 ! -name config.json ! -name history.csv ! -name result.json -delete
rm -f "$study"/figures/*.png
rm -rf "$target"
mkdir -p "$target"
for part in report.html report.md study.json plan.json tables figures runs; do cp -r "$study/$part" "$target/"; done
du -sh "$target"
