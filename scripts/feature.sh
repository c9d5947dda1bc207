#!/usr/bin/env bash
# Build the devcontainer Feature and print its folder: feature.sh [FOLDER]   (.cache/feature)
#
# FOLDER/src/devcopilot-agent is what `devcontainer features publish` takes: the scripts, and all that
# they install on x86_64 and aarch64: the agent's wheel, the locked wheels, gh and restic.
# FOLDER/test is for `devcontainer features test`.
#
# DEBIAN_MIRROR, DEBIAN_ARCHIVE   where restic's package is, as in build.sh
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh

pythons=(3.11 3.12 3.13) # as install.sh looks for them
glibcs=(manylinux_2_34 manylinux_2_28 manylinux_2_17 manylinux2014 manylinux_2_12 manylinux2010)
locks=(requirements/runtime.txt requirements/build.txt docker/base/gh.txt docker/base/restic.txt)
fetched=.cache/feature-parts
log=.cache/feature.log

pip() { .venv/bin/python -m pip --disable-pip-version-check "$@"; }

# Print what a lock says of one package: its version and hashes.
print_pin() { # PACKAGE LOCK
    awk -v pin="$1==" '/^[a-z]/ { found = index($0, pin) == 1 } found' "$2"
}

fetch_wheels() { # FOLDER
    local machine python platforms
    cat requirements/runtime.txt docker/base/gh.txt <(print_pin pip requirements/build.txt) \
        >"$1/requirements.txt"
    for machine in x86_64 aarch64; do
        platforms=("${glibcs[@]/%/_$machine}")
        for python in "${pythons[@]}"; do
            pip download --quiet --dest "$1/wheels" --no-deps --require-hashes \
                --only-binary :all: --python-version "$python" \
                "${platforms[@]/#/--platform=}" --requirement "$1/requirements.txt"
        done
    done
}

fetch_restic() { # FOLDER
    local architecture root
    mkdir -p "$1/restic"
    for architecture in amd64 arm64; do
        root=$1/$architecture
        sh docker/base/fetch-program.sh docker/base/restic.txt "$root" \
            "${DEBIAN_MIRROR:-}" "${DEBIAN_ARCHIVE:-}" "$architecture"
        gzip --no-name --stdout "$root/usr/local/bin/restic" >"$1/restic/$architecture.gz"
        install -D --mode 0644 "$root/usr/share/doc/restic/copyright" \
            "$1/system/usr/share/doc/restic/copyright"
        rm -r "$root"
    done
}

# What others made changes with the locks only.
fetch_parts() {
    local wanted
    wanted=$(cat scripts/feature.sh "${locks[@]}" docker/base/fetch-program.sh | sha256sum)
    [[ $(cat "$fetched/made-from" 2>/dev/null) != "$wanted" ]] || return 0
    stage "Fetching what the Feature installs" "about 1 min"
    rm -rf "$fetched"
    mkdir -p "$fetched"
    {
        fetch_wheels "$fetched"
        fetch_restic "$fetched"
        pip install --quiet --no-deps --require-hashes --target "$fetched/builder" \
            --requirement requirements/build.txt
    } >"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "cannot fetch them" "see $log"; }
    printf '%s\n' "$wanted" >"$fetched/made-from"
}

# Add the agent's wheel, and its hash to those of the others.
build_agent() { # FOLDER
    local wheel hash
    PYTHONPATH=$PWD/$fetched/builder pip wheel --quiet --no-build-isolation --no-deps \
        --wheel-dir "$1/wheels" . >>"$log" 2>&1
    wheel=$(echo "$1"/wheels/devcopilot_agent-*.whl)
    hash=$(sha256sum "$wheel" | cut -d ' ' -f 1)
    printf 'devcopilot-agent==%s --hash=sha256:%s\n' "$(cut -d - -f 2 <<<"${wheel##*/}")" "$hash" \
        >>"$1/requirements.txt"
}

# What git, ssh and shells read, as in dev8-base.
copy_system() { # FOLDER
    install -D --mode 0644 docker/base/etc/profile.d/session.sh "$1/system/etc/profile.d/session.sh"
    install -D --mode 0644 docker/base/etc/fish/conf.d/devcopilot.fish \
        "$1/system/etc/fish/conf.d/devcopilot.fish"
    install -D --mode 0644 docker/base/etc/ssh/ssh_config.d/10-devcopilot.conf \
        "$1/system/etc/ssh/ssh_config.d/10-devcopilot.conf"
    install -D --mode 0644 docker/base/licenses/gh "$1/system/usr/share/doc/gh/copyright"
    install --mode 0644 docker/base/etc/gitconfig "$1/gitconfig"
    .venv/bin/python docker/base/completion.py "$1/system"
}

make_cache
exec 9>.cache/feature.lock
flock 9
scripts/venv.sh
folder=${1:-.cache/feature}
feature=$folder/src/devcopilot-agent
fetch_parts
rm -rf "$folder/src" "$folder/test"
mkdir -p "$folder"
cp -R deploy/devcontainer/src deploy/devcontainer/test "$folder/"
cp -R "$fetched/wheels" "$fetched/restic" "$fetched/system" "$fetched/requirements.txt" "$feature/"
build_agent "$feature"
copy_system "$feature"
chmod -R go=u-w "$folder/src" "$folder/test"
note "$folder: $(du -sm "$folder" | cut -f 1) MB"
echo "$folder"
