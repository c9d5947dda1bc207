#!/usr/bin/env bash
# Build the images of the tests: dev8-test, their tools, and dev8-test-registry, for npm packages.
# Quick when nothing changed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh

ca=${CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}
secret=()
if [[ -s $ca ]]; then secret=(--secret "id=ca,src=$ca"); fi
base_image=$(BASE_IMAGE=debian:12 scripts/rootfs.sh)

build() { # NAME EXPECTED_TIME FOLDER
    stage "Building $1" "$2"
    "${DOCKER[@]}" build --quiet --tag "$1:${VERSION:-latest}" --file "$3/Dockerfile" \
        "${secret[@]}" --build-arg "BASE_IMAGE=$base_image" . >/dev/null
}

build dev8-test "about 3 min the first time" tests
build dev8-test-registry "about 60 s the first time" tests/registry
