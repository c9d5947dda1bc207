#!/usr/bin/env bash
# The one node of a cluster, in namespaces of its own: node.sh FOLDER ADDRESS
#
# Called by cluster.py as the first process of new mount, PID, network, UTS and IPC namespaces. FOLDER has
# keys/ and what everything here writes; ADDRESS is the node's, on a bridge of this network. When this process ends the
# kernel ends all the others and undoes the mounts.
set -euo pipefail
folder=$1
address=$2
server=http://127.0.0.1:2379

# Run a program in the background; its output goes to log/NAME.
run() { # NAME WORD...
    "${@:2}" >"$folder/log/$1" 2>&1 </dev/null &
}

wait_for() { # COMMAND...
    local deadline=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || { echo "$1 has not answered" >&2; exit 1; }
        sleep 0.2
    done
}

# The kubelet sets these, for the whole machine: here it finds that they are as it wants them.
pretend() { # NAME VALUE
    local file=/run/pretended.${1//\//.}
    echo "$2" >"$file"
    mount --bind "$file" "/proc/sys/$1"
}

mount_folders() {
    mount --make-rprivate /
    mount -t tmpfs tmpfs /run
    mkdir -p /run/lock /run/netns /var/lib/docker /var/lib/kubelet
    mount --bind "$folder/docker" /var/lib/docker
    mount --bind "$folder/kubelet" /var/lib/kubelet
    mount --make-rshared /var/lib/kubelet
}

start_engine() {
    run dockerd dockerd --add-runtime "lenient=$folder/runc-lenient" --default-runtime lenient \
        --cgroup-parent "/${folder##*/}" --iptables=false --ip-masq=false --bip "$address/24" \
        --storage-driver overlay2 --log-level warn
    wait_for docker version
    ip route add default dev docker0
}

start_control_plane() {
    local access=(--kubeconfig="$folder/keys/admin")
    run etcd etcd --data-dir "$folder/etcd" --listen-client-urls "$server" \
        --advertise-client-urls "$server" --listen-peer-urls http://127.0.0.1:2380 --unsafe-no-fsync
    run api kube-apiserver --etcd-servers="$server" --bind-address=127.0.0.1 --secure-port=6443 \
        --tls-cert-file="$folder/keys/api.crt" --tls-private-key-file="$folder/keys/api.key" \
        --token-auth-file="$folder/keys/tokens.csv" --authorization-mode=Node,RBAC \
        --enable-admission-plugins=NodeRestriction,PodSecurityPolicy \
        --service-account-issuer=https://kubernetes.default.svc \
        --service-account-signing-key-file="$folder/keys/accounts.key" \
        --service-account-key-file="$folder/keys/accounts.pub" \
        --service-cluster-ip-range=10.96.0.0/16 --endpoint-reconciler-type=none \
        --advertise-address="$address" --allow-privileged=true \
        --kubelet-preferred-address-types=InternalIP
    wait_for kubectl "${access[@]}" get --raw /readyz
    # Each controller as itself: what it makes is admitted by the rights of the pod's account.
    run controllers kube-controller-manager "${access[@]}" --use-service-account-credentials \
        --service-account-private-key-file="$folder/keys/accounts.key" \
        --root-ca-file="$folder/keys/api.crt" --leader-elect=false
    run scheduler kube-scheduler "${access[@]}" --leader-elect=false
}

start_kubelet() {
    pretend vm/overcommit_memory 1
    pretend vm/panic_on_oom 0
    pretend kernel/panic 10
    pretend kernel/panic_on_oops 1
    pretend kernel/keys/root_maxkeys 1000000
    pretend kernel/keys/root_maxbytes 25000000
    # A Secret is looked at every 10 s, not every 60 s. No groups of the machine's own are touched.
    run kubelet kubelet --kubeconfig="$folder/keys/node" --hostname-override=node1 \
        --node-ip="$address" --container-runtime=docker --root-dir=/var/lib/kubelet \
        --pod-infra-container-image=devcopilot-pause:1 --cgroup-driver=cgroupfs \
        --cgroups-per-qos=false --enforce-node-allocatable= --eviction-hard= \
        --image-gc-high-threshold=100 --fail-swap-on=false --make-iptables-util-chains=false \
        --hairpin-mode=none --protect-kernel-defaults=true --anonymous-auth=true \
        --authorization-mode=AlwaysAllow --sync-frequency=10s
}

ip link set lo up
mount_folders
start_engine
start_control_plane
tar -C "$folder/pause" -c . | docker import --change 'ENTRYPOINT ["/pause"]' - devcopilot-pause:1
start_kubelet
touch "$folder/started"
wait
