#!/bin/sh
# Compile all Python in FOLDER...: compile-python.sh PYTHON FOLDER...
#
# The root file system may be read-only, so that no start could keep what it compiles. Without
# timestamps, so that the same input gives the same bytes.
set -eu
python=$1
shift
# Some packages have files that are for other Pythons only, and cannot be compiled.
"$python" -W ignore -m compileall -qq -j 0 --invalidation-mode unchecked-hash "$@" || true
