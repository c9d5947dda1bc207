#!/usr/bin/env bash
# Run the tests, fastest first; words given go to pytest.
#
# ONLY=unit,pid1 picks suites. REPORTS=folder has reports in JUnit's XML written there.
# Tests that mostly wait run side by side, one for each processor; those that measure time or share
# an engine run one by one, after them. The images are built before the first test that needs them;
# without an engine those tests are skipped, and fail where CI=true; so are those that run as another
# user where others cannot read this clone, and CI=true then ends the run at once.
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
together=() alone=()
for suite in "${suites[@]}"; do
    case $suite in
        tests/unit | tests/contract) together+=("$suite") ;;
        *) alone+=("$suite") ;;
    esac
done

none=5 # what pytest ends with where no test was picked
worst=$none
run() { # NAME OPTION_OR_SUITE...
    stage "Testing: ${*:2}"
    local code=0 report=${REPORTS:+--junitxml=$REPORTS/tests-$1.xml}
    # The venv first, and what was fetched: the gh and the restic that tests use.
    env DOCKER="${engine:-docker}" PATH="$PWD/.venv/bin:$PWD/.cache/programs/bin:$PATH" \
        python -m pytest --durations=10 ${report:+"$report"} "${@:2}" "${words[@]}" || code=$?
    # One that failed counts more than one that succeeded, and that more than none.
    if ((worst == none)) || ((worst == 0 && code != none)); then
        worst=$code
    fi
}

words=("$@")
((${#together[@]} == 0)) || run together --numprocesses="$(nproc)" "${together[@]}"
((${#alone[@]} == 0)) || run alone "${alone[@]}"
exit "$worst"
