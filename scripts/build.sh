#!/usr/bin/env bash
# Build images: build.sh NAME... | all
#
# NAME is a row of docker/variants/table.txt; all are dev8-base and dev8-mvp.
# build.sh stages tags every stage of both as dev8-stage-…, for scripts/cache.sh; stages with such a
# tag are taken as they are where nothing of them changed.
#
# BASE_IMAGE       what they start from; see rootfs.sh (ubuntu:22.04)
# VERSION          their tag (latest)
# DOCKER_REGISTRY  if set, they are also tagged DOCKER_REGISTRY/NAME:VERSION
# BUILD_BASE, BUILD_MVP   false leaves that image out
# SUDO             on lets dev8 use sudo: then it is the one set-user-id program (off)
# AI_TOOLS         what dev8-mvp brings of "claude codex gemini" (nothing)
# PYTHON_VERSION, NODE_MAJOR, GO_VERSION, JAVA_VERSION   versions of the languages (3.11, 20, 1.21, 17)
# DEBIAN_MIRROR    where restic's package is looked for first (the mirror of a Debian base)
# DEBIAN_ARCHIVE   where it is taken from else: an archive of what mirrors dropped
# REFRESH          a new value, such as the day, fetches the distribution's packages anew
# CA_BUNDLE        certificates that downloads trust: the host's, which know a proxy that inspects
#                  TLS. They reach the build as a secret and no layer.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/docker.sh
. scripts/lib/images.sh
. scripts/lib/variants.sh

log=.cache/build.log
tag=${VERSION:-latest}
ca=${CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}

# Print the commit that the images are built from; what is not committed, new files too, is told.
find_revision() {
    local revision parts=(agent docker requirements pyproject.toml LICENSE .dockerignore)
    revision=$(git rev-parse HEAD 2>/dev/null) || { echo unknown; return; }
    [[ -z $(git status --porcelain -- "${parts[@]}") ]] || revision+=-dirty
    echo "$revision"
}

# Print where the sources are published: the remote's address without user and password.
find_source() {
    { git config remote.origin.url || true; } | sed -nE 's,^(https://)([^/]*@)?,\1,p'
}

find_version() {
    [[ $tag != latest ]] || { sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml; return; }
    echo "$tag"
}

# Print a number of bytes in megabytes, or of microseconds in seconds: 1.2
in_millions() { # NUMBER
    local tenths=$((($1 + 50000) / 100000))
    echo "$((tenths / 10)).$((tenths % 10))"
}

# Say how what is built with other options is kept: `make up` and `make test` build as well, under the same names.
tell_options() {
    local name words=("VERSION=$tag")
    for name in SUDO AI_TOOLS PYTHON_VERSION NODE_MAJOR GO_VERSION JAVA_VERSION; do
        [[ -z ${!name:-} ]] || words+=("$name=${!name@Q}")
    done
    ((${#words[@]} == 1)) ||
        note "built with other options; \`make up\` and \`make test\` build too, so call them with ${words[*]}"
}

build() { # NAME EXPECTED_TIME FOLDER TARGET OPTION...
    local name=$1 folder=$3 target=$4 start=${EPOCHREALTIME/./} size
    stage "Building $name" "$2"
    shift 4
    if ! "${DOCKER[@]}" build "${options[@]}" --file "docker/$folder/Dockerfile" \
        --target "$target" --tag "$name" "$@" . >>"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        fail "cannot build $name" "the whole output is in $log"
    fi
    size=$("${DOCKER[@]}" image inspect --format '{{.Size}}' "$name")
    note "$name: $(in_millions "$size") MB, $(in_millions $((${EPOCHREALTIME/./} - start))) s"
}

publish() { # NAME EXPECTED_TIME FOLDER TARGET OPTION...
    build "dev8-$1:$tag" "${@:2}" "${labels[@]}" \
        ${DOCKER_REGISTRY:+--tag "$DOCKER_REGISTRY/dev8-$1:$tag"}
}

# Build what dev8-mvp and the variants are made of; after dev8-base both are there already.
build_parts() {
    build "dev8-base-system:$tag" "about 1 min the first time" base system
    build "dev8-agent:$tag" "seconds" base agent
    options+=(--build-arg "SYSTEM_IMAGE=dev8-base-system:$tag"
        --build-arg "AGENT_IMAGE=dev8-agent:$tag" --build-arg "AI_TOOLS=${AI_TOOLS:-}")
}

# Tag each stage of an image, together with what BuildKit has to know to take it again; of variants
# only what dev8-mvp has as well.
build_stages() { # FOLDER
    local stages stage
    mapfile -t stages < <(sed -nE 's/^FROM .+ AS ([a-z-]+)$/\1/p' "docker/$1/Dockerfile" |
        grep -vxE 'with-(node|go|java)')
    for stage in "${stages[@]}"; do
        build "dev8-stage-$1-$stage:$tag" "seconds" "$1" "$stage" \
            --build-arg BUILDKIT_INLINE_CACHE=1
    done
}

names=()
[[ ${BUILD_BASE:-true} == false ]] || names+=(base)
[[ ${BUILD_MVP:-true} == false ]] || names+=(mvp)
case ${1:-all} in
    all | stages) ;;
    *) names=("$@") ;;
esac
for name in "${names[@]}"; do check_name "$name"; done

case ${SUDO:-off} in
    on | off) ;;
    *) fail "unknown SUDO=$SUDO" "on or off" ;;
esac

make_cache
exec 9>.cache/build.lock
flock 9
: >"$log"
base_image=$(scripts/rootfs.sh)
options=(--build-arg "BASE_IMAGE=$base_image" --build-arg "SUDO=${SUDO:-off}"
    --build-arg "BASE_NAME=${base_image%@*}" --build-arg "BASE_DIGEST=$(find_digest "$base_image")")
for name in NODE_MAJOR GO_VERSION JAVA_VERSION DEBIAN_MIRROR DEBIAN_ARCHIVE REFRESH; do
    [[ -z ${!name:-} ]] || options+=(--build-arg "$name=${!name}")
done
[[ -z ${PYTHON_VERSION:-} ]] || options+=(--build-arg "PYTHON=python$PYTHON_VERSION")
tell_options
[[ ! -s $ca ]] || options+=(--secret "id=ca,src=$ca")
for stage in $("${DOCKER[@]}" image ls --format '{{.Repository}}' "dev8-stage-*:$tag"); do
    options+=(--cache-from "$stage:$tag")
done
labels=(--build-arg "VERSION=$(find_version)" --build-arg "REVISION=$(find_revision)"
    --build-arg "SOURCE=$(find_source)")

made=no
for name in "${names[@]}"; do
    if [[ $name == base ]]; then
        publish base "about 1 min the first time, then seconds" base base
        continue
    fi
    [[ $made == yes ]] || build_parts
    made=yes
    publish "$name" "about 5 min the first time, then seconds" mvp image \
        --build-arg "VARIANT=$name" --build-arg "DESCRIPTION=$(describe "$name")"
done
if [[ ${1:-all} == stages ]]; then
    build_stages base
    build_stages mvp
fi
