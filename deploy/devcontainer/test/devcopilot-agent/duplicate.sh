#!/usr/bin/env bash
# Installed twice, with other options the second time: the client names them in variables.
set -e
# shellcheck source=/dev/null # the client brings it
source dev-container-features-test-lib

check "the agent is PID 1" grep -q agent.init /proc/1/cmdline
check "it becomes ready" devcopilot wait --timeout 60s
check "git is told once" bash -c "test $(grep -c 'local/state/devcopilot/gitconfig' /etc/gitconfig) = 1"
check "bash is told once" bash -c "test $(grep -c 'profile.d/session.sh' /etc/bash.bashrc) = 1"

reportResults
