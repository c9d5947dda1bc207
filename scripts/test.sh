#!/usr/bin/env bash
# Run the tests, fastest first, in one pytest session; words given go to pytest.
#
# ONLY=unit,pid1 picks suites. The images are built before the first test that needs them; without
# an engine those tests are skipped, and fail where CI=true.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh

scripts/venv.sh
suites=()
for suite in ${ONLY:-unit contract pid1 e2e image}; do
    IFS=, read -ra names <<<"$suite"
    suites+=("${names[@]/#/tests/}")
done
if [[ " ${suites[*]} " == *tests/e2e* || " ${suites[*]} " == *tests/image* ]] &&
    scripts/engine.sh start; then
    # shellcheck source=scripts/lib/docker.sh
    . scripts/lib/docker.sh
    engine=${DOCKER[0]}
fi
if [[ " ${suites[*]} " == *tests/contract* ]]; then
    scripts/programs.sh
fi
stage "Testing: ${suites[*]#tests/}"
# The venv first, and what was fetched: the gh and the restic that tests use.
exec env DOCKER="${engine:-docker}" PATH="$PWD/.venv/bin:$PWD/.cache/programs/bin:$PATH" \
    python -m pytest "${suites[@]}" "$@"
