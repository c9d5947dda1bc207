#!/usr/bin/env bash
# Try our init and others case by case, and write the tables to docs/conformance.md:
# conformance.sh [CASE...]. With names of cases only these are tried, and nothing is written.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/files.sh

scripts/programs.sh
scripts/build.sh all
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
exec env DOCKER="${DOCKER[0]}" PATH="$PWD/.venv/bin:$PATH" \
    .venv/bin/python -m tests.pid1.conformance "$@"
