#!/usr/bin/env bash
# Measure the images against their bars, and others: bench.sh workspace|backup|pull OPTION...
# Write docs/benchmarks.md from what was measured: bench.sh page
#
# DEV8_BEFORE    an image with an earlier agent, measured beside this one, such as dev8-mvp:before
# DEV8_ORIGINAL  a checkout of the bash entrypoint's repository, measured as well
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/tools.sh
. scripts/lib/packages.sh

scripts/venv.sh
if [[ $1 == page ]]; then
    install_tools plots matplotlib "about 15 s"
    .venv/bin/python -m tests.bench.page
    exec .cache/plots/bin/python -m tests.bench.plots
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
