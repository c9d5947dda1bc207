#!/usr/bin/env bash
# Measure the images against their bars; words given go to the benchmark.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/venv.sh
scripts/build.sh all
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
exec env DOCKER="${DOCKER[0]}" .venv/bin/python -m tests.bench "$@"
