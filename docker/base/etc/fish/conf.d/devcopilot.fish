# Read by every fish that a distribution packages. What bash has in profile.d/session.sh of it.

# The agent's runtime folder. Everybody can make one in /dev/shm, under root's name too: in another
# user's folder even a link to a file of ours is not to be trusted.
set -l devcopilot $DEV8_RUNTIME_DIR
test -n "$devcopilot"; or set devcopilot /dev/shm/devcopilot-(id -u)
if not test -O "$devcopilot"; or test -L "$devcopilot"
    set devcopilot /dev/null # holds nothing
end

# What sshd's configuration cannot hold of the environment.
if set -q SSH_CONNECTION; and test -O "$devcopilot/ssh/session.fish"
    source "$devcopilot/ssh/session.fish"
end

# The certificates of DEV8_CA_FILE, for who comes by `docker exec` and has no environment of ours.
if test -O "$devcopilot/certificates/profile.fish"
    source "$devcopilot/certificates/profile.fish"
end

# remoteEnv of a devcontainer.json that the user trusts.
if test -O "$devcopilot/remote-env.fish"
    source "$devcopilot/remote-env.fish"
end

# People who log in by ssh: not who starts a further shell there, nor programs, which have no terminal.
set -l logs_in no
if status is-interactive; and set -q SSH_CONNECTION; and test "$SHLVL" = 1
    set logs_in yes
end

# postAttachCommand waits for the first shell of a person; the agent's own are none, nor are scripts.
if status is-interactive; or set -q SSH_CONNECTION
    if test -O "$devcopilot/units/attach.wanted"; and test -z "$DEVCOPILOT"
        touch "$devcopilot/units/attach.seen" "$devcopilot/units/poke"
    end
end

# DEV8_SSH_WAIT: people who log in see what is still being set up, and go on at Enter. bash waits, as
# in profile.d/session.sh: fish cannot look for a key and at a process in turn.
set -l wait "$devcopilot/ssh/wait"
if test $logs_in = yes; and status is-login; and test -O "$wait"; and not test -e "$wait.over"
    and test -n "$SSH_TTY"; and test (tty) = "$SSH_TTY"
    status job-control full # Ctrl-C is for bash, not for what fish still has to read
    bash --norc --noprofile -c '
        modes=$(stty -g)
        trap "exit 0" INT
        trap "kill -KILL \$! 2>/dev/null && echo >&2; stty \"\$modes\"" EXIT
        stty -echo
        devcopilot wait --login </dev/null &
        while kill -0 $! 2>/dev/null; do
            if read -t 0; then # Enter, or the end of the input
                read -r
                break
            fi
            sleep 0.2
        done
    '
    status job-control interactive
end

# People who log in start in the project; programs, which have no terminal, start in the home.
if test $logs_in = yes; and test "$PWD" = "$HOME"; and test -O "$devcopilot/project"
    if read -l project <"$devcopilot/project"; and test -d "$project"
        cd "$project"
    end
end
