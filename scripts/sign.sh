#!/usr/bin/env bash
# Sign a published image, and attach what it is made of: sign.sh NAME DIGEST [ARCHITECTURE=DIGEST...]
#
# NAME@DIGEST is what push.sh joined; an ARCHITECTURE's part is signed as well and gets its list of
# contents from reports/ (make sbom) and what is known of its vulnerabilities, if docker/vex.json names
# it. The provenance belongs to the whole. The Feature is one for all: all=DIGEST. All of it lies in the
# registry beside the image; docs/verify.md says how to check it.
#
# COSIGN_KEY  a private key of cosign, with its password in COSIGN_PASSWORD. Nothing then leaves for a
#             public log. Without it, the workflow that runs this signs with its own identity.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh

log=.cache/sign.log

# Run cosign; if it fails, end with the line of what it said that tells why.
run_cosign() { # WHAT WORD...
    local cause
    stage "$1"
    scripts/cosign.sh "${@:2}" "${signer[@]}" --yes >"$log" 2>&1 </dev/null && return
    cause=$(grep -iE '^(Error|main.go)' "$log" | head -n 1) || true
    fail "$1 failed: ${cause:-$(tail -n 1 "$log")}" "all that it said is in $log"
}

attest() { # TYPE FILE IMAGE
    run_cosign "Attaching $1 to $3" attest --type "$1" --predicate "$2" "$3"
}

name=${1:-} digest=${2:-}
[[ -n $name && $digest == sha256:* ]] || fail "which image?" "sign.sh NAME sha256:… amd64=sha256:…"
shift 2
signer=()
[[ -z ${COSIGN_KEY:-} ]] || signer=(--key "$COSIGN_KEY" --tlog-upload=false)
provenance=$(mktemp)
trap 'rm -f "$provenance"' EXIT
for part in "$@"; do
    sbom=reports/${name##*/}-${part%%=*}.cdx.json
    [[ -s $sbom ]] || fail "there is no $sbom to attach" "make sbom"
done

run_cosign "Signing $name@$digest" sign --recursive "$name@$digest"
scripts/provenance.py >"$provenance"
attest slsaprovenance1 "$provenance" "$name@$digest"
for part in "$@"; do
    attest cyclonedx "reports/${name##*/}-${part%%=*}.cdx.json" "$name@${part#*=}"
    ! grep -qF "pkg:oci/${name##*/}\"" docker/vex.json ||
        attest openvex docker/vex.json "$name@${part#*=}"
done
