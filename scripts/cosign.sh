#!/usr/bin/env bash
# Run cosign, which signs and verifies images: cosign.sh WORD...
#
# It is Debian's, pinned by hash in requirements/cosign.txt and fetched when first needed.
# DEBIAN_MIRROR, DEBIAN_ARCHIVE   where its package is, as in build.sh
set -euo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)
. "$top/scripts/lib/messages.sh"
. "$top/scripts/lib/files.sh"

lock=$top/requirements/cosign.txt
place=$top/.cache/cosign

fetch() {
    [[ $(cat "$place/made-from" 2>/dev/null) != "$(sha256sum <"$lock")" ]] || return 0
    [[ -x /usr/lib/apt/apt-helper ]] || fail "cannot fetch cosign: apt is needed" "install cosign"
    stage "Fetching cosign" "about 5 s"
    rm -rf "$place"
    mkdir -p "$place"
    sh "$top/docker/base/fetch-program.sh" "$lock" "$place" "${DEBIAN_MIRROR:-}" \
        "${DEBIAN_ARCHIVE:-}" >&2
    sha256sum <"$lock" >"$place/made-from"
}

(cd "$top" && make_cache)
exec 9>"$top/.cache/cosign.lock"
flock 9
fetch
exec 9>&-
exec "$place/usr/local/bin/cosign" "$@"
