#!/usr/bin/env bash
# One command that measures: the machine's bounds, every kernel against them, whole networks against other frameworks.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/bench.sh [--quick] [--no-peers] [--data FOLDER] [--stages LIST] [--threads N] [--venv DIR] [--results DIR]

Builds Release with the benchmarks into build/bench and measures, for about 15 minutes on two cores. Have the machine to
yourself: the load average at the start goes into the result. Leaves DATE-MACHINE-COMMIT.json and a page to read, .md,
in bench/results, and prints the page.

  --quick          figures to look at, in about 5 minutes: few cases, two short rounds, no settings that compile
  --no-peers       mien alone, without the other frameworks
  --data FOLDER    photographs of faces, one subfolder a class, for the seed network (default: noise)
  --stages LIST    some of roofline,kernels,profile,input,seed,mobilenetv2,resnet50,imagenet,scaling (default: all)
  --threads N      (default: one a processor)
  --venv DIR       the other frameworks' virtual environment, made where it is missing: several GB
                   (default: bench/peers/.venv)
  --results DIR    (default: bench/results)

exit codes: 0 measured, 1 something failed or the comparison is void (the result says so), 2 wrong usage

examples:
  scripts/bench.sh --data faces
  scripts/bench.sh --no-peers --quick
  scripts/bench.sh --stages roofline,kernels
  MIEN_ISA=avx2 scripts/bench.sh --stages kernels
TEXT
}

fail_usage() { echo "bench.sh: $1" >&2; usage >&2; exit 2; }

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
quick=() peers=1 data="" stages=roofline,kernels,profile,input,seed,mobilenetv2,resnet50,imagenet,scaling threads=$(nproc)
venv=$root/bench/peers/.venv results=$root/bench/results
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=(--quick) ;;
    --no-peers) peers=0 ;;
    -h | --help) usage; exit 0 ;;
    --data | --stages | --threads | --venv | --results)
      [ -n "${2:-}" ] || fail_usage "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    *) fail_usage "unknown option $1" ;;
  esac
  shift
done
[[ $threads =~ ^[1-9][0-9]*$ ]] || fail_usage "--threads must be a number of at least 1"
for stage in ${stages//,/ }; do
  case $stage in roofline | kernels | profile | input | seed | mobilenetv2 | resnet50 | imagenet | scaling) ;; *) fail_usage "unknown stage '$stage'" ;; esac
done
[ -z "$data" ] || [ -d "$data" ] || { echo "bench.sh: $data is no folder" >&2; exit 1; }

build=$root/build/bench
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT
trap 'exit 130' INT
load=$(cut -d' ' -f1 /proc/loadavg)
started=$SECONDS

echo "== building $build (Release)" >&2
"$root/scripts/setup.sh" >&2
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DMIEN_BENCH=ON -DMIEN_TESTS=OFF -DMIEN_EMULATOR=OFF \
  -DMIEN_CUDA=OFF --log-level=NOTICE >&2
cmake --build "$build" --target bench_roofline bench_kernels bench_profile bench_input bench_network hello expressions -j "$(nproc)" >&2
export OMP_NUM_THREADS=$threads

failed=0
# Without instructions for bfloat16 the frameworks emulate it, at many times float32's cost: minutes for no figure.
precision=()
grep -qE 'avx512_bf16|amx_bf16' /proc/cpuinfo || precision=(--float32)
wants() { [[ ,$stages, == *,$1,* ]]; }
stage() { echo "== $1 (after $((SECONDS - started)) s)" >&2; }

# measure_network NAME BATCH [OPTIONS of run.py]
measure_network() {
  stage "$1"
  local network=$1 batch=$2 none=()
  shift 2
  ((peers)) || none=(--peers "")
  python3 "$root/bench/peers/run.py" --program "$build/bench_network" --network "$network" --batch "$batch" \
    --threads "$threads" --venv "$venv" --output "$parts/$network.json" "${precision[@]}" "${quick[@]}" "$@" \
    "${none[@]}" || failed=1
}

if wants roofline; then
  stage roofline
  "$build/bench_roofline" >"$parts/roofline.json"
fi
if wants kernels; then
  stage kernels
  # Plain loops are for lessons; a quick run takes what the library itself would choose.
  filter='-/reference/' time=0.1
  if [ ${#quick[@]} -gt 0 ]; then filter='-/(reference|direct|gemm|winograd|sparse)/' time=0.02; fi
  "$build/bench_kernels" --benchmark_filter="$filter" --benchmark_min_time=$time --benchmark_out="$parts/kernels.json" >&2
fi
if wants profile; then
  stage profile
  "$build/bench_profile" >"$parts/profile.txt"
fi
if wants input; then
  stage input
  "$build/bench_input" ${data:+--data "$data"} --benchmark_min_time=0.05 --benchmark_out="$parts/input.json" >&2
fi
if wants seed; then measure_network seed 64 ${data:+--data "$data"}; fi
if wants mobilenetv2; then measure_network mobilenetv2 16 --no-compile --rounds 3 --trial-seconds 1; fi
if wants resnet50; then measure_network resnet50 8 --no-compile --rounds 3 --trial-seconds 1; fi
if wants imagenet; then
  # As keras.applications has them, by inference alone: PyTorch has no such networks. In float32 alone: a large network's
  # processes, all alive, would not fit into memory otherwise.
  for network in inception_v3 densenet121 vgg16 mobilenet_v2 xception resnet50; do
    measure_network "keras-$network" 16 --size 256 --inference --peers keras,onnxruntime,openvino --no-compile --float32 \
      --rounds 3 --trial-seconds 1
  done
fi
if wants scaling; then
  stage scaling
  python3 "$root/bench/scaling.py" --build "$build" --threads "$threads" "${quick[@]}" >"$parts/scaling.json"
fi

echo "== done after $((SECONDS - started)) s" >&2
written=$(python3 "$root/bench/assemble.py" --parts "$parts" --results "$results" --load-average "$load" "${quick[@]}")
echo "$written" >&2
python3 "$root/bench/table.py" --text "$(head -n 1 <<<"$written")"
exit $failed
