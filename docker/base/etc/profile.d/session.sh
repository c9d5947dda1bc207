# shellcheck shell=bash
# Read by every bash that sshd starts, by login shells and by interactive ones. A login shell may also
# be another sh, like dash: it must be able to parse the whole file. Some run with `set -eu`.

# The agent's runtime folder. Everybody can make one in /dev/shm, under root's name too: in another
# user's folder even a link to a file of ours is not to be trusted.
devcopilot=${DEV8_RUNTIME_DIR:-/dev/shm/devcopilot-${UID:-$(id -u)}} # dash has no UID
if ! [ -O "$devcopilot" ] || [ -L "$devcopilot" ]; then
    devcopilot=/dev/null # holds nothing
fi

# What sshd's configuration cannot hold of the environment.
if [ -n "${SSH_CONNECTION-}" ] && [ -O "$devcopilot/ssh/session.sh" ]; then
    # shellcheck source=/dev/null # made at the start of the container
    . "$devcopilot/ssh/session.sh"
fi

# The certificates of DEV8_CA_FILE, for who comes by `docker exec` and has no environment of ours.
certificates=$devcopilot/certificates/profile.sh
if [ -O "$certificates" ]; then
    # shellcheck source=/dev/null # made at the start of the container
    . "$certificates"
fi
unset certificates

# remoteEnv of a devcontainer.json that the user trusts.
remote_env=$devcopilot/remote-env.sh
if [ -O "$remote_env" ]; then
    # shellcheck source=/dev/null # made at the start of the container
    . "$remote_env"
fi
unset remote_env

# postAttachCommand waits for the first shell of a person; the agent's own are none.
units=$devcopilot/units
if [ -O "$units/attach.wanted" ] && [ -z "${DEVCOPILOT-}" ]; then
    touch "$units/attach.seen" "$units/poke" || true
fi
unset units

# DEV8_SSH_WAIT: people who log in see what is still being set up, and go on at Enter. Programs never
# wait: they have no terminal of sshd's, or run a command in it. /etc/profile reads this file twice.
wait=$devcopilot/ssh/wait
if [ -n "${BASH_VERSION-}" ] && [ -n "${SSH_TTY-}" ] && [ "${SHLVL-}" = 1 ] && [ -O "$wait" ] &&
    ! [ -e "$wait.over" ] && [ "${BASH_SOURCE[1]-}" = /etc/profile ] && [[ $- = *i* ]] &&
    [ "$(tty)" = "$SSH_TTY" ]; then
    (
        modes=$(stty -g)
        trap 'exit 0' INT # bash reads the rest of the start-up files all the same
        trap 'kill -KILL $! 2>/dev/null && echo >&2; stty "$modes"' EXIT # bash has it ignore TERM
        stty -echo
        devcopilot wait --login </dev/null &
        while kill -0 $! 2>/dev/null; do
            # Not `read -t 0.2`: on a busy machine bash may read the key and still say "too late".
            if read -t 0; then # Enter, or the end of the input
                read -r
                break
            fi
            sleep 0.2
        done
    )
fi
unset wait

# People who log in start in the project; programs, which have no terminal, start in the home.
project=$devcopilot/project
case $- in *i*)
    if [ -n "${SSH_CONNECTION-}" ] && [ "${SHLVL-}" = 1 ] && [ "$PWD" = "${HOME-}" ] && [ -O "$project" ] &&
        IFS= read -r project <"$project" && [ -d "$project" ]; then
        cd "$project" || true
    fi
    ;;
esac
unset project devcopilot

# Programs that draw refuse a terminal that nothing describes. Most new ones take what xterm takes.
if [ -n "${TERM-}" ] && ! [ -e "/lib/terminfo/${TERM%"${TERM#?}"}/$TERM" ] && ! infocmp >/dev/null 2>&1; then
    case $TERM in
        screen* | tmux*) TERM=screen-256color ;;
        *) TERM=xterm-256color ;;
    esac
fi
