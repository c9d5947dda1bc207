#!/usr/bin/env bash
# Say which parts of the project a range of commits touches: changes.sh BASE [HEAD]
#
# Prints NAME=true or NAME=false for each part; one is touched as well if what it is made of is. The
# range begins where HEAD left BASE: all its commits count, and nothing that only BASE has. Everything
# is touched where that is not known (a new branch has no base, a shallow clone lacks it), and by a
# file that no pattern below knows.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh

parts=(agent base mvp tests docs workflows)
declare -A touched
for part in "${parts[@]}"; do touched[$part]=false; done

mark() { # PART...
    local part
    for part; do touched[$part]=true; done
}

classify() { # FILE
    case $1 in
        agent/* | LICENSE | pyproject.toml | requirements/runtime.txt | requirements/build.*)
            mark agent base mvp
            ;;
        *.md | docs/*) mark docs ;;
        docker/base/* | docker/with-ca.sh | .dockerignore) mark base mvp ;;
        scripts/build.sh | scripts/rootfs.sh | scripts/lib/*) mark base mvp ;;
        docker/mvp/* | docker/variants/*) mark mvp ;;
        docker/compose.yaml | docker/.env.example | docker/secrets/* | deploy/*) mark tests ;;
        tests/* | requirements/*) mark tests ;;
        scripts/* | Makefile | .ci/* | .github/*) mark workflows ;;
        .editorconfig | .gitignore | .hadolint.yaml) mark workflows ;;
        *) mark "${parts[@]}" ;;
    esac
}

base=${1:-} head=${2:-HEAD}
git rev-parse --quiet --verify "$head^{commit}" >/dev/null ||
    fail "cannot find the commit $head" "changes.sh BASE [HEAD]"
if [[ -n $base ]] && fork=$(git merge-base "$base" "$head" 2>/dev/null); then
    while read -r file; do
        classify "$file"
    done < <(git -c core.quotePath=off diff --name-only --no-renames "$fork" "$head")
else
    note "no common commit with '$base' is known here: everything counts as changed"
    mark "${parts[@]}"
fi
for part in "${parts[@]}"; do echo "$part=${touched[$part]}"; done
