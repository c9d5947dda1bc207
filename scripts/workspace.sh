#!/usr/bin/env bash
# The container of `make up`: workspace.sh down | logs | shell | status | sizes | clean
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
. scripts/lib/workspace.sh
. scripts/lib/variants.sh

stop_container() {
    if [[ -z $(container_state) ]]; then
        note "no container $container: nothing to stop"
        return
    fi
    stage "Stopping $container" "about 1 s"
    "${DOCKER[@]}" stop "$container" >/dev/null
    remove_container
}

remove_volumes() { # NAME...
    local volume
    for volume; do
        "${DOCKER[@]}" volume rm --force "$volume" >/dev/null 2>&1 || true # it may never have been
    done
}

# Remove the workspace's network, unless containers that others joined to it still need it.
remove_network() {
    "${DOCKER[@]}" network inspect "$network" >/dev/null 2>&1 || return 0
    "${DOCKER[@]}" network rm "$network" >/dev/null 2>&1 ||
        note "the network $network stays: other containers use it"
}

down() {
    require_own
    stop_container
    remove_network
    remove_volumes "$secrets_volume"
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
    local terminal=()
    if [[ -t 1 ]]; then terminal=(--tty); fi # a page instead of lines
    exec "${DOCKER[@]}" exec "${terminal[@]}" "$container" devcopilot status
}

sizes() {
    local name image names
    names=$(pick_images)
    scripts/venv.sh
    for name in $names; do
        image=dev8-$name:$tag
        "${DOCKER[@]}" image inspect "$image" >/dev/null 2>&1 ||
            fail "there is no image $image" "make build IMAGE=$name"
        .venv/bin/python scripts/layers.py "${DOCKER[0]}" "$image"
    done
}

# Print the images that build.sh, rootfs.sh and the tests make under our tag: VERSION-ai is a test's.
list_images() {
    "${DOCKER[@]}" image ls --format '{{.Repository}}:{{.Tag}}' --filter "reference=dev8-*:$tag" \
        --filter "reference=dev8-*:$tag-ai" --filter "reference=dev8-rootfs"
}

clean() {
    local images
    require_own
    stop_container
    remove_network
    stage "Removing the volumes of $container"
    remove_volumes "$home_volume" "$workspace_volume" "$secrets_volume"
    rm -f "$known_hosts" "$ssh_host" ".dev8/$container.lock"
    if [[ ${ALL:-} == 1 ]]; then
        stage "Removing the images of VERSION=$tag, .dev8, .venv and the caches"
        mapfile -t images < <(list_images)
        "${DOCKER[@]}" image rm --force "${images[@]}" >/dev/null 2>&1 || true
        # Not what belongs to an engine of ours, which goes on: its pid and its log.
        rm -rf .dev8 .venv .cache/{cosign,reproduce,rootfs,sbom,stages.tar} \
            .cache/{apt,build,pip,push,reproduce,sign}.log \
            reports bench.json .{mypy,pytest,ruff}_cache
    fi
}

action=${1:-none}
case $action in
    down | logs | shell | status | sizes | clean) "$action" ;;
    *) fail "unknown action: $action" "down, logs, shell, status, sizes or clean" ;;
esac
