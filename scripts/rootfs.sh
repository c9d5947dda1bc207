#!/usr/bin/env bash
# Print the name of the image that the builds start from.
#
# That is BASE_IMAGE (ubuntu:22.04) where it is here or can be pulled, with the digest that
# docker/base/images.txt pins: not what its name may mean today. Elsewhere it is a Debian 12
# bootstrapped from Debian's packages: the same input gives the same bytes, and it is kept in
# .cache/rootfs under a hash of how it was made, so that it is made once.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/packages.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
. scripts/lib/images.sh

wanted=${BASE_IMAGE:-ubuntu:22.04}
suite=bookworm
packages=ca-certificates
epoch=1700000000
path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# The host's own Debian mirrors for the suite, as lines of sources.list; nothing on other hosts:
# then mmdebstrap takes Debian's defaults.
list_mirrors() {
    command -v apt-get >/dev/null || return 0
    # shellcheck disable=SC2016  # the fields are apt's
    apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(REPO_URI) $(CODENAME)' \
        'Created-By: Packages' 2>/dev/null |
        awk -v suite="$suite" '
            $1 == "Debian" && $2 == "main" && $4 ~ "^" suite "(-updates|-security)?$" {
                print "deb " $3 " " $4 " main"
            }' | sort -u
}

bootstrap() { # TAR
    local tar=$1 mirrors
    mapfile -t mirrors < <(list_mirrors)
    # The excludes are those of Debian's and Ubuntu's own container images.
    SOURCE_DATE_EPOCH=$epoch mmdebstrap --quiet --variant=minbase --include="$packages" \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        "$suite" "$tar.new.tar" "${mirrors[@]}" </dev/null >&2
    sha256sum <"$tar.new.tar" >"$tar.sha256"
    mv "$tar.new.tar" "$tar"
}

pin=$(find_pin "$wanted")
reference=$wanted${pin:+@$pin}
if "${DOCKER[@]}" image inspect "$reference" >/dev/null 2>&1 ||
    "${DOCKER[@]}" pull --quiet "$reference" >/dev/null 2>&1; then
    [[ $reference == *@sha256:* ]] ||
        note "$images_lock has no digest of $wanted: building on what that name means today"
    echo "$reference"
    exit
fi

key=$({ declare -f bootstrap; echo "$suite $packages $epoch"; } | sha256sum | cut -c1-12)
image=dev8-rootfs:$suite-$key
note "$reference cannot be pulled: building on Debian 12 from Debian's packages instead ($image)"
mkdir -p .cache/rootfs
exec 8>.cache/rootfs/lock # two at once would write into one file
flock 8
if ! "${DOCKER[@]}" image inspect "$image" >/dev/null 2>&1; then
    tar=.cache/rootfs/$suite-$key.tar
    if ! { [ -s "$tar" ] && sha256sum --check --status "$tar.sha256" <"$tar"; }; then
        if ! command -v mmdebstrap >/dev/null; then
            can_install || fail "cannot bootstrap Debian: mmdebstrap is missing" "install it"
            install_packages "about 10 s" mmdebstrap
        fi
        stage "Bootstrapping Debian $suite" "about 45 s"
        bootstrap "$tar"
    fi
    # Without PATH in the image, podman's `play kube` finds no program.
    "${DOCKER[@]}" import --change "ENV PATH=$path" --change 'CMD ["/bin/bash"]' \
        "$tar" "$image" >/dev/null
fi
echo "$image"
