#!/usr/bin/env bash
# Find packages of the built images that are behind a security suite: check-updates.sh [NAME]
#
# VERSION          the tag of the images (latest)
# DOCKER_REGISTRY  if set, the published images are asked, not those that were built here
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
. scripts/lib/variants.sh

images=$(IMAGE=${1:-${IMAGE:-}} pick_images)
names=()
for image in $images; do
    name=${DOCKER_REGISTRY:+${DOCKER_REGISTRY,,}/}dev8-$image:${VERSION:-latest}
    if [[ -n ${DOCKER_REGISTRY:-} ]]; then
        "${DOCKER[@]}" pull --quiet "$name" >/dev/null ||
            fail "cannot pull $name" "is DOCKER_REGISTRY=$DOCKER_REGISTRY right?"
    else
        "${DOCKER[@]}" image inspect "$name" >/dev/null 2>&1 ||
            fail "there is no image $name" "make build IMAGE=$image"
    fi
    names+=("$name")
done
stage "Asking the mirrors" "about 20 s for each image"
exec python3 scripts/updates.py "${DOCKER[0]}" "${names[@]}"
