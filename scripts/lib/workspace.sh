# shellcheck shell=bash
# The names of what `make up` makes. CONTAINER=other gives a second workspace beside the first.

# shellcheck disable=SC2034  # for whoever sources this
{
    tag=${VERSION:-latest}
    container=${CONTAINER:-dev8}
    home_volume=$container-home
    workspace_volume=$container-workspace
    secrets_volume=$container-secrets
    # Its own: on docker's default network, containers of others would reach the editor's port.
    network=$container-network
    key=$PWD/.dev8/ssh/id_ed25519
    known_hosts=$PWD/.dev8/$container.known_hosts
    ssh_config=.dev8/ssh_config
    ssh_host=.dev8/$container.ssh_config
    clone=$(pwd -P)
    clone_label=dev8.clone # on the container and its volumes: the folder of the clone that made them
}

# Print the state of the container, such as running or exited; nothing if there is none.
container_state() {
    "${DOCKER[@]}" container inspect --format '{{.State.Status}}' "$container" 2>/dev/null || true
}

remove_container() {
    # -v: the unnamed volume on /tmp goes with it, the named ones stay.
    "${DOCKER[@]}" rm --force --volumes "$container" >/dev/null
}

# Refuse to touch a workspace of this name that another clone made: its volumes are somebody's work.
# A clone that is gone was moved, or nobody needs it.
require_own() {
    local kind labels name maker
    while read -r kind labels name; do
        maker=$("${DOCKER[@]}" "$kind" inspect --format "{{index $labels \"$clone_label\"}}" "$name" \
            2>/dev/null) || continue
        [[ -z $maker || $maker == "$clone" || ! -d $maker ]] ||
            fail "$container is the workspace of another clone: $maker" \
                "choose another name: CONTAINER=$container-2 make up"
    done <<END
container .Config.Labels $container
volume .Labels $home_volume
volume .Labels $workspace_volume
END
}
