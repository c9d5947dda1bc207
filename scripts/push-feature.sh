#!/usr/bin/env bash
# Publish the devcontainer Feature of a release: push-feature.sh [FOLDER]
#
# It becomes REGISTRY/features/devcopilot-agent:1.2.3; 1.2, 1 and latest move to it. Prints what sign.sh
# takes: name=ghcr.io/owner/features/devcopilot-agent, digest=sha256:… A version that is there
# already is refused: it may be somebody else's, and must not be signed. reports/ gets a file with the same
# content, and what it is made of for all architectures, as sbom.sh has it for images.
#
# FOLDER           a Feature that feature.sh has built; without it, that of this commit, which must be
#                  a release
# DOCKER_REGISTRY  where to: ghcr.io/owner. `push.sh login` signs in.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/tools.sh

feature=devcopilot-agent
log=.cache/push-feature.log
registry=${DOCKER_REGISTRY:-}
registry=${registry,,}
host=${registry%%/*}
namespace=${registry#"$host"}/features
namespace=${namespace#/}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)

# Run the devcontainer client; print what it prints.
run_client() { # WHAT WORD...
    local cause
    PATH=$PWD/.cache/programs/bin:$PATH \
        node .cache/programs/azurite/node_modules/@devcontainers/cli/devcontainer.js "${@:2}" \
        2>"$log" </dev/null && return
    cause=$(grep -E 'ERR|rror' "$log" | head -n 1) || true
    ! grep -q UNAUTHORIZED <<<"$cause" ||
        fail "cannot $1: $host does not accept the credentials" "docker login $host"
    fail "cannot $1: ${cause#*] }" "see $log; is DOCKER_REGISTRY=$registry right?"
}

# List the packages in the wheels, and what the programs were linked from.
list_parts() { # FEATURE FILE
    local inside=$PWD/.cache/feature-parts-list archive
    rm -rf "$inside"
    mkdir -p "$inside"
    for archive in "$1"/wheels/*.whl; do
        .venv/bin/python -m zipfile --extract "$archive" "$inside/$(basename "$archive")"
    done
    for archive in "$1"/restic/*.gz; do
        gunzip --stdout "$archive" >"$inside/restic-$(basename "$archive" .gz)"
    done
    SYFT_CHECK_FOR_APP_UPDATE=false .cache/sbom/bin/syft scan --quiet "dir:$inside" \
        --source-name "$feature" --source-version "$version" --output "cyclonedx-json=$2"
    .venv/bin/python scripts/list_packages.py "$2" >"${2%.cdx.json}.packages.txt"
    rm -rf "$inside"
}

[[ -n $registry ]] || fail "there is no registry to push to" "DOCKER_REGISTRY=ghcr.io/owner"
make_cache
folder=${1:-}
if [[ -z $folder ]]; then
    scripts/push.sh check
    folder=$(scripts/feature.sh)
fi
grep -q "\"version\": \"$version\"" "$folder/src/$feature/devcontainer-feature.json" ||
    fail "cannot publish $folder: it is not version $version" "make feature"
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
    fail "cannot publish $version: a pre-release would become latest" "release a version such as 1.2.3"
scripts/programs.sh >&2
mkdir -p reports
run_client "pack the Feature" features package --force-clean-output-folder \
    --output-folder .cache/feature-pack "$folder/src" >&2
cp ".cache/feature-pack/devcontainer-feature-$feature.tgz" reports/
install_tools sbom syft "about 5 s"
list_parts "$folder/src/$feature" "reports/$feature-all.cdx.json"

name=$host/$namespace/$feature
stage "Publishing $name:$version" "minutes the first time"
said=$(run_client "publish $name:$version" features publish --registry "$host" \
    --namespace "$namespace" "$folder/src")
# The client skips a version that is there: only what it has pushed now has a digest.
digest=$(grep -oE '"digest": ?"sha256:[0-9a-f]{64}"' <<<"$said" | grep -oE 'sha256:[0-9a-f]{64}') ||
    fail "cannot publish $name:$version: it is there already, and may be somebody else's" \
        "delete that version in the registry, or release another one"
printf '%s\n' "name=$name" "digest=$digest"
