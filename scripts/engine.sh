#!/usr/bin/env bash
# The container engine: engine.sh start | stop | status
#
# start   docker if its daemon answers; else, as root on Debian or Ubuntu, docker.io is installed and
#         its daemon started; podman last. Anyone else is told the one command to run.
# stop    ends the daemon only if `start` started it.
# status  says which engine answers; exit 1 if none.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/packages.sh

started=.cache/engine.started # holds the daemon's pid, or "systemd"
log=.cache/dockerd.log

# Print the program of the engine that answers and can build.
find_engine() {
    # shellcheck source=scripts/lib/docker.sh
    (. scripts/lib/docker.sh 2>/dev/null && printf '%s\n' "${DOCKER[0]}")
}

docker_answers() { [[ $(find_engine) == *docker ]]; }

runs_systemd() { [[ -d /run/systemd/system ]]; }

install_docker() {
    local packages=(docker.io)
    # Clients of docker 23 and newer build only with this plugin; older ones have none.
    if has_package docker-buildx; then packages+=(docker-buildx); fi
    install_packages "about 30 s" "${packages[@]}"
}

# Start the daemon and remember that it is ours; returns 1 if it does not answer.
start_daemon() {
    if runs_systemd; then
        stage "Starting docker with systemd" "about 5 s"
        systemctl start docker || return 1
        echo systemd >"$started"
    elif [[ -s /var/run/docker.pid ]] && is_dockerd "$(</var/run/docker.pid)"; then
        cat /var/run/docker.pid >"$started" # its package started it when it was installed
    else
        stage "Starting dockerd" "about 5 s; its log is $log"
        setsid nohup dockerd >"$log" 2>&1 </dev/null 9>&- &
        echo $! >"$started"
    fi
    if ! wait_for 60 docker_answers_or_died || ! docker_answers; then
        note "dockerd does not answer; the last lines of $log:"
        tail -n 10 "$log" >&2 || true
        return 1
    fi
}

docker_answers_or_died() {
    docker_answers || { ! runs_systemd && ! is_dockerd "$(<"$started")"; }
}

is_dockerd() { # PID
    [[ $(cat "/proc/$1/comm" 2>/dev/null) =~ ^(dockerd|setsid|nohup)$ ]]
}

# Say the one command that someone who is not root has to run, and end.
give_up() {
    local command="sudo make engine"
    if ! command -v apt-get >/dev/null; then
        command="see https://docs.docker.com/engine/install/"
    elif ((EUID != 0)) && [[ -S /var/run/docker.sock && ! -w /var/run/docker.sock ]]; then
        command="sudo usermod -aG docker $(id -un) && exec newgrp docker"
    elif ((EUID == 0)); then
        command="see $log"
    fi
    fail "cannot start a container engine${1:+: $1}" "$command"
}

start() {
    if docker_answers; then
        note "$(find_engine) answers"
        return
    fi
    if [[ -n ${DOCKER_HOST:-} ]]; then
        give_up "nothing answers at DOCKER_HOST=$DOCKER_HOST"
    fi
    if ((EUID == 0)); then
        command -v dockerd >/dev/null || ! can_install || install_docker
        if command -v dockerd >/dev/null && start_daemon; then
            note "$(find_engine) answers; \`make engine ACTION=stop\` ends it"
            return
        fi
    fi
    find_engine >/dev/null || give_up
    note "no docker here: $(find_engine) is used"
}

stop() {
    [[ -s $started ]] || { note "nothing to stop: the engine is not ours"; return; }
    local pid
    pid=$(<"$started")
    if [[ $pid == systemd ]]; then
        systemctl stop docker.socket docker
    elif is_dockerd "$pid"; then
        stage "Stopping dockerd" "a few seconds"
        kill -TERM "$pid"
        wait_for 30 not_running "$pid" || fail "cannot stop dockerd: pid $pid is still there"
    fi
    rm -f "$started"
}

not_running() { ! is_dockerd "$1"; }

status() {
    find_engine || { echo "no engine answers; run: make engine"; return 1; }
}

make_cache
action=${1:-start}
case $action in
    start | stop)
        exec 9>.cache/engine.lock
        flock 9
        "$action"
        ;;
    status) status ;;
    *) fail "unknown action: $action" "start, stop or status" ;;
esac
