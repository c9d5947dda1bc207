#!/usr/bin/env bash
# Write what the built images are made of: sbom.sh [NAME] (dev8-base and dev8-mvp)
#
# For each a file of CycloneDX (https://cyclonedx.org), reports/IMAGE-ARCHITECTURE.cdx.json, and the
# packages with their versions alone, reports/IMAGE-ARCHITECTURE.packages.txt.
# VERSION  the tag of the images (latest)
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/tools.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
. scripts/lib/variants.sh

tools=.cache/sbom

list_parts() { # NAME
    local image=dev8-$1:${VERSION:-latest} architecture file
    architecture=$("${DOCKER[@]}" image inspect --format '{{.Architecture}}' "$image" 2>/dev/null) ||
        fail "there is no image $image" "make build IMAGE=$1"
    file=reports/dev8-$1-$architecture.cdx.json
    stage "Writing $file" "about 30 s"
    # It would ask over the network whether there is a newer syft.
    SYFT_CHECK_FOR_APP_UPDATE=false "$tools/bin/syft" scan --quiet "${DOCKER[0]##*/}:$image" \
        --output "cyclonedx-json=$file"
    .venv/bin/python scripts/list_packages.py "$file" >"${file%.cdx.json}.packages.txt"
}

mkdir -p reports
images=$(IMAGE=${1:-} pick_images)
install_tools sbom syft "about 5 s"
for name in $images; do list_parts "$name"; done
