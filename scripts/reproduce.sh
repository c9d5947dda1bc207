#!/usr/bin/env bash
# Build the images twice and compare them bit for bit: reproduce.sh [NAME]
#
# The second build runs on another day (libfaketime, in the containers of the build), from a copy of
# the sources in another folder and with another umask. Nothing is shared but what pip, npm and apt
# downloaded. buildah sets all times in the layers to one moment, which docker cannot. If a layer
# differs, the files in it that differ are listed. Both images stay in .cache/reproduce; `buildah push
# dir:FOLDER docker://…` publishes one.
#
# Without a word: base, about 5 minutes; mvp, or a variant, about 30. The variables are those of build.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/packages.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
. scripts/lib/images.sh
. scripts/lib/variants.sh

epoch=1700000000
work=$PWD/.cache/reproduce
log=$PWD/.cache/reproduce.log
ca=${CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}

need_programs() {
    local missing=()
    command -v buildah >/dev/null || missing+=(buildah)
    command -v runc >/dev/null || missing+=(runc)
    [[ -n $(find_faketime) ]] || missing+=(libfaketime)
    ((${#missing[@]})) || return 0
    can_install || fail "cannot compare builds: ${missing[*]} missing" "install them, and run as root"
    install_packages "about 10 s" "${missing[@]}"
}

find_faketime() {
    find /usr/lib -path '*/faketime/libfaketimeMT.so.1' 2>/dev/null | head -n 1
}

# Copy what git knows, and what it would add, as somebody with this umask has it. Without the locks on
# the caches: apt deletes the file of buildah 1.28's lock, which is then held for ever.
copy_sources() { # FOLDER UMASK
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard --deduplicate |
        tar --create --null --files-from - --ignore-failed-read 2>/dev/null |
        (umask "$2" && tar --extract --no-same-permissions --directory "$1")
    sed -i 's/,sharing=locked//' "$1"/docker/*/Dockerfile
}

# A build that was interrupted leaves its layers mounted.
release_mounts() {
    awk -v work="$work/" 'index($2, work) == 1 { print $2 }' /proc/mounts | sort -r |
        xargs --no-run-if-empty umount --lazy
}

forget_rounds() {
    release_mounts
    rm -rf "${work:?}"/[12]
}

run_buildah() { # ROUND WORD...
    TMPDIR=$work/tmp CONTAINERS_CONF=$settings \
        buildah --root "$work/$1/store" --runroot "$work/$1/run" --storage-driver overlay "${@:2}"
}

build() { # ROUND FOLDER TARGET NAME OPTION...
    local round=$1 folder=$2 target=$3 name=$4
    stage "Building $name ($round of 2)" "minutes"
    if ! (cd "$source" && run_buildah "$round" bud --layers --format docker --timestamp "$epoch" \
        --runtime "$work/$round/runtime" "${options[@]}" "${@:5}" --target "$target" \
        --file "docker/$folder/Dockerfile" --tag "$name" .) >>"$log" 2>&1 </dev/null; then
        tail -n 30 "$log" >&2
        fail "cannot build $name" "the whole output is in $log"
    fi
}

export_image() { # ROUND NAME
    run_buildah "$1" push --format v2s2 "localhost/$2" "dir:$work/$1/$2" >>"$log" 2>&1
    python3 scripts/seal_image.py "$work/$1/$2"
}

# An image that must differ: it holds the day of its build.
write_control() {
    mkdir -p "$work/control/docker/control"
    # shellcheck disable=SC2016  # the Dockerfile's
    printf '%s\n' 'ARG BASE_IMAGE' 'FROM ${BASE_IMAGE} AS day' 'RUN date +%F >/day' \
        >"$work/control/docker/control/Dockerfile"
}

# Write how containers of this round are run: those of the second live later.
make_runtime() { # ROUND LATER
    local program=$work/$1/runtime
    cat >"$program" <<END
#!/bin/sh
exec python3 "$PWD/scripts/run_later.py" "$2" "$(find_faketime)" "$(command -v runc)" "\$@"
END
    chmod +x "$program"
}

build_round() { # ROUND LATER UMASK FOLDER
    local round=$1 source=$work/$1/$4
    copy_sources "$source" "$3"
    mkdir -p "$work/tmp"
    make_runtime "$round" "$2"
    run_buildah "$round" pull "docker-daemon:$base_id" >>"$log" 2>&1
    source=$work/control build "$round" control day control
    export_image "$round" control
    build "$round" base base dev8-base
    if [[ $image != base ]]; then
        build "$round" base system dev8-base-system # both are there already
        build "$round" base agent dev8-agent
        build "$round" mvp image "dev8-$image" --build-arg "VARIANT=$image" \
            --build-arg "DESCRIPTION=$(describe "$image")" --build-arg SYSTEM_IMAGE=localhost/dev8-base-system \
            --build-arg AGENT_IMAGE=localhost/dev8-agent
    fi
    export_image "$round" "dev8-$image"
    release_mounts
    rm -rf "$work/$round/store" # gigabytes, of which nothing is needed any more
}

image=${1:-base}
check_name "$image"
((EUID == 0)) || fail "cannot compare builds: buildah needs root here" "sudo make reproduce"
make_cache
exec 9>.cache/reproduce.lock
flock 9
: >"$log"
need_programs
settings=$PWD/scripts/lib/containers.conf
base_image=$(scripts/rootfs.sh)
base_id=$("${DOCKER[@]}" image inspect --format '{{.Id}}' "$base_image")
options=(--build-arg "BASE_IMAGE=${base_id#sha256:}" --build-arg "BASE_NAME=${base_image%@*}"
    --build-arg "BASE_DIGEST=$(find_digest "$base_image")" --build-arg VERSION=reproduced)
for name in SUDO AI_TOOLS NODE_MAJOR GO_VERSION JAVA_VERSION DEBIAN_MIRROR DEBIAN_ARCHIVE REFRESH; do
    [[ -z ${!name:-} ]] || options+=(--build-arg "$name=${!name}")
done
[[ -z ${PYTHON_VERSION:-} ]] || options+=(--build-arg "PYTHON=python$PYTHON_VERSION")
[[ ! -s $ca ]] || options+=(--secret "id=ca,src=$ca")

forget_rounds
trap release_mounts EXIT
write_control
build_round 1 0 022 sources
build_round 2 36h 077 else/where
found=$(python3 scripts/differences.py "$work"/{1,2}/control 2>&1) || true
[[ $found == *"day: content"* ]] ||
    fail "the second build was not on another day" "is libfaketime for this architecture?"
python3 scripts/differences.py "$work/1/dev8-$image" "$work/2/dev8-$image"
