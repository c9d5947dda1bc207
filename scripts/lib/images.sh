# shellcheck shell=bash
# What an image is, beside its name, which may mean another one tomorrow. Needs docker.sh.

images_lock=docker/base/images.txt

# Print the digest that is pinned for a name; nothing if none is.
find_pin() { # NAME
    awk -v name="$1" '$1 == name && $2 ~ /^sha256:/ { print $2 }' "$images_lock"
}

# Print the digest by which its registry knows an image that is here; nothing if it was made here.
find_digest() { # NAME
    local repository
    repository=$(sed -E 's/@.*//; s,:[^:/]*$,,' <<<"$1")
    "${DOCKER[@]}" image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$1" |
        awk -F @ -v name="$repository" '$1 == name || $1 ~ "/" name "$" { print $2; exit }'
}

# Print what a base is called in a tag: debian-12 for registry.example.com/debian:12@sha256:…
name_base() { # NAME
    local name=${1##*/}
    case $name in
        dev8-rootfs:bookworm*) name=debian:12 ;; # scripts/rootfs.sh
    esac
    name=${name%@*}
    echo "${name/:/-}"
}
