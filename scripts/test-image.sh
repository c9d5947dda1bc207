#!/usr/bin/env bash
# Build dev8-test, the image of the test tools (tests/Dockerfile); quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh

ca=${CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}
secret=()
if [[ -s $ca ]]; then secret=(--secret "id=ca,src=$ca"); fi
stage "Building dev8-test" "about 3 min the first time"
"${DOCKER[@]}" build --quiet --tag "dev8-test:${VERSION:-latest}" --file tests/Dockerfile "${secret[@]}" \
    --build-arg "BASE_IMAGE=$(BASE_IMAGE=debian:12 scripts/rootfs.sh)" . >/dev/null
