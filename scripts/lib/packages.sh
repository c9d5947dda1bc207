# shellcheck shell=bash
# Installs packages of Debian or Ubuntu where we may, and says so. Needs messages.sh
# and files.sh.

can_install() { # exits 0 if we are root on a system with apt
    ((EUID == 0)) && command -v apt-get >/dev/null
}

has_package() { # NAME
    compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || apt-get update >/dev/null 2>&1 || true
    apt-cache show "$1" >/dev/null 2>&1
}

install_packages() { # EXPECTED_TIME PACKAGE...
    local expected=$1
    shift
    stage "Installing $* with apt-get" "$expected"
    make_cache
    # A machine with lists as old as its image asks the mirror for files that are gone.
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends "$@"; } >.cache/apt.log 2>&1 </dev/null; then
        tail -n 20 .cache/apt.log >&2
        fail "cannot install $*: apt-get failed" "the whole output is in .cache/apt.log"
    fi
}
