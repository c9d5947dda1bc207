#!/bin/sh
# Put a program of Debian's, and its license, into ROOT:
# fetch-program.sh LOCK ROOT MIRROR ARCHIVE [ARCHITECTURE]
#
# LOCK has the hash and the place of its package, which has the name of the program. It comes from
# MIRROR, or if that is empty from the one that a Debian base has its packages from. A mirror drops
# the file when Debian updates the package; ARCHIVE, if there is one, has it for good. apt's own
# helper checks the hash.
set -eu
lock=$(realpath "$1") root=$2 mirror=$3 archive=$4
architecture=${5:-$(dpkg --print-architecture)}
mkdir -p "$root"
root=$(realpath "$root")
if [ -z "$mirror" ] && grep -q '^ID=debian$' /etc/os-release; then
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        grep -Eo '^(deb|URIs:) .*' | grep -Eo 'https?://[^ ]+' | grep -v security | head -n 1)
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
grep "_$architecture\.deb\$" "$lock" >line
read -r hash path <line
name=${path##*/}
name=${name%%_*}
for from in "$mirror" "$archive"; do
    [ -n "$from" ] || continue
    /usr/lib/apt/apt-helper download-file -o APT::Sandbox::User=root \
        "${from%/}/$path" package.deb "SHA256:$hash" || continue
    dpkg-deb --extract package.deb .
    install -D --mode 0755 "usr/bin/$name" "$root/usr/local/bin/$name"
    install -D --mode 0644 "usr/share/doc/$name/copyright" "$root/usr/share/doc/$name/copyright"
    exit
done
echo "cannot fetch $path: neither ${mirror:-a mirror (DEBIAN_MIRROR)} nor" \
    "${archive:-an archive (DEBIAN_ARCHIVE)} has it (name one that has it, or renew $1)" >&2
exit 1
