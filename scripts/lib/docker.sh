# shellcheck shell=bash
# Sets the array DOCKER to a command line that builds with BuildKit and runs containers.
#
# Several docker clients may be in PATH: one of 23 or newer builds with BuildKit only if it has
# buildx, an older one has it built in. The first that can do both and whose daemon answers is
# taken, and podman last.

_find_docker() {
    local candidate version
    while read -r candidate; do
        version=$("$candidate" version --format '{{.Client.Version}}' 2>/dev/null) || continue
        if "$candidate" buildx version >/dev/null 2>&1 || ((${version%%.*} < 23)); then
            DOCKER=("$candidate")
            return
        fi
    done < <(type -ap docker)
    if command -v podman >/dev/null && podman info >/dev/null 2>&1; then
        DOCKER=(podman)
        # HEALTHCHECK is in docker's image format only.
        export BUILDAH_FORMAT=docker
        if ((EUID == 0)) && [[ -d /sys/fs/cgroup/unified ]]; then
            export CONTAINERS_CONF=$PWD/scripts/lib/containers.conf
        fi
        return
    fi
    echo "cannot find a container engine that answers; run: make engine" >&2
    return 1
}

export DOCKER_BUILDKIT=1
# An image is one manifest, as scripts/push.sh joins them; newer clients would wrap it in a list.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1
DOCKER=()
_find_docker
