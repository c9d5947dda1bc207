#!/usr/bin/env bash
# Write the lock files in requirements/ anew from pyproject.toml, every package with its hashes.
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
    local file=requirements/$1
    shift
    "$tools/bin/uv" pip compile --quiet --upgrade --generate-hashes --no-header \
        --no-emit-index-url --no-emit-find-links --python-version 3.11 \
        --output-file "$tools/lock" "$@"
    { echo "# Made by \`make lock\`. Do not edit."; cat "$tools/lock"; } >"$file"
    note "$file"
}

lock runtime.txt pyproject.toml
lock dev.txt pyproject.toml --group dev
lock browser.txt --group browser
