# shellcheck shell=bash
# What every script says, and how: stages and notes on stderr, one line each.

stage() { # TEXT [EXPECTED TIME]
    printf '==> %s%s\n' "$1" "${2:+ ($2)}" >&2
}

note() { # TEXT
    printf '    %s\n' "$1" >&2
}

fail() { # MESSAGE [HINT]
    printf 'error: %s%s\n' "$1" "${2:+ ($2)}" >&2
    exit 1
}

# Wait until the command succeeds; returns 1 at the deadline.
wait_for() { # SECONDS COMMAND...
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}
