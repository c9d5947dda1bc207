#!/usr/bin/env bash
# Measure the images against their bars, and others: bench.sh workspace|backup|pull OPTION...
# Write docs/benchmarks.md from what was measured: bench.sh page
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/packages.sh

scripts/venv.sh
if [[ $1 == page ]]; then
    lock=requirements/plots.txt tools=.cache/plots
    if [[ $(cat "$tools/made-from" 2>/dev/null) != "$(sha256sum <"$lock")" ]]; then
        stage "Installing matplotlib" "about 15 s"
        rm -rf "$tools"
        .venv/bin/python -m venv "$tools"
        "$tools/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
            --only-binary :all: --requirement "$lock"
        sha256sum <"$lock" >"$tools/made-from"
    fi
    .venv/bin/python -m tests.bench.page
    exec "$tools/bin/python" -m tests.bench.plots
fi
scripts/build.sh all
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
case $1 in
    workspace) module=tests.bench ;;
    backup) module=tests.bench.backup ;;
    pull)
        module=tests.bench.pull
        scripts/test-image.sh # the registry's program is in it
        if ! command -v buildah >/dev/null && can_install; then
            install_packages "about 10 s" buildah runc
        fi
        ;;
esac
exec env DOCKER="${DOCKER[0]}" .venv/bin/python -m "$module" "${@:2}"
