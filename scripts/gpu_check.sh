#!/usr/bin/env bash
# All that needs a GPU, in one run: builds the CUDA kernels for real cards and runs every op test on the card.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/gpu_check.sh [--stage build|ops|train|all] [--build-only] [--arch NUMBER] [--output DIR]
       scripts/gpu_check.sh --pack-deps DIR

Needs nvcc (CUDA 12 or 13), CMake and a C++ compiler. The other dependencies come from the system, or from the folder
that MIEN_DEPS names. It builds into build/gpu. Without a GPU it says so and exits 3.

  --stage STAGE      one stage, each under 10 minutes; all (the default) runs them in this order:
                       build   configure and compile
                       ops     every op's tests on the card
                       train   the expression example, a short training on the card
  --build-only       the build stage, on a machine that need not have a GPU
  --arch NUMBER      compile for one kind of card alone, 90 for an H100, to build faster (default: 75 to 90, and PTX)
  --output DIR       also leave each stage's log there
  --pack-deps DIR    copy the dependencies of this machine (a Debian or Ubuntu) into DIR, to be taken to the other one

exit codes: 0 all passed, 1 something failed, 2 wrong usage, 3 no GPU

example, for a machine with nvcc and little else:
  scripts/gpu_check.sh --pack-deps deps                here
  MIEN_DEPS=deps scripts/gpu_check.sh --arch 90        there
TEXT
}

fail_usage() { echo "gpu_check.sh: $1" >&2; usage >&2; exit 2; }

# The header-only libraries whole; of Boost what the fibers and the incomplete beta function include; the two compiled
# libraries.
pack_deps() {
  local to=$1 header library
  mkdir -p "$to/include" "$to/lib"
  for header in stb nlohmann CLI catch2 hwy; do
    for folder in /usr/include /usr/local/include; do
      [ -d "$folder/$header" ] && cp -rL "$folder/$header" "$to/include/" && break
    done
    [ -d "$to/include/$header" ] || { echo "gpu_check.sh: $header not found (scripts/setup.sh installs it)" >&2; exit 1; }
  done
  printf '#include <boost/%s.hpp>\n' context/fiber math/special_functions/beta |
    c++ -std=c++20 -M -x c++ - | tr -s "[:space:]\\\\" "\\n" | grep '/boost/' |
    while read -r header; do
      header=$(realpath -s "$header")
      mkdir -p "$to/include/boost/$(dirname "${header#*/boost/}")"
      cp "$header" "$to/include/boost/${header#*/boost/}"
    done
  for library in libhwy libboost_context; do
    local found
    found=$(ldconfig -p | awk -v name="$library.so" '$1 == name {print $NF; exit}')
    if [ -n "$found" ] && [ -e "${found%.so}.a" ]; then
      cp "${found%.so}.a" "$to/lib/"
    elif [ -n "$found" ]; then
      cp -a "${found%.so}".so* "$to/lib/"
    else
      echo "gpu_check.sh: $library not found (scripts/setup.sh installs it)" >&2; exit 1
    fi
  done
  echo "packed into $to: $(du -sh "$to" | cut -f1)"
}

stage=all arch="" output="" build_only=0
while [ $# -gt 0 ]; do
  case $1 in
    --stage) stage=${2:-}; shift ;;
    --arch) arch=${2:-}; shift ;;
    --output) output=${2:-}; shift ;;
    --build-only) build_only=1 ;;
    --pack-deps) [ -n "${2:-}" ] || fail_usage "--pack-deps needs a folder"; pack_deps "$2"; exit 0 ;;
    -h | --help) usage; exit 0 ;;
    *) fail_usage "unknown option $1" ;;
  esac
  shift || fail_usage "the last option needs a value"
done
case $stage in build | ops | train | all) ;; *) fail_usage "unknown stage '$stage'" ;; esac
((build_only)) && stage=build

[ -z "$output" ] || { mkdir -p "$output"; output=$(realpath "$output"); }
[ -z "${MIEN_DEPS:-}" ] || { MIEN_DEPS=$(realpath "$MIEN_DEPS"); export MIEN_DEPS LD_LIBRARY_PATH="$MIEN_DEPS/lib:${LD_LIBRARY_PATH:-}"; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=build/gpu

has_gpu() { nvidia-smi -L 2>/dev/null | grep -q '^GPU'; }
if ! ((build_only)) && ! has_gpu; then
  echo "gpu_check.sh: no GPU here (nvidia-smi lists none). --build-only compiles without one." >&2
  exit 3
fi
has_gpu && nvidia-smi -L

# Runs the function stage_NAME, timed, with its log.
run_stage() {
  local started=$SECONDS log=/dev/null
  [ -z "$output" ] || log=$output/gpu_check_$1.log
  echo "== $1"
  if ! "stage_$1" 2>&1 | tee "$log"; then
    echo "== $1 FAILED after $((SECONDS - started)) s"
    exit 1
  fi
  echo "== $1 passed in $((SECONDS - started)) s"
}

stage_build() {
  local generator=()
  command -v ninja >/dev/null && generator=(-G Ninja)
  cmake -B $build "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DMIEN_CUDA=ON -DMIEN_EMULATOR=OFF -DMIEN_TESTS=ON \
    -DMIEN_DEPS="${MIEN_DEPS:-}" ${arch:+-DMIEN_CUDA_ARCHITECTURES=$arch-real} &&
    cmake --build $build -j "$(nproc)"
}

# Every test program whose source tests on devices; it takes which one from the environment. The golden files are those
# of this tree, wherever it was built.
stage_ops() {
  local source program failed=0 count=0
  export MIEN_TEST_DEVICE=cuda MIEN_FLOAT32_PRECISION=highest MIEN_GOLDEN=${MIEN_GOLDEN:-$PWD/tests/golden}
  for source in $(grep -lE 'tested_devices\.h|device_array\.h' tests/test_*.cpp); do
    program=$build/tests/$(basename "$source" .cpp)
    echo "-- $program"
    "$program" || failed=1
    count=$((count + 1))
  done
  [ $count -gt 0 ] || { echo "no test names a device"; return 1; }
  return $failed
}

stage_train() {
  [ -x $build/expressions ] || { echo "expressions is not built: run --stage build first"; return 1; }
  local run
  run=$(mktemp -d)
  (cd "$run" && "$OLDPWD/$build/expressions" demo --device cuda)
  local result=$?
  rm -r "$run"
  return $result
}

if [ "$stage" = all ]; then
  for name in build ops train; do run_stage $name; done
else
  run_stage "$stage"
fi
