#!/usr/bin/env bash
# Publish the devcontainer Feature of a release: push-feature.sh [FOLDER]
#
# It becomes REGISTRY/features/devcopilot-agent:1.2.3; 1.2, 1 and latest move to it. Prints what sign.sh
# takes: name=ghcr.io/owner/features/devcopilot-agent, digest=sha256:… A version that is there
# already stays as it is, and its digest is printed. What is published also lies in reports/, as a file.
#
# FOLDER           a Feature that feature.sh has built; without it, that of this commit, which must be
#                  a release
# DOCKER_REGISTRY  where to: ghcr.io/owner. `push.sh login` signs in.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh

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

[[ -n $registry ]] || fail "there is no registry to push to" "DOCKER_REGISTRY=ghcr.io/owner"
make_cache
folder=${1:-}
if [[ -z $folder ]]; then
    scripts/push.sh check
    folder=$(scripts/feature.sh)
fi
grep -q "\"version\": \"$version\"" "$folder/src/$feature/devcontainer-feature.json" ||
    fail "cannot publish $folder: it is not version $version" "make feature"
scripts/programs.sh >&2
mkdir -p reports
run_client "pack the Feature" features package --force-clean-output-folder \
    --output-folder .cache/feature-pack "$folder/src" >&2
cp ".cache/feature-pack/devcontainer-feature-$feature.tgz" reports/

name=$host/$namespace/$feature
stage "Publishing $name:$version" "minutes the first time"
run_client "publish $name:$version" features publish --registry "$host" --namespace "$namespace" \
    "$folder/src" >&2
digest=$(run_client "find $name:$version" features info manifest "$name:$version" \
    --output-format json | grep -oE '@sha256:[0-9a-f]{64}')
printf '%s\n' "name=$name" "digest=${digest#@}"
