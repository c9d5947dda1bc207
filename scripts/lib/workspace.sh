# shellcheck shell=bash
# The names of what `make up` makes. CONTAINER=other gives a second workspace beside the first.

# shellcheck disable=SC2034  # for whoever sources this
{
    tag=${VERSION:-latest}
    container=${CONTAINER:-dev8}
    home_volume=$container-home
    workspace_volume=$container-workspace
    secrets_volume=$container-secrets
    # Its own: on docker's default network, containers of others would reach the IDE's port.
    network=$container-network
    key=$PWD/.dev8/ssh/id_ed25519
    known_hosts=$PWD/.dev8/$container.known_hosts
}

# Print the state of the container, such as running or exited; nothing if there is none.
container_state() {
    "${DOCKER[@]}" container inspect --format '{{.State.Status}}' "$container" 2>/dev/null || true
}

remove_container() {
    # -v: the unnamed volume on /tmp goes with it, the named ones stay.
    "${DOCKER[@]}" rm --force --volumes "$container" >/dev/null
}
