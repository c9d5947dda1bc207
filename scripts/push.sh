#!/usr/bin/env bash
# Publish the built images of a release: push.sh [check | login USER | images | manifest]
#
# check     tell whether this commit is a release: clean, and tagged with its version
# login     sign in as USER; the password is read from stdin
# images    push each image as NAME:1.2.3-ARCHITECTURE
# manifest  join those of ARCHITECTURES to NAME:1.2.3, which is 1.2.3-debian-12 as well, after what it is
#           built on; 1.2 and latest follow, unless newer releases have them
# Without a word: images, then manifest. They print what they pushed, which CI takes as outputs:
# name=ghcr.io/owner/dev8-base, amd64_digest=sha256:…, digest=sha256:… (that of 1.2.3).
#
# DOCKER_REGISTRY  where to: ghcr.io/owner
# IMAGE            one row of docker/variants/table.txt (dev8-base and dev8-mvp)
# BASE_IMAGE       what the images are built on where they are not here: after others pushed them
# VERSION          the tag that the images have here (latest); what they get is pyproject.toml's
# ARCHITECTURES    that of the engine; "amd64 arm64" after both were pushed
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
. scripts/lib/images.sh
. scripts/lib/variants.sh

log=.cache/push.log
registry=${DOCKER_REGISTRY:-}
registry=${registry,,} # an owner's name may have capitals, a repository's may not
host=${registry%%/*}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
insecure=()
if [[ $host =~ ^(127\.|localhost(:|$)) ]]; then insecure=(--insecure); fi # as dockerd sees them

# Run docker; if it fails, end with the one line of what it said that tells why.
run_docker() { # WHAT WORD...
    local what=$1 cause
    shift
    "${DOCKER[@]}" "$@" >"$log" 2>&1 && return
    cause=$(tail -n 1 "$log")
    if grep -qiE 'unauthori[sz]ed|denied|no basic auth|authentication required' "$log"; then
        fail "cannot $what: $host does not accept the credentials" "docker login $host"
    fi
    fail "cannot $what: ${cause#error: }" "is DOCKER_REGISTRY=$registry right?"
}

# Only a commit that is tagged with its own version is a release.
check_release() {
    local tags
    [[ -z $(git status --porcelain) ]] ||
        fail "cannot push: the tree has changes that are not committed" "git status"
    tags=$(git tag --points-at HEAD --list 'v*' | paste -sd ' ')
    [[ " $tags " == *" v$version "* ]] || fail \
        "cannot push: pyproject.toml says $version and HEAD's tag is ${tags:-missing}" "git tag v$version"
}

# Print a label of an image; nothing where it has none.
read_label() { # LOCAL_NAME LABEL
    "${DOCKER[@]}" image inspect --format "{{index .Config.Labels \"$2\"}}" "$1"
}

check_image() { # NAME LOCAL_NAME
    local revision tools language
    revision=$(read_label "$2" org.opencontainers.image.revision 2>/dev/null) ||
        fail "there is no image $2" "make build"
    [[ $revision == $(git rev-parse HEAD) ]] ||
        fail "cannot push $2: it was built from ${revision:-no commit}, not from HEAD" "make build"
    tools=$(read_label "$2" devcopilot.ai-tools)
    [[ -z $tools ]] ||
        fail "cannot push $2: it holds $tools, which may not be passed on" "AI_TOOLS= make build"
    check_base "$2"
    check_options "$2" base SUDO PYTHON_VERSION
    for language in node:NODE_MAJOR go:GO_VERSION java:JAVA_VERSION; do
        ! has_tool "$1" "${language%:*}" || check_options "$2" mvp "${language#*:}"
    done
}

# What a release stands on is the image that the lock pins, where it pins one.
check_base() { # LOCAL_NAME
    local name digest pin
    name=$(read_label "$1" org.opencontainers.image.base.name)
    digest=$(read_label "$1" org.opencontainers.image.base.digest)
    pin=$(find_pin "$name")
    [[ -z $pin || $digest == "$pin" ]] ||
        fail "cannot push $1: it is built on $name@${digest:-unknown}, and $images_lock has $pin" \
            "make build"
}

# What was built with other options, such as the one that makes dev8 root, is never published under the
# ordinary name: the labels say what was built, and the Dockerfile what a release is built with.
check_options() { # LOCAL_NAME FOLDER VARIABLE...
    local variable label built default
    for variable in "${@:3}"; do
        label=devcopilot.${variable,,}
        built=$(read_label "$1" "${label//_/-}")
        [[ -n $built ]] || fail "cannot push $1: it does not say with which $variable it was built" \
            "make build"
        default=$(sed -n "s/^ARG ${variable/PYTHON_VERSION/PYTHON}=//p" "docker/$2/Dockerfile")
        [[ $built == "$default" ]] || fail \
            "cannot push $1: it was built with $variable=${built#python}" "$variable= make build"
    done
}

# Print the newest release whose tag matches, leaving pre-releases out.
find_newest() { # PATTERN
    git tag --list "$1" --sort=-version:refname | sed -nE 's/^v([0-9]+\.[0-9]+\.[0-9]+)$/\1/p' |
        head -n 1
}

# Print the release's own tags and those that move along with it.
list_tags() { # NAME
    local base
    base=$(read_label "dev8-$1:${VERSION:-latest}" org.opencontainers.image.base.name 2>/dev/null) || true
    echo "$version"
    echo "$version-$(name_base "${base:-${BASE_IMAGE:-ubuntu:22.04}}")"
    if [[ $(find_newest "v${version%.*}.*") == "$version" ]]; then echo "${version%.*}"; fi
    if [[ $(find_newest 'v*') == "$version" ]]; then echo latest; fi
}

push_image() { # NAME
    local from=dev8-$1:${VERSION:-latest} to architecture
    check_image "$1" "$from"
    architecture=$("${DOCKER[@]}" image inspect --format '{{.Architecture}}' "$from")
    to=$registry/dev8-$1:$version-$architecture
    stage "Pushing $to" "minutes the first time"
    "${DOCKER[@]}" tag "$from" "$to"
    run_docker "push $to" push "$to"
    print_digest "${architecture}_digest" tail
}

push_manifest() { # NAME
    local name=$registry/dev8-$1 tag tags part parts=() architecture
    echo "name=$name"
    for architecture in ${ARCHITECTURES:-$("${DOCKER[@]}" version --format '{{.Server.Arch}}')}; do
        part=$name:$version-$architecture
        run_docker "find $part" manifest inspect --verbose "${insecure[@]}" "$part"
        print_digest "${architecture}_digest" head
        parts+=("$part")
    done
    mapfile -t tags < <(list_tags "$1")
    stage "Publishing $name: ${tags[*]}"
    for tag in "${tags[@]}"; do
        # What an interrupted run left behind here would be amended, not made anew.
        "${DOCKER[@]}" manifest rm "$name:$tag" >/dev/null 2>&1 || true
        run_docker "join ${parts[*]}" manifest create "${insecure[@]}" "$name:$tag" "${parts[@]}"
        run_docker "push $name:$tag" manifest push --purge "${insecure[@]}" "$name:$tag"
    done
    print_digest digest tail
}

# Print the digest that docker told of first (head) or last (tail).
print_digest() { # NAME head|tail
    local digest
    digest=$(grep -oE 'sha256:[0-9a-f]{64}' "$log" | "$2" -n 1) || true
    [[ -n $digest ]] || fail "docker told no digest of what it pushed" "all that it said is in $log"
    echo "$1=$digest"
}

log_in() { # USER
    local password
    [[ -n ${1:-} ]] || fail "cannot sign in: no user given" "push.sh login USER <password-file"
    IFS= read -r password || true
    [[ -n $password ]] || fail "cannot sign in to $host: stdin holds no password" "REGISTRY_PASSWORD"
    printf '%s' "$password" |
        run_docker "sign in to $host as $1" login --username "$1" --password-stdin "$host"
    note "signed in to $host as $1"
}

for_each_image() { # COMMAND
    local name
    for name in $images; do "$1" "$name"; done
}

[[ -n $registry ]] || fail "there is no registry to push to" "DOCKER_REGISTRY=ghcr.io/owner"
[[ ${DOCKER[0]} == *docker ]] || fail "cannot push with ${DOCKER[0]}" "docker is needed"
images=$(pick_images)
make_cache
action=${1:-all}
case $action in
    check) check_release ;;
    login) log_in "${2:-}" ;;
    images | manifest | all)
        check_release
        [[ $action == manifest ]] || for_each_image push_image
        [[ $action == images ]] || for_each_image push_manifest
        ;;
    *) fail "unknown action: $action" "check, login USER, images or manifest" ;;
esac
