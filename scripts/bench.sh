#!/usr/bin/env bash
# Measure the images against their bars: bench.sh workspace|backup OPTION...
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/files.sh

scripts/venv.sh
scripts/build.sh all
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
case $1 in
    workspace) module=tests.bench ;;
    backup) module=tests.bench.backup ;;
esac
exec env DOCKER="${DOCKER[0]}" .venv/bin/python -m "$module" "${@:2}"
