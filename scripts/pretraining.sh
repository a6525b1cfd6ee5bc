#!/usr/bin/env bash
# What pretraining on drawn faces is worth on photographs, split by person: the same network with it and without.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/pretraining.sh --data FOLDER [--out FOLDER] [--seeds "1 2 3"] [--people N] [--takes N] [--help]

Trains MobileNetV2 (alpha 0.35, 96 x 96) on the photographs in FOLDER, for each seed:
  without     from random weights, all layers, 60 epochs
  head        pretrained on drawn faces and frozen, a head on its features (8 views a photograph)
  fine-tuned  the same, and then all blocks with it, 60 epochs
and prints the accuracy on test people nobody was trained on, with mean and standard deviation over the seeds. What is
finished in --out (default: pretraining) is not done again, what was stopped goes on. A seed takes 120,000 pictures through
a training step (15 epochs of 3,200 drawn faces, twice 60 of 600 photographs): about 20 minutes at
100 pictures a second.

  --data FOLDER   photographs, one folder a class, with names like happy_g007_02.png or a groups.csv in it
  --people N      how many people are drawn (200)
  --takes N       pictures of each expression of each (4)
TEXT
}

data='' out=pretraining seeds='1 2 3' people=200 takes=4
while [ $# -gt 0 ]; do
  case $1 in
    --data) data=${2:?--data needs a folder}; shift 2 ;;
    --out) out=${2:?--out needs a folder}; shift 2 ;;
    --seeds) seeds=${2:?--seeds needs numbers}; shift 2 ;;
    --people) people=${2:?--people needs a number}; shift 2 ;;
    --takes) takes=${2:?--takes needs a number}; shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "pretraining.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done
[ -n "$data" ] || { echo "pretraining.sh: --data is missing" >&2; usage >&2; exit 2; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
program=${EXPRESSIONS:-$root/build/release/expressions}
[ -x "$program" ] || { echo "pretraining.sh: $program is not there: cmake --build build/release --target expressions" >&2; exit 1; }
groups=()
[ ! -f "$data/groups.csv" ] || groups=(--groups-csv "$data/groups.csv")

# How photographs are learned, alike in all: only where the weights come from differs.
common=(--data "$data" "${groups[@]}" --split group --size 96 --batch 32 --schedule cosine --weight-decay 0.05
  --label-smoothing 0.1 --augment faces)

run() {  # FOLDER OPTION...: begins a run, goes on with one that was stopped, leaves a finished one alone
  local folder=$1
  shift
  [ ! -f "$folder/metrics.json" ] || return 0
  if [ -f "$folder/config.json" ]; then
    "$program" train --resume "$folder" >/dev/null
  else
    "$program" train --out "$folder" "$@" >/dev/null
  fi
}

for seed in $seeds; do
  echo "seed $seed: without pretraining" >&2
  run "$out/without-$seed" "${common[@]}" --seed "$seed" --network mobilenet_v2-0.35+own+pooled \
    --epochs 60 --patience 60 --learning-rate 0.002 --keep last
  echo "seed $seed: with pretraining on drawn faces" >&2
  run "$out/with-$seed" "${common[@]}" --seed "$seed" --pretrain synthetic --pretrain-people "$people" \
    --pretrain-takes "$takes" --views 8 --epochs 30 --patience 30 --fine-tune 19 --fine-tune-epochs 60 --fine-tune-rate 0.001
  # The head's own training lies in a folder within; with the config beside it, it is a run like any other.
  cp "$out/with-$seed/config.json" "$out/with-$seed/head/config.json"
  "$program" evaluate "$out/with-$seed/head" --json --quiet >"$out/with-$seed/head/metrics.json"
done

python3 - "$out" $seeds <<'PYTHON'
import json, statistics, sys
out, seeds = sys.argv[1], sys.argv[2:]
print(f"{'':12} {'  '.join('seed ' + seed for seed in seeds):>{8 * len(seeds)}}     mean  deviation")
for name, place in (("without", "without-{}"), ("head", "with-{}/head"), ("fine-tuned", "with-{}")):
    shares = [100 * json.load(open(f"{out}/{place.format(seed)}/metrics.json"))["accuracy"] for seed in seeds]
    deviation = f"{statistics.stdev(shares):.1f}" if len(shares) > 1 else "-"
    print(f"{name:12} {'  '.join(f'{share:5.1f}%' for share in shares):>{8 * len(seeds)}}   {statistics.mean(shares):5.1f}%  {deviation:>9}")
PYTHON
