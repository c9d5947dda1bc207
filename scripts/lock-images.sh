#!/usr/bin/env bash
# Write into docker/base/images.txt the digest that each image has in its registry now.
#
# What cannot be looked up is said, and keeps the digest that it has.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
. scripts/lib/images.sh

new=$(mktemp)
trap 'rm -f "$new"' EXIT
while read -r name old rest; do
    if [[ $name != '#'* ]]; then
        if cause=$("${DOCKER[@]}" pull --quiet "$name" 2>&1 >/dev/null); then
            old=$(find_digest "$name")
            note "$name $old"
        else
            note "$name: not looked up, $old stays: ${cause##*$'\n'}"
        fi
    fi
    printf '%s\n' "$name $old${rest:+ $rest}"
done <"$images_lock" >"$new"
cat "$new" >"$images_lock"
