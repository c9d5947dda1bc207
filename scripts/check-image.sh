#!/usr/bin/env bash
# Say what an image lacks to be a workspace: check-image.sh IMAGE
#
# A line for each thing that is missing, with what fixes it; exit 1 if there is one, 2 if the image
# cannot be asked. See docs/own-image.md.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh

image=${1:-}
[[ $image ]] || fail "no image is named" "make check-image IMAGE=name"
make_cache
scripts/venv.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
"${DOCKER[@]}" image inspect "$image" >/dev/null 2>&1 || "${DOCKER[@]}" pull --quiet "$image" >/dev/null ||
    fail "cannot find the image $image" "build or pull it first"
stage "Checking $image" "about 30 s"
DOCKER=${DOCKER[0]} .venv/bin/python -m tests.image.check "$image" .cache/check-image.log
