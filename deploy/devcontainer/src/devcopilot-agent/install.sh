#!/bin/sh
# Put the agent into an image. A devcontainer client runs it as root, with the options in capitals
# and _REMOTE_USER, who works in the container. Everything but packages of the distribution lies beside
# this script; scripts/feature.sh puts it there. A second run replaces what the first one did.
set -eu
umask 022 # everybody runs what is installed, and nobody else may change it
cd "$(dirname "$0")"
top=/opt/devcopilot
share=/usr/local/share/devcopilot

fail() { # MESSAGE HINT
    echo "error: cannot install the DevCopilot agent: $1 ($2)" >&2
    exit 1
}

note() { echo "devcopilot-agent: $*" >&2; }

# --- what the image has ---------------------------------------------------------------------------

# Print a Python that we have wheels for, and that others than root can run.
find_python() {
    for folder in /usr/bin /usr/local/bin; do
        for name in python3.13 python3.12 python3.11 python3; do
            "$folder/$name" -I -c '
import sys, venv
assert (3, 11) <= sys.version_info < (3, 14) and not sys.executable.startswith("/root")
print(sys.executable)' 2>/dev/null && return
        done
    done
    return 1
}

describe_system() { sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release; }

# Print the packages that the image lacks. The agent also starts without git and sshd, but they make
# it a workspace.
list_missing() {
    if ! find_python >/dev/null; then
        # shellcheck source=/dev/null
        case $(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}") in
            "ubuntu 22.04") echo python3.11 ;;
            *) echo python3 ;;
        esac
    fi
    [ "${PACKAGES:-true}" = true ] || return 0
    command -v git >/dev/null || echo git ca-certificates
    [ -x /usr/sbin/sshd ] || echo openssh-server openssh-client
    command -v ps >/dev/null || echo procps
}

# What apt says is shown only when it fails.
install_packages() { # NAME…
    note "installing $* with apt"
    apt_log=$(mktemp)
    if { apt-get update && DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "$@" && apt-get clean; } >"$apt_log" 2>&1; then
        rm -rf "$apt_log" /var/lib/apt/lists/*
        rm -f /etc/ssh/ssh_host_* # they would be the same in every container; the agent makes its own
        return
    fi
    tail -n 5 "$apt_log" >&2
    rm "$apt_log"
    return 1
}

prepare_image() {
    # shellcheck disable=SC2046  # a name each
    set -- $(list_missing)
    if [ $# -gt 0 ]; then
        if ! command -v apt-get >/dev/null; then
            note "there is no apt here to install $* with"
        elif ! install_packages "$@"; then
            note "continuing without $*"
        fi
    fi
    python=$(find_python) || fail "there is no Python 3.11 to 3.13 in $(describe_system)" \
        "use an image of Debian 12, Ubuntu 22.04 or newer, or install Python in it first"
}

# --- what we bring --------------------------------------------------------------------------------

install_agent() {
    rm -rf "$top"
    "$python" -I -m venv --without-pip "$top"
    "$python" -I "$(echo "$PWD"/wheels/pip-*.whl)/pip" --isolated --python "$top/bin/python" \
        install --quiet --no-index --find-links wheels --require-hashes --no-compile \
        --no-cache-dir --root-user-action ignore --disable-pip-version-check \
        --requirement requirements.txt ||
        fail "pip cannot install it for $("$python" --version) on $(uname -m)" \
            "x86_64 and aarch64 with glibc 2.34 or newer"
    # -I: a PYTHONPATH in the container's environment is for the user's programs, not for the agent.
    sed -i '1s/$/ -I/' "$top/bin/devcopilot"
    # Here, since the root file system may be read-only when it runs.
    "$top/bin/python" -I -m compileall -q -j 0 --invalidation-mode unchecked-hash "$top/lib"
    mkdir -p "$share"
    cp entrypoint start "$share/"
    chmod 0644 "$share/entrypoint"
    chmod 0755 "$share/start"
    # With modes of our own: whoever unpacked this may have had a umask that closes all to others.
    tar --create --directory system --owner 0 --group 0 --mode go=u-w . |
        tar --extract --directory / --no-overwrite-dir --keep-directory-symlink --preserve-permissions
    ln -sf "$top/bin/devcopilot" /usr/local/bin/devcopilot
}

# The real gh lies where the agent's own, which stands before it, looks for one last.
install_gh() {
    if [ "${GH:-true}" = true ] && ! command -v gh >/dev/null; then
        mkdir -p /opt/gh/bin
        mv "$top/bin/gh" /opt/gh/bin/gh
    else
        rm "$top/bin/gh"
    fi
    helper=$("$top/bin/python" -I -c 'import agent; print(*agent.__path__)')/github/helpers/gh
    if [ -L /usr/local/bin/gh ] || ! [ -e /usr/local/bin/gh ]; then
        ln -sf "$helper" /usr/local/bin/gh
    else
        note "/usr/local/bin/gh stays: it is used in place of the agent's, which keeps its token fresh"
    fi
}

install_restic() {
    [ "${RESTIC:-true}" = true ] && ! command -v restic >/dev/null || return 0
    case $(uname -m) in
        x86_64) architecture=amd64 ;;
        aarch64) architecture=arm64 ;;
    esac
    gunzip -c "restic/$architecture.gz" >/usr/local/bin/restic
    chmod 0755 /usr/local/bin/restic
}

# --- what git, ssh and shells have to know --------------------------------------------------------

add_lines() { # FILE MARK: adds stdin unless the file holds the mark
    if grep -qsF "$2" "$1"; then cat >/dev/null; else cat >>"$1"; fi
}

connect_programs() {
    add_lines /etc/gitconfig devcopilot/gitconfig <gitconfig
    if [ -f /etc/bash.bashrc ] && ! grep -qF profile.d/session.sh /etc/bash.bashrc; then
        sed -i '1i . /etc/profile.d/session.sh' /etc/bash.bashrc
    fi
}

write_options() {
    cat >"$share/options" <<END
devcopilot_pid1=${PID1:-true}
devcopilot_user=${_REMOTE_USER:-root}
END
}

# --- who works in it ------------------------------------------------------------------------------

# Print a user for people: not of the system's, and not nobody.
find_user() {
    awk -F : '$3 >= 1000 && $3 < 60000 { print $1; exit }' /etc/passwd
}

is_root() { # USER
    [ "$(id -u "$1" 2>/dev/null)" = 0 ]
}

warn_of_root() {
    is_root "${_REMOTE_USER:-root}" && is_root "${_CONTAINER_USER:-root}" || return 0
    user=$(find_user)
    note "warning: the agent will run as root, and its sshd cannot: the workspace will never be ready"
    if [ -n "$user" ]; then
        note "  set \"remoteUser\": \"$user\" in devcontainer.json"
    else
        note "  add a user to the image (RUN useradd --create-home --shell /bin/bash dev), and set" \
            "\"remoteUser\": \"dev\" in devcontainer.json"
    fi
    note "  or, to do without ssh, set \"containerEnv\": {\"DEV8_SSH\": \"off\"}"
}

[ "$(id -u)" = 0 ] || fail "this is not root" "a devcontainer client runs this as root"
if [ -e "$top" ] && ! [ -e "$share/options" ]; then
    fail "the image has the agent already" "remove this Feature from devcontainer.json"
fi
prepare_image
install_agent
install_gh
install_restic
connect_programs
write_options
note "$(/usr/local/bin/devcopilot version) for $(id -un "${_REMOTE_USER:-root}"), on $("$python" --version)"
warn_of_root
