#!/usr/bin/env bash
# Feed odd cases to every reader of the agent: fuzz.sh CASES
#
# Half of them hypothesis makes, from what it knows of each format; the other half a coverage-guided
# fuzzer, which goes where it has not been in the agent's code. That one has a package for x86_64
# alone. docs/tried.json gets the counts, for docs/guarantees.md. tests/fuzz/ says what must hold.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh

half=$((($1 + 1) / 2))
lock=requirements/fuzz.txt
guide=.cache/fuzz-$(sha256sum "$lock" | head -c 12)

code=0 # what one half finds does not keep the other from looking
ONLY=fuzz scripts/test.sh --fuzz-cases="$half" || code=1
if [[ $(uname -m) != x86_64 ]]; then
    note "no coverage-guided run: its package is for x86_64"
    exit "$code"
fi
if [[ ! -d $guide ]]; then
    stage "Installing the coverage-guided fuzzer" "about 5 s"
    rm -rf .cache/fuzz-*
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        --target "$guide.new" --requirement "$lock" 2>.cache/pip.log ||
        { tail -n 20 .cache/pip.log >&2; fail "cannot install $lock" "see .cache/pip.log"; }
    mv "$guide.new" "$guide"
fi
stage "Fuzzing by coverage: $half cases"
PYTHONPATH=$guide .venv/bin/python -m tests.fuzz "$half" || code=1
exit "$code"
