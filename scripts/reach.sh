#!/usr/bin/env bash
# Tell whether other users can read this clone: as root, some tests run as one. reach.sh [open]
#
# open  lets others pass through the folders above it first, on machines that are thrown away
# Exit 1, with one line that names what is closed and what opens it, if they cannot. Who is not root
# cannot be somebody else, and is not asked.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }

# Print the first folder on the way to this clone, or itself, that others may not enter.
find_closed_folder() {
    local folder='' part parts
    IFS=/ read -ra parts <<<"${PWD#/}"
    for part in "${parts[@]}"; do
        folder+=/$part
        as_nobody test -x "$folder" || { printf '%s\n' "$folder"; return; }
    done
}

# Print the first of the agent's files whose mode closes it to others, as a umask of 077 does.
find_closed_file() {
    find "$PWD/agent" \( ! -perm -o=r -o -type d ! -perm -o=x \) -print -quit
}

open_folders() {
    local folder
    while folder=$(find_closed_folder) && [[ -n $folder ]]; do
        note "opening $folder to others: chmod o+x"
        chmod o+x "$folder"
    done
}

case ${1:-check} in
    check | open) ;;
    *) fail "unknown action: $1" "open, or nothing" ;;
esac
((EUID == 0)) && command -v setpriv >/dev/null || exit 0
[[ ${1:-} != open ]] || open_folders
file=$(find_closed_file)
[[ -z $file ]] || fail "tests cannot run as another user: others may not read $file" \
    "umask 022, and clone again"
folder=$(find_closed_folder)
[[ -z $folder ]] || fail "tests cannot run as another user: others may not enter $folder" \
    "chmod o+x $(printf %q "$folder"), or clone into a folder that is open to all"
