#!/usr/bin/env bash
# Make .venv from requirements/dev.txt, unless it is there and current.
#
# Python is picked on purpose: the first `python3` in PATH may be a shim, or lack venv. One under a
# folder that only we can enter is passed over, since tests also run it as other users.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/packages.sh

lock=requirements/dev.txt
stamp=.venv/made-from

# Print the real path of the interpreter, if it is one that we can use.
try_python() { # CANDIDATE
    local real
    real=$("$1" -I -c '
import sys, venv, ensurepip
assert (3, 11) <= sys.version_info < (3, 14)
print(sys.executable)' 2>/dev/null) || return 1
    if ((EUID == 0)); then
        setpriv --reuid 65534 --regid 65534 --clear-groups "$real" -I -c '' 2>/dev/null || return 1
    fi
    printf '%s\n' "$real"
}

find_python() {
    local candidate names=(python3.11 python3.12 python3.13 python3)
    for candidate in ${PYTHON:+"$PYTHON"} "${names[@]/#//usr/bin/}" \
        $(type -ap "${names[@]}" || true); do
        try_python "$candidate" && return
    done
    return 1
}

install_python() {
    can_install || fail "cannot find Python 3.11 to 3.13 with its venv module" \
        "install it, or name one: PYTHON=/path/to/python3 make …"
    if has_package python3.11-venv; then
        install_packages "about 20 s" python3.11 python3.11-venv
    else
        install_packages "about 20 s" python3 python3-venv
    fi
}

make_venv() { # PYTHON
    stage "Making .venv with $1" "about 30 s"
    rm -rf .venv
    "$1" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
        --require-hashes --requirement "$lock" 2>.cache/pip.log ||
        { tail -n 20 .cache/pip.log >&2; fail "cannot install $lock" "see .cache/pip.log"; }
    # The tree itself is what is run and tested, from any folder and in isolated mode.
    pwd >"$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/tree.pth"
}

make_cache
exec 9>.cache/venv.lock
flock 9
wanted=$(cat "$lock" <(pwd) | sha256sum)
if [[ $(cat "$stamp" 2>/dev/null) == "$wanted" ]] && .venv/bin/python -c '' 2>/dev/null; then
    exit
fi
python=$(find_python) || { install_python && python=$(find_python); } ||
    fail "cannot find Python 3.11 to 3.13 with its venv module"
make_venv "$python"
printf '%s\n' "$wanted" >"$stamp"
