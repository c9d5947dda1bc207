# shellcheck shell=sh
# Read by login shells and, from /etc/bash.bashrc, by interactive ones.
case $(export -p) in
    *" PATH="*) ;;
    *) PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/home/dev8/.local/bin:/home/dev8/.bun/bin:/home/dev8/.cargo/bin ;;
esac
export PATH # bash and dash search one that they were not given, and keep it to themselves
if [ "$(id -u)" = 0 ]; then
    # What lies in the user's home is not for root to run.
    PATH=$(printf '%s' "$PATH" | sed -E 's,(^|:)/home/dev8/[^:]*,,g; s,^:,,')
else
    if [ "${HOME:-/}" = / ]; then
        # Engines give HOME=/ to a uid that the image does not know.
        export HOME=~dev8
    fi
    # People install newer tools than the image's; the agent orders the PATH of what it starts itself.
    for folder in .cargo/bin .bun/bin .local/bin; do
        folder=$HOME/$folder
        case :$PATH: in
            *":$folder:"*)
                PATH=:$PATH:
                PATH=${PATH%%":$folder:"*}:${PATH#*":$folder:"}
                PATH=${PATH#:}
                PATH=$folder:${PATH%:}
                PATH=${PATH%:}
                ;;
        esac
    done
    unset folder
fi
if [ -n "${BASH_VERSION:-}" ]; then
    # Tab reads the completion when it is first needed.
    _devcopilot() {
        # shellcheck source=/dev/null # made with the image
        . /usr/share/bash-completion/completions/devcopilot && return 124 # bash asks again
    }
    # shellcheck disable=SC3044 # in bash only
    complete -F _devcopilot devcopilot
fi
