# Puts on record who was given a token; git's helper and gh's wrapper read this file.
# `devcopilot audit` prints the record: agent/github/audit.py says what is in it, and adds to it, too.
# No token passes here. Nothing but the shell's own commands: git waits for it at every fetch and push.
# What cannot be written is not on record: a full disk keeps nobody from a token.
# shellcheck shell=sh disable=SC2154  # $runtime is set by whoever reads this file

tab='	'
blocks=250 # of 512 bytes; a full record is kept until the next one is full, too
uptime=''

# Find the first parent that is neither a shell nor of git, and the repository that git fetches.
find_asker() {
    asker=$PPID program='' through='' depth=0
    while [ "$asker" -gt 0 ] && read -r program <"/proc/$asker/comm" && [ "$depth" -lt 16 ]; do
        case $program in
        *[!a-z-]*) break ;;
        git-remote-http*) [ -n "$repository" ] || find_repository ;;
        git | git-* | sh | dash | ash | bash | zsh | ksh | fish | busybox) ;;
        *) break ;;
        esac
        through="${through:+$through }$program:$asker"
        key='' parent=''
        while IFS="$tab " read -r key parent && [ "$key" != PPid: ]; do :; done <"/proc/$asker/status"
        asker=${parent:-0} program='' depth=$((depth + 1))
    done
}

# Set the repository from the last argument of git's transport, a URL that may hold a password.
# `read` drops the NULs between the arguments.
find_repository() {
    url=''
    read -r url <"/proc/$asker/cmdline"
    case $url in *https://*/*) url=${url##*https://} ;; *) return ;; esac
    place=${url%%/*} place=${place##*@}
    case ${place%:443} in "$host" | "gist.$host") repository=${url#*/} ;; esac
}

append() { # WAY HOST
    printf '%s\t%s\t%.300s\t%s\t%s\t%.300s\t%s\n' "$uptime" "$1" "$2" "$asker" "$through" \
        "$repository" "$program" >>"$runtime/audit"
}

# Begin a new record if this one is full still: others may have done so meanwhile.
begin_new() {
    # shellcheck disable=SC2016  # of the inner shell
    flock -w 5 "$runtime/audit.lock" sh -c \
        'if [ -f "$1" ] && [ "$(wc -c <"$1")" -ge "$2" ]; then mv -f "$1" "$1.old"; fi' sh \
        "$runtime/audit" $((blocks * 512))
}

# Add a line. It limits the size of all files of this shell: whoever writes more begins another one.
record() { # WAY HOST [REPOSITORY]
    repository=$3
    if [ -z "$uptime" ]; then IFS='. ' read -r uptime rest </proc/uptime; fi # known if the token ends
    find_asker
    repository=${repository%%[?#"$tab"]*}
    umask 077
    trap '' XFSZ
    ulimit -f "$blocks"
    append "$1" "$2" || { begin_new && append "$1" "$2"; }
} 2>/dev/null
