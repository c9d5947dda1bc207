#!/bin/sh
# relocate-sshd.sh TREE TO: make of an sshd that was unpacked in TREE one that lives in TO and brings
# its own C library. TO is where it will be.
set -eu
tree=$1 to=$2

mkdir -p "$to/bin" "$to/core"
cp "$tree/usr/sbin/sshd" "$tree/usr/lib/openssh/sshd-session" "$tree/usr/lib/openssh/sshd-auth" \
    "$to/core/"
sh "${0%/*}/relocate.sh" "$tree" "$to" "$to"/core/*

cat >"$to/bin/sshd" <<END
#!/bin/sh
exec $to/core/sshd -o SshdSessionPath=$to/core/sshd-session -o SshdAuthPath=$to/core/sshd-auth "\$@"
END
chmod 0755 "$to/bin/sshd"
