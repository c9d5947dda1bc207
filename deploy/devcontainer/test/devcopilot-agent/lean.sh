#!/usr/bin/env bash
# Without gh and restic: the agent runs all the same.
set -e
# shellcheck source=/dev/null # the client brings it
source dev-container-features-test-lib

check "there is no restic" bash -c "! command -v restic"
check "there is no gh" bash -c "! test -e /opt/gh/bin/gh"
check "it becomes ready" devcopilot wait --timeout 60s

reportResults
