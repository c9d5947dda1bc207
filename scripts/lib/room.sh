# shellcheck shell=bash
# Room on the disk: without it tests would fail in twenty places, half an hour later.

# GB that a run of all tests takes at its peak beside the images, and some to spare.
# shellcheck disable=SC2034  # for who reads this file
ROOM=15

# Print how many GB (10^9 bytes) are free on the file system of a folder; fail if it is not here.
find_room() { # FOLDER
    local free
    free=$(df --output=avail --block-size=1GB "$1" 2>/dev/null) || return
    printf '%d\n' "${free##*$'\n'}"
}

# Print the folder where the engine keeps images and containers.
find_store() { # ENGINE
    local template='{{.DockerRootDir}}'
    [[ $1 != *podman ]] || template='{{.Store.GraphRoot}}'
    "$1" info --format "$template"
}

# Say that a folder has less room than is needed; return 1 then. Nothing is known of the folder of an
# engine that runs elsewhere, such as in a virtual machine or behind DOCKER_HOST.
check_room() { # FOLDER GB PURPOSE
    local room
    room=$(find_room "$1") || return 0
    ((room < $2)) || return 0
    printf '%s need %d GB in %s, where %d GB are free (make clean ALL=1, docker image prune)\n' \
        "$3" "$2" "$1" "$room"
    return 1
}
