#!/usr/bin/env bash
# Start a workspace, making on the way whatever is missing; called again, it says where it is.
#
# IMAGE=mvp          which image: a row of docker/variants/table.txt (mvp)
# WORKSPACE=folder   a folder of this machine instead of a volume
# CONTAINER=name     another workspace beside the first (dev8)
# REPO=owner/name    clone it, or any entry of DEV8_REPOSITORIES; with the token of gh if none is given
# Every variable that the agent documents is passed on if it is set here, unless it says where
# something is: that is true here and not in the container. Secrets become files in a volume that
# `make down` removes, those of NAME_FILE as well: as copies, which do not follow their file.
# People read its log, so it is text; DEV8_LOG_FORMAT=json is for programs.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/lib/messages.sh
. scripts/lib/files.sh
. scripts/lib/trust.sh
. scripts/lib/workspace.sh
. scripts/lib/variants.sh

# One at a time: the second finds what the first has made. The lock is not handed on to what stays.
if [[ ${DEV8_UP:-} != "$container" ]]; then
    lock=.dev8/$container.lock
    (umask 077 && mkdir -p .dev8)
    flock --nonblock --close "$lock" true || note "waiting for another \`make up\` of $container"
    DEV8_UP=$container exec flock --close "$lock" "$PWD/scripts/up.sh"
fi

image=dev8-${IMAGE:-mvp}:$tag
state=/home/dev8/.local/state/devcopilot # in the container
options=()

# Print "secret NAME" or "plain NAME" for every variable that the agent in the image reads.
list_variables() {
    "${DOCKER[@]}" run --rm --network none --entrypoint /opt/devcopilot/bin/python "$image" -I -c '
from agent.settings.everything import variables
for _, entry in variables():
    for name in (entry.name, *entry.aliases):
        print("secret" if entry.secret else "plain", name)'
}

# Write a secret from stdin into the volume of secrets; every uid outside can do it this way.
write_secret() { # NAME
    # shellcheck disable=SC2016  # the inner shell's own $1
    "${DOCKER[@]}" run --rm --interactive --network none --user 0 --entrypoint /bin/sh \
        --volume "$secrets_volume:/secrets" "$image" -c '
umask 077
cat >"/secrets/$1.new" && chown 1000:1000 /secrets "/secrets/$1.new" &&
mv "/secrets/$1.new" "/secrets/$1"' sh "$1"
}

# Have the workspace clone REPO; for that the token of the caller's gh serves where there is none.
pass_repository() {
    local token
    [[ -n $repository ]] || return 0
    options+=(--env "DEV8_REPOSITORIES=$repository")
    if [[ ! " ${options[*]}" =~ \ GITHUB_[A-Z_]+(_FILE)?= ]] && command -v gh >/dev/null &&
        token=$(gh auth token 2>/dev/null) && [[ -n $token ]]; then
        pass_secret GITHUB_TOKEN <<<"$token"
        note "passing on the token of your gh"
    fi
}

