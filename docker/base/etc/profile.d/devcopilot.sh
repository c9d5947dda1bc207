# shellcheck shell=sh
# Read by login shells and, from /etc/bash.bashrc, by interactive ones.
if [ "$(id -u)" = 0 ]; then
    # What lies in the user's home is not for root to run: the image's PATH ends there.
    PATH=$(printf '%s' "$PATH" | sed -E 's,(^|:)/home/dev8/[^:]*,,g; s,^:,,')
elif [ "$HOME" = / ]; then
    # Engines give HOME=/ to a uid that the image does not know.
    HOME=~dev8
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
