#!/usr/bin/env bash
# The container of `make up`: workspace.sh down | logs | shell | status | sizes | clean
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
. scripts/lib/workspace.sh

stop_container() {
    if [[ -z $(container_state) ]]; then
        note "no container $container: nothing to stop"
        return
    fi
    stage "Stopping $container" "about 1 s"
    "${DOCKER[@]}" stop "$container" >/dev/null
    remove_container
}

down() {
    stop_container
    note "the volumes $home_volume and $workspace_volume stay; \`make clean\` removes them"
}

require_running() {
    [[ $(container_state) == running ]] || fail "no container $container runs" "run: make up"
}

logs() {
    [[ -n $(container_state) ]] || fail "there is no container $container" "run: make up"
    exec "${DOCKER[@]}" logs --follow --tail 200 "$container"
}

shell() {
    require_running
    local terminal=()
    if [[ -t 0 ]]; then terminal=(--tty); fi
    # What the last command in there ended with says nothing of this one.
    "${DOCKER[@]}" exec --interactive "${terminal[@]}" "$container" bash --login || true
}

status() {
    require_running
    exec "${DOCKER[@]}" exec "$container" devcopilot status
}

sizes() {
    local image
    for image in "dev8-base:$tag" "dev8-mvp:$tag"; do
        python3 scripts/layers.py "${DOCKER[0]}" "$image"
    done
}

clean() {
    local volume
    stop_container
    stage "Removing the volumes of $container"
    for volume in "$home_volume" "$workspace_volume" "$secrets_volume"; do
        "${DOCKER[@]}" volume rm --force "$volume" >/dev/null 2>&1 || true # it may never have been
    done
    rm -f "$known_hosts"
    if [[ ${ALL:-} == 1 ]]; then
        stage "Removing the images, .dev8, .venv and the caches"
        "${DOCKER[@]}" image rm --force "dev8-"{mvp,base,agent,base-system,test}":$tag" \
            >/dev/null 2>&1 || true
        rm -rf .dev8 .venv .cache/{rootfs,sbom,stages.tar} reports .{mypy,pytest,ruff}_cache
    fi
}

action=${1:-none}
case $action in
    down | logs | shell | status | sizes | clean) "$action" ;;
    *) fail "unknown action: $action" "down, logs, shell, status, sizes or clean" ;;
esac
