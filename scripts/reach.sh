#!/usr/bin/env bash
# Tell whether other users can read this clone: as root, some tests run as one.
#
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

((EUID == 0)) && command -v setpriv >/dev/null || exit 0
file=$(find_closed_file)
[[ -z $file ]] || fail "tests cannot run as another user: others may not read $file" \
    "umask 022, and clone again"
folder=$(find_closed_folder)
[[ -z $folder ]] || fail "tests cannot run as another user: others may not enter $folder" \
    "chmod o+x $(printf %q "$folder"), or clone into a folder that is open to all"
