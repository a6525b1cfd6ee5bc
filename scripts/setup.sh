#!/usr/bin/env bash
# Installs the system packages that mien is built with, where any is missing.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/setup.sh [--development] [--check] [--help]

Installs what mien is built with, on Debian and Ubuntu, by package name; only what is missing. As root, or through
sudo. Without either it prints the one command to run and stops; on another system it prints the list and stops.

  --development   also clang-format and ccache
  --check         install nothing, only say what is missing (exit code 1 if anything is)
TEXT
}

development=0 check=0
for argument in "$@"; do
  case $argument in
    --development) development=1 ;;
    --check) check=1 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "setup.sh: unknown option $argument" >&2; usage >&2; exit 2 ;;
  esac
done

# package:what stands for it. A command may come from elsewhere than the package; libraries are asked of dpkg.
packages=(g++:c++ cmake:cmake ninja-build:ninja git:git pkg-config:pkg-config python3:python3 gdb:gdb
  libhwy-dev libboost-context-dev libhdf5-dev libstb-dev libcli11-dev nlohmann-json3-dev catch2 libbenchmark-dev
  librsvg2-dev fonts-dejavu-core)
((development)) && packages+=(clang-format:clang-format ccache:ccache)

system=unknown
[ -r /etc/os-release ] && system=$(. /etc/os-release && echo "${ID:-} ${ID_LIKE:-}")
if ! [[ " $system " =~ \ (debian|ubuntu)\  ]] || ! command -v dpkg-query >/dev/null; then
  echo "This is neither Debian nor Ubuntu. mien is built with these packages, by their Debian names:" >&2
  printf '  %s\n' "${packages[@]%%:*}" >&2
  echo "Install their like, then: cmake --preset release && cmake --build --preset release" >&2
  exit 1
fi

missing=()
for entry in "${packages[@]}"; do
  package=${entry%%:*}
  if [[ $entry == *:* ]] && command -v "${entry#*:}" >/dev/null; then continue; fi
  [ "$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | head -n 1)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: all ${#packages[@]} packages are there"
  exit 0
fi
echo "setup: missing: ${missing[*]}"
((check)) && exit 1

install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" -eq 0 ]; then
  as_root=()
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
  as_root=(sudo)
else
  echo "Installing needs root. Run this once, then try again:" >&2
  echo "  sudo ${install[*]}" >&2
  exit 1
fi
"${as_root[@]}" apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}"