# Turn the caller's variables into options of `docker run`.
pass_variables() {
    local variables kind name file passed=() copied=() skipped=()
    variables=$(list_variables)
    "${DOCKER[@]}" volume rm --force "$secrets_volume" >/dev/null 2>&1 || true # of the last time
    while read -r kind name; do
        file=${name}_FILE
        if [[ $kind == secret && -n ${!file:-} ]]; then
            [[ -z ${!name:-} ]] || fail "$name and $file are both set" "unset one of them"
            # Its value is not shown: it may be the secret itself.
            [[ -f ${!file} && -r ${!file} ]] || fail "cannot pass $file: it names no file to read"
            pass_secret "$name" <"${!file}"
            copied+=("$file")
        elif [[ -n ${!name:-} ]]; then
            case $kind:$name in
                plain:SSH_PUBLIC_KEY | plain:SSH_AUTHORIZED_KEYS_FILE) ;; # go with our own key
                plain:DEV8_CA_FILE) ;; # goes by `pass_certificates`
                plain:*_DIR | plain:*_FILE | plain:*_PORT | plain:*_ADDRESS)
                    skipped+=("$name")
                    continue
                    ;;
                plain:*) options+=(--env "$name") ;;
                secret:*) pass_secret "$name" < <(printf %s "${!name}") ;;
            esac
            passed+=("$name")
        fi
    done <<<"$variables"
    if ((${#passed[@]})); then note "passing on ${passed[*]}; secrets as files"; fi
    if ((${#copied[@]})); then
        note "passing on a copy of ${copied[*]}; after a change: $(say_make down), and up again"
    fi
    if ((${#skipped[@]})); then note "not passing on ${skipped[*]}: true here, not in there"; fi
}

# Give the container the secret that comes from stdin, as NAME_FILE.
pass_secret() { # NAME
    write_secret "$1"
    options+=(--env "$1_FILE=/run/secrets/$1")
}

# Let the workspace trust what this machine trusts beside its distribution, or DEV8_CA_FILE names.
pass_certificates() {
    local given=${DEV8_CA_FILE:-} found
    if [[ -n $given ]]; then
        [[ -r $given ]] || fail "cannot pass DEV8_CA_FILE=$given: it cannot be read"
        found=$(print_certificates "$given")
        [[ -n $found ]] || fail "cannot pass DEV8_CA_FILE=$given: it holds no certificate in PEM"
    else
        found=$(print_own_certificates)
    fi
    [[ -n $found ]] || return 0
    pass_secret DEV8_CA <<<"$found" # no secret, but the volume is where it finds files
    if [[ -n $given ]]; then given="of DEV8_CA_FILE"; fi
    note "passing on certificates ${given:-that this machine trusts beside the usual ones}"
}

make_key() {
    if [[ ! -s $key ]] && command -v ssh-keygen >/dev/null; then
        note "making an SSH key for this workspace: $key"
        (umask 077 && mkdir -p "${key%/*}" && # .dev8 too is for nobody else
            ssh-keygen -q -t ed25519 -N "" -C "$container" -f "$key")
    fi
    local public more=${SSH_AUTHORIZED_KEYS_FILE:-}
    public=$(cat "$key.pub" 2>/dev/null || true)
    public+=${SSH_PUBLIC_KEY:+$'\n'$SSH_PUBLIC_KEY}
    if [[ -n $more ]]; then
        [[ -f $more && -r $more ]] ||
            fail "cannot pass SSH_AUTHORIZED_KEYS_FILE=$more: it names no file to read"
        public+=$'\n'$(<"$more")
    fi
    options+=(--env "SSH_PUBLIC_KEY=$public")
}

# Print the first port of loopback from this one on that nobody listens on.
find_port() { # PORT
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    ((port == $1)) || note "port $1 is taken: using $port"
    echo "$port"
}

make_network() {
    local cause
    "${DOCKER[@]}" network inspect "$network" >/dev/null 2>&1 && return
    cause=$("${DOCKER[@]}" network create "$network" 2>&1 >/dev/null) ||
        fail "cannot make the network $network: ${cause##*$'\n'}" "docker network prune"
}

make_volumes() {
    local volume
    for volume in "$home_volume" "$workspace_volume"; do
        "${DOCKER[@]}" volume inspect "$volume" >/dev/null 2>&1 ||
            "${DOCKER[@]}" volume create --label "$clone_label=$clone" "$volume" >/dev/null
    done
}

create_container() {
    pass_variables
    pass_certificates
    pass_repository
    make_key
    make_network
    make_volumes
    "${DOCKER[@]}" create --name "$container" --hostname "$container" --network "$network" \
        --label "$clone_label=$clone" \
        --read-only --cap-drop ALL --security-opt no-new-privileges \
        --volume "$home_volume:/home/dev8" --volume "$workspace:/workspace" --volume /tmp \
        --volume "$secrets_volume:/run/secrets:ro" \
        --env "DEV8_LOG_FORMAT=${DEV8_LOG_FORMAT:-text}" \
        --publish "127.0.0.1:$(find_port 8080):8080" --publish "127.0.0.1:$(find_port 2222):2222" \
        "${options[@]}" "$image" >/dev/null
}

inside() { "${DOCKER[@]}" exec "$container" "$@"; }

is_ready_or_ended() {
    inside devcopilot health || [[ $(container_state) != running ]]
}

start_container() {
    if [[ -n $(container_state) ]]; then remove_container; fi # it ended; its volumes are kept
    stage "Starting $container from $image" "about 5 s"
    create_container
    if ! "${DOCKER[@]}" start "$container" >/dev/null || ! wait_for 90 is_ready_or_ended ||
        [[ $(container_state) != running ]]; then
        "${DOCKER[@]}" logs --tail 20 "$container" >&2
        fail "the workspace did not become ready" "its log is above; all of it: $(say_make logs)"
    fi
}

published() { # PORT
    "${DOCKER[@]}" port "$container" "$1/tcp" | sed -n '1s/.*://p'
}

# Print how to call another target for this workspace.
say_make() { # TARGET
    echo "${CONTAINER:+CONTAINER=$CONTAINER }make $1"
}

find_password() {
    case $("${DOCKER[@]}" container inspect --format '{{.Config.Env}}' "$container") in
        *CODE_SERVER_AUTH=none*) echo "none is asked for" ;;
        *CODE_SERVER_PASSWORD* | *CODE_SERVER_HASHED_PASSWORD*) echo "the one that you gave" ;;
        *) inside devcopilot password ;;
    esac
}

# Write what ssh needs to reach this workspace by its name; $ssh_config has all of them.
write_ssh_config() {
    cat >"$ssh_host" <<END
Host $container
    HostName 127.0.0.1
    Port $(published 2222)
    User dev8
    IdentityFile "${key//%/%%}"
    IdentitiesOnly yes
    UserKnownHostsFile "${known_hosts//%/%%}"
    HostKeyAlias $container
END
    echo "Include \"$PWD/.dev8/*.ssh_config\"" >"$ssh_config"
}

# Wait for the clone; what comes of it is told, and costs nothing else.
wait_for_clone() {
    [[ -n $repository ]] || return 0
    stage "Cloning $repository" "its log: $(say_make shell), then: devcopilot log -f clone"
    wait_for 600 clone_rests || true
}

# Tell whether the clone is there, or waits for something that this machine cannot give it.
clone_rests() {
    local code=0
    inside devcopilot wait --quiet --for clone --timeout 0 || code=$?
    ((code != 124)) || [[ $(inside devcopilot status) =~ unit\ +clone:[^\ ]+:\ waiting ]]
}

print_summary() {
    local status page
    status=$(inside devcopilot status)
    page=$(sed -n 's|^page .*:\([0-9]*\)/$|\1|p' <<<"$status")
    echo
    if [[ $status == *"service   code-server:"* ]]; then
        echo "  editor    http://127.0.0.1:$(published 8080)/"
        echo "  password  $(find_password)"
        if [[ $page ]]; then
            echo "  page      http://127.0.0.1:$(published 8080)/proxy/$page/  (services, backups, log)"
        fi
    fi
    if [[ $status == *"service   sshd:"* && -s $key ]]; then
        printf '%s %s\n' "$container" "$(inside cat "$state/ssh/ssh_host_ed25519_key.pub")" \
            >"$known_hosts"
        write_ssh_config
        echo "  SSH       ssh -F $ssh_config $container"
        echo "  VS Code, JetBrains: host $container, with one line in ~/.ssh/config:"
        echo "            Include \"$PWD/$ssh_config\""
        if [[ $page && $status != *"service   code-server:"* ]]; then
            echo "  page      ssh -F $ssh_config -L $page:127.0.0.1:$page $container, then"
            echo "            http://127.0.0.1:$page/"
        fi
    fi
    echo "  shell     $(say_make shell)"
    echo "  stop      $(say_make down)"
    sed -n -e 's/^problem /  problem /p' -e 's/^unit    /  unit    /p' <<<"$status"
    echo
}

check_name "${IMAGE:-mvp}"
repository=${REPO:-}
if [[ -n $repository && -n ${DEV8_REPOSITORIES:-} ]]; then
    fail "REPO and DEV8_REPOSITORIES are both set" "unset one of them"
fi
workspace=$workspace_volume
if [[ -n ${WORKSPACE:-} ]]; then
    [[ -d $WORKSPACE ]] || fail "cannot use WORKSPACE=$WORKSPACE: it is not a folder" "make it first"
    workspace=$(realpath "$WORKSPACE")
fi
scripts/engine.sh start
# shellcheck source=scripts/lib/docker.sh
. scripts/lib/docker.sh
require_own
if [[ $(container_state) == running ]]; then
    note "$container is up already, from $("${DOCKER[@]}" container inspect \
        --format '{{.Config.Image}}' "$container")"
    if [[ -n $repository ]]; then inside devcopilot clone "$repository" || true; fi
else
    scripts/build.sh "${IMAGE:-mvp}"
    start_container
    wait_for_clone
fi
print_summary
