#!/bin/sh
# Make the environment FOLDER from the lock file LOCK: make-venv.sh LOCK FOLDER
#
# Nothing is compiled here: what is trimmed first needs no bytecode.
set -eu
"$PYTHON" -m venv --without-pip "$2"
/build/venv/bin/uv pip install --quiet --python "$2/bin/python" --link-mode copy \
    --require-hashes --no-build --requirements "$1"
rm -f "$2/.lock" # everybody could write it
