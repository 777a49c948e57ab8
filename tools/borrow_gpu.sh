#!/usr/bin/env bash
# A borrowed GPU in ten minutes, without a network: how many trainings side by side are fastest, train what models/ lacks,
# pack what became whole into pieces of 15 MiB.
#     tools/borrow_gpu.sh FACES OUT [MINUTES [JOBS]]
# FACES is any form of FER2013, Training and PublicTest at least; OUT a folder; with JOBS nothing is measured. It needs what
# the extra `jax` brings. At home:
#     cat OUT/runs.tar.* | tar x    and for each    ferlib export RUN
set -euo pipefail
export FERLIB_DATA=$1 KERAS_BACKEND=jax XLA_PYTHON_CLIENT_PREALLOCATE=false PYTHONUNBUFFERED=1
out=$2 seconds=$((60 * ${3:-10}))
mkdir -p "$out"
touch "$out/begun"
jobs=${4:-$(python3 -m benchmarks.bench_jobs 1 6 | tee "$out/jobs.txt" | tail -n 1)}
python3 -m ferlib.cli train --zoo --jobs "$jobs" --time-limit "$((seconds - SECONDS - 20))s" \
  2>&1 | tee "$out/train.txt" || true
find models -mindepth 2 -maxdepth 2 -newer "$out/begun" -path '*/metadata.json' ! -path '*.partial/*' -printf '%h\n' \
  | tar c --files-from - | split -b 15m - "$out/runs.tar."
ls -l "$out"
