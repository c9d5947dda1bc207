#!/usr/bin/env bash
# pid1=false: the container's shell stays PID 1, and the agent runs below it.
set -e
# shellcheck source=/dev/null # the client brings it
source dev-container-features-test-lib

check "the agent is not PID 1" bash -c "! grep -q agent.init /proc/1/cmdline"
check "it becomes ready" devcopilot wait --timeout 60s

reportResults
