#!/usr/bin/env bash
# Run the tests, fastest first; words given go to pytest.
#
# IMAGE=go tests that image alone. ONLY=unit,pid1 picks suites. REPORTS=folder has reports in JUnit's
# XML written there. Four workers more than processors run them side by side, since many tests wait
# (ARGS=-n0: one by one). The images are built before the first test that needs them; without an
# engine those tests are skipped, and fail where CI=true; so are those that run as another user
# where others cannot read this clone, and CI=true then ends the run at once.
#
# At the end: the slowest tests, how long each suite took, and how long each stage.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/room.sh
. scripts/lib/variants.sh

times=()
print_times() { printf '%s\n' "${times[@]}" >&2; }

time_stage() { # NAME COMMAND...
    local start=$SECONDS code=0
    "${@:2}" || code=$?
    times+=("$(printf '%-10s %14d s' "$1" $((SECONDS - start)))")
    return "$code"
}

if [[ ${IMAGE:-} ]]; then
    check_name "$IMAGE"
    # What every editor promises, over ssh and in the browser: the tools, and programs in its languages.
    ! has_tool "$IMAGE" code-server || workspace="e2e/test_tools.py e2e/test_editor.py"
    ONLY=${ONLY:-image${workspace:+ $workspace}}
fi
suites=()
for suite in ${ONLY:-unit fuzz contract pid1 image e2e}; do
    IFS=, read -ra names <<<"$suite"
    suites+=("${names[@]/#/tests/}")
done
if [[ " ${suites[*]} " =~ tests/(contract|pid1|faults) ]] && ! closed=$(scripts/reach.sh 2>&1); then
    [[ ${CI:-} != true ]] || fail "${closed#error: }"
    note "${closed#error: }: they are skipped"
fi
trap print_times EXIT
time_stage venv scripts/venv.sh
# Once: thousands of processes of the agent would each compile it anew wherever they cannot keep the
# result, as another user or with PYTHONDONTWRITEBYTECODE.
time_stage compile .venv/bin/python -m compileall -q agent tests/fakes tests/worlds
# Likewise what pytest rewrites, for a whole run; beside what comes next. The run itself says what is wrong.
rewriting=
if (($# == 0)); then
    env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pytest --collect-only --quiet "${suites[@]}" \
        >/dev/null 2>&1 &
    rewriting=$!
fi
if [[ " ${suites[*]} " =~ tests/(e2e|image|faults|floods|kubernetes) ]] &&
    time_stage engine scripts/engine.sh start; then
    # shellcheck source=scripts/lib/docker.sh
    . scripts/lib/docker.sh
    engine=${DOCKER[0]}
    if ! short=$(check_room "$(find_store "$engine")" "$ROOM" "the tests of images"); then
        [[ ${CI:-} != true ]] || fail "$short"
        note "$short"
    fi
fi
if [[ " ${suites[*]} " =~ tests/(contract|faults|kubernetes|fuzz) ]]; then
    time_stage programs scripts/programs.sh
fi

[[ ! $rewriting ]] || time_stage rewrite wait "$rewriting" || true
# A short name: the runtime folders of tests may have 80 characters. What failed keeps its files.
folders=$(mktemp -d "${TMPDIR:-/tmp}/dev8.XXXX")
stage "Testing: ${suites[*]}"
# The venv first, and what was fetched: the gh and the restic that tests use.
time_stage tests env DOCKER="${engine:-docker}" \
    PATH="$PWD/.venv/bin:$PWD/.cache/programs/bin:$PATH" \
    python -m pytest --numprocesses=$(($(nproc) + 4)) --durations=10 --basetemp="$folders" \
    ${REPORTS:+"--junitxml=$REPORTS/tests.xml"} "${suites[@]}" "$@"
rm -rf "$folders"
