#!/usr/bin/env bash
# Builds mien with its tests and runs every one of them.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/test.sh [--sanitize] [--help] [ARGUMENTS of ctest]

Installs what is missing (scripts/setup.sh), builds into build/release and runs every test through ctest. The exit
code is 0 only if all pass. The whole output of the tests is left in build/release/Testing/Temporary/LastTest.log.

  --sanitize   the same under the address and undefined-behaviour sanitizers, in build/debug

examples:
  scripts/test.sh
  scripts/test.sh --sanitize
  scripts/test.sh -R golden        only the tests with "golden" in their names
TEXT
}

preset=release
arguments=()
for argument in "$@"; do
  case $argument in
    --sanitize) preset=debug ;;
    -h | --help) usage; exit 0 ;;
    *) arguments+=("$argument") ;;
  esac
done

cd "$(dirname "${BASH_SOURCE[0]}")/.."
echo "== set-up"
./scripts/setup.sh
echo "== configuring build/$preset"
cmake --preset "$preset"
echo "== building build/$preset"
started=$SECONDS
cmake --build --preset "$preset" -j "$(nproc)"
echo "== built in $((SECONDS - started)) s; running the tests"
ctest --test-dir "build/$preset" -j "$(nproc)" --output-on-failure --no-tests=error "${arguments[@]+"${arguments[@]}"}"
