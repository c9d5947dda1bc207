#!/usr/bin/env bash
# Carry what the images are built from to another machine: cache.sh save | load
#
# save  writes every stage of the images to .cache/stages.tar; what cannot be built fails
# load  reads that file, if it is there; scripts/build.sh then builds anew only what changed
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh

tar=.cache/stages.tar

save() {
    local stages
    scripts/build.sh stages
    mapfile -t stages < <("${DOCKER[@]}" image ls --format '{{.Repository}}:{{.Tag}}' \
        "dev8-stage-*:${VERSION:-latest}")
    stage "Writing $tar" "about 1 min"
    "${DOCKER[@]}" save --output "$tar.new" "${stages[@]}"
    chmod 0644 "$tar.new" # who keeps it need not be root
    mv "$tar.new" "$tar"
    note "$tar: $(($(stat --format %s "$tar") / 1000000)) MB, ${#stages[@]} stages"
}

load() {
    if [[ ! -f $tar ]]; then
        note "no $tar: everything is built anew"
        return
    fi
    stage "Reading $tar" "about 1 min"
    "${DOCKER[@]}" load --quiet --input "$tar" >/dev/null
}

action=${1:-none}
case $action in
    save | load) "$action" ;;
    *) fail "unknown action: $action" "save or load" ;;
esac
