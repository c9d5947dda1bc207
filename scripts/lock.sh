#!/usr/bin/env bash
# Write the lock files of Python packages anew, every package with its hashes.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh

uv_version=0.13.9

scripts/venv.sh
stage "Locking requirements" "about 15 s"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
.venv/bin/python -m venv "$tools"
"$tools/bin/pip" install --quiet --disable-pip-version-check "uv==$uv_version"

lock() { # FILE OPTION...
    local file=$1
    shift
    "$tools/bin/uv" pip compile --quiet --upgrade --generate-hashes --no-header \
        --no-emit-index-url --no-emit-find-links --python-version 3.11 \
        --output-file "$tools/lock" "$@"
    { echo "# Made by \`make lock\`. Do not edit."; cat "$tools/lock"; } >"$file"
    note "$file"
}

lock requirements/runtime.txt pyproject.toml
lock requirements/dev.txt pyproject.toml --group dev
lock requirements/outside.txt --group outside
lock requirements/sbom.txt --group sbom
lock requirements/build.txt requirements/build.in
lock docker/base/gh.txt docker/base/gh.in
for file in docker/mvp/*.in docker/mvp/go/*.in tests/programs/*.in; do
    lock "${file%.in}.txt" "$file"
done
