# Read by every fish that a distribution packages. What bash has in profile.d/session.sh of it.

# The agent's runtime folder. Everybody can make one in /dev/shm, under root's name too: in another
# user's folder even a link to a file of ours is not to be trusted.
set -l devcopilot $DEV8_RUNTIME_DIR
test -n "$devcopilot"; or set devcopilot /dev/shm/devcopilot-(id -u)
if not test -O "$devcopilot"; or test -L "$devcopilot"
    set devcopilot /dev/null # holds nothing
end

# What sshd's configuration cannot hold of the environment.
if set -q SSH_CONNECTION; and test -O "$devcopilot/ssh/session.fish"
    source "$devcopilot/ssh/session.fish"
end

# The certificates of DEV8_CA_FILE, for who comes by `docker exec` and has no environment of ours.
if test -O "$devcopilot/certificates/profile.fish"
    source "$devcopilot/certificates/profile.fish"
end

# remoteEnv of a devcontainer.json that the user trusts.
if test -O "$devcopilot/remote-env.fish"
    source "$devcopilot/remote-env.fish"
end

# postAttachCommand waits for the first shell of a person; the agent's own are none, nor are scripts.
if status is-interactive; or set -q SSH_CONNECTION
    if test -O "$devcopilot/units/attach.wanted"; and test -z "$DEVCOPILOT"
        touch "$devcopilot/units/attach.seen" "$devcopilot/units/poke"
    end
end
