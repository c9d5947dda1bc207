# shellcheck shell=bash
# Makes venvs of tools that the project's own venv does without. Needs messages.sh and files.sh.

# Make .cache/NAME from requirements/NAME.txt, unless it is there and current.
install_tools() { # NAME WHAT EXPECTED_TIME
    local lock=requirements/$1.txt folder=.cache/$1
    [[ $(cat "$folder/made-from" 2>/dev/null) != "$(sha256sum <"$lock")" ]] || return 0
    stage "Installing $2" "$3"
    scripts/venv.sh
    rm -rf "$folder"
    .venv/bin/python -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check --require-hashes \
        --only-binary :all: --requirement "$lock"
    sha256sum <"$lock" >"$folder/made-from"
}
