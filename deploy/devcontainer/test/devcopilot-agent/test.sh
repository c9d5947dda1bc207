#!/usr/bin/env bash
# The Feature with its defaults, in the image that `devcontainer features test` is given.
set -e
# shellcheck source=/dev/null # the client brings it
source dev-container-features-test-lib

check "the agent is PID 1" grep -q agent.init /proc/1/cmdline
check "it becomes ready" devcopilot wait --timeout 60s
check "git reads what it sets" grep -q devcopilot/gitconfig /etc/gitconfig
check "restic is new enough" bash -c "restic version | grep -E '^restic 0\.(1[89]|[2-9][0-9])'"
check "its gh stands before the real one" bash -c "readlink -f /usr/local/bin/gh | grep -q agent/github/helpers/gh"

reportResults
