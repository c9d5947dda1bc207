#!/usr/bin/env bash
# Run the tests, fastest first, in one pytest session; words given go to pytest.
#
# ONLY=unit,pid1 picks suites. The images are built before the first test that needs them; without
# an engine those tests are skipped, and fail where CI=true; so are those that run as another user
# where others cannot read this clone, and CI=true then ends the run at once.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh

suites=()
for suite in ${ONLY:-unit contract pid1 e2e image}; do
    IFS=, read -ra names <<<"$suite"
    suites+=("${names[@]/#/tests/}")
done
if [[ " ${suites[*]} " =~ tests/(contract|pid1) ]] && ! closed=$(scripts/reach.sh 2>&1); then
    [[ ${CI:-} != true ]] || fail "${closed#error: }"
    note "${closed#error: }: they are skipped"
fi
scripts/venv.sh
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
