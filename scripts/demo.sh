#!/usr/bin/env bash
# From a clean clone to a trained network: set-up, build, `expressions demo`.
set -euo pipefail

if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  cat <<'TEXT'
usage: scripts/demo.sh [ARGUMENTS of `expressions demo`]

Installs what is missing (scripts/setup.sh), builds Release without the tests into build/release, and runs
`expressions demo` in the folder it is called from: a network learns five facial expressions from drawn faces.
`scripts/demo.sh -- --help` shows the demo's own options.
TEXT
  exit 0
fi
[ "${1:-}" = -- ] && shift

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release
echo "== set-up" >&2
"$root/scripts/setup.sh" >&2
echo "== building $build/expressions (Release)" >&2
(cd "$root" && cmake --preset release -DMIEN_TESTS=OFF -DMIEN_EMULATOR=OFF --log-level=NOTICE) >&2
cmake --build "$build" --target expressions -j "$(nproc)" >&2
echo "== expressions demo $*" >&2
exec "$build/expressions" demo "$@"
