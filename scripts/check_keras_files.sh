#!/usr/bin/env bash
# Holds the files that mien exchanges with Keras and ONNX Runtime against those programs themselves.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: scripts/check_keras_files.sh [--venv FOLDER] [--build FOLDER] [--only NAME]... [--help]

mien writes networks (two tiny ones, one with every layer, its own small ones, the six ImageNet architectures) as .keras,
.weights.h5 and ONNX; Keras and ONNX Runtime load them and predict. Then Keras writes, and mien loads and predicts. Prints
one table: the largest difference of two predictions, over how far those for two pictures lie apart; it may be 1e-4. Exit code 1 if any is
larger or a file cannot be read, 3 if Keras and ONNX Runtime cannot be had.

  --venv FOLDER    a Python environment that has keras, tensorflow, onnxruntime and numpy; by default one is made in the
                   build folder, which downloads about 400 MB from PyPI
  --build FOLDER   the build to check (default: build/release); its program keras_exchange is built first
  --only NAME      only this network; may be given several times

  scripts/check_keras_files.sh --only tiny_functional --only mobilenet_v2
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/release venv="" only=()
while [ $# -gt 0 ]; do
  case $1 in
    --venv) venv=${2:?--venv needs a folder}; shift 2 ;;
    --build) build=${2:?--build needs a folder}; shift 2 ;;
    --only) only+=("${2:?--only needs a name}"); shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) echo "check_keras_files.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done

cannot() { echo "check_keras_files.sh: $1" >&2; exit 3; }
if [ -z "$venv" ]; then
  venv=$build/keras_environment
  if ! [ -e "$venv/complete" ]; then
    echo "making a Python environment in $venv" >&2
    python3 -m venv "$venv" >&2 || cannot "python3 -m venv failed (Debian: python3-venv)"
    "$venv/bin/pip" install --quiet "keras==3.15.1" "tensorflow-cpu==2.21" onnxruntime >&2 ||
      cannot "Keras and ONNX Runtime could not be installed"
    touch "$venv/complete"
  fi
fi
"$venv/bin/python" -c 'import importlib.util as u, sys
missing = [m for m in ("keras", "tensorflow", "onnxruntime", "numpy") if u.find_spec(m) is None]
sys.exit("missing: " + ", ".join(missing) if missing else 0)' || cannot "the environment $venv is not enough"

cmake --build "$build" --target keras_exchange >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export TF_CPP_MIN_LOG_LEVEL=3 TF_ENABLE_ONEDNN_OPTS=0 KERAS_BACKEND=tensorflow CUDA_VISIBLE_DEVICES=
"$venv/bin/python" "$root/scripts/check_keras_files.py" "$build/tests/keras_exchange" "$folder" "${only[@]}"
