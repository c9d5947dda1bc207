# shellcheck shell=sh
# Read by login shells and, from /etc/bash.bashrc, by interactive ones.
if [ "$(id -u)" = 0 ]; then
    # What lies in the user's home is not for root to run: the image's PATH ends there.
    PATH=$(printf '%s' "$PATH" | sed -E 's,(^|:)/home/dev8/[^:]*,,g; s,^:,,')
elif [ "$HOME" = / ]; then
    # Engines give HOME=/ to a uid that the image does not know.
    HOME=~dev8
fi
