#!/usr/bin/env bash
# Run every static check, one line each; what failed is shown in full. Exit 1 if any failed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/packages.sh

scripts/venv.sh
PATH=$PWD/.venv/bin:$PATH
failed=0
if ! command -v shellcheck >/dev/null; then # its package is for x86_64 alone
    can_install || fail "cannot find shellcheck" "install it"
    install_packages "about 5 s" shellcheck
fi

check() { # NAME COMMAND...
    local name=$1 output start=${EPOCHREALTIME/./} result=ok
    shift
    if ! output=$("$@" 2>&1 </dev/null); then
        result=FAILED
        failed=$((failed + 1))
    fi
    printf '%-6s  %-10s %5d ms\n' "$result" "$name" $(((${EPOCHREALTIME/./} - start) / 1000))
    [[ $result == ok ]] || printf '%s\n' "$output"
}

# Tracked files and new ones alike.
list_files() { # PATTERN...
    git ls-files --cached --others --exclude-standard -- "$@" | while read -r file; do
        [[ ! -f $file ]] || printf '%s\n' "$file"
    done
}

check_shell() {
    local scripts
    mapfile -t scripts < <(list_files | xargs awk '
        /^#!.*[ \/](ba|da)?sh( |$)/ || FILENAME ~ "/profile[.]d/" { print FILENAME }
        { nextfile }')
    shellcheck --external-sources --check-sourced "${scripts[@]}"
}

check_dockerfiles() {
    local files
    mapfile -t files < <(list_files '*Dockerfile')
    ((${#files[@]} == 0)) || hadolint "${files[@]}"
}

# What else only GitHub, or a Compose, would find out. (`set -e` does not hold in here.)
check_workflows() {
    zizmor --offline --no-progress --quiet --persona pedantic .github &&
        check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml &&
        check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml &&
        check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml deploy/compose/compose.yaml
}

# The settings' reference and the table of old variables are written from the code.
check_documents() {
    python scripts/documents.py
}

# Which mirror a package came from is the builder's business: locks hold hashes, never addresses.
check_mirrors() {
    local hosts found
    hosts='registry\.(npmjs|yarnpkg)\.(org|com)|[a-z]+\.debian\.org|(archive|ports)\.ubuntu\.com'
    hosts+='|pypi\.org/simple|files\.pythonhosted\.org'
    found=$(list_files | xargs grep -nEI "$hosts") || true
    printf '%s' "$found"
    [[ -z $found ]]
}

check format ruff format --check --output-format concise .
check lint ruff check --output-format concise .
check types mypy
check shell check_shell
check docker check_dockerfiles
check workflows check_workflows
check documents check_documents
check mirrors check_mirrors
python scripts/figures.py
if ((failed)); then
    fail "$failed of the checks failed" "ruff format . and ruff check --fix . fix what they can"
fi
