#!/usr/bin/env bash
# Print what CHANGELOG.md says of a release: release-notes.sh TAG
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh

version=${1:-}
version=${version#v}
[[ -n $version ]] || fail "which release?" "release-notes.sh v1.2.3"
# From the line after its heading to the next heading, without empty lines around.
notes=$(awk -v version="$version" '
    /^## / { inside = $2 == version; next }
    inside' CHANGELOG.md | sed '/./,$!d')
[[ -n $notes ]] || fail "CHANGELOG.md says nothing of $version" "its heading begins: ## $version"
printf '%s\n' "$notes"
