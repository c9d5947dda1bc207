# shellcheck shell=sh
# Read by every bash that sshd starts, by login shells and by interactive ones: programs that draw
# refuse a terminal that nothing describes. Most that are new take what xterm takes.
if [ -n "$TERM" ] && ! [ -e "/lib/terminfo/${TERM%"${TERM#?}"}/$TERM" ] && ! infocmp >/dev/null 2>&1; then
    case $TERM in
        screen* | tmux*) TERM=screen-256color ;;
        *) TERM=xterm-256color ;;
    esac
fi
