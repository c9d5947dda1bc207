#!/bin/sh
# Put the restic of LOCK, and its license, into ROOT: fetch-restic.sh LOCK ROOT MIRROR ARCHIVE
#
# It comes from MIRROR, or if that is empty from the one that a Debian base has its packages from.
# A mirror drops the file when Debian updates the package; ARCHIVE, if there is one, has it for good.
# apt's own helper checks the hash.
set -eu
lock=$(realpath "$1") root=$2 mirror=$3 archive=$4
architecture=$(dpkg --print-architecture)
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
for from in "$mirror" "$archive"; do
    [ -n "$from" ] || continue
    /usr/lib/apt/apt-helper download-file -o APT::Sandbox::User=root \
        "${from%/}/$path" restic.deb "SHA256:$hash" || continue
    dpkg-deb --extract restic.deb .
    install -D --mode 0755 usr/bin/restic "$root/usr/local/bin/restic"
    install -D --mode 0644 usr/share/doc/restic/copyright "$root/usr/share/doc/restic/copyright"
    exit
done
echo "cannot fetch $path: neither ${mirror:-a mirror (DEBIAN_MIRROR)} nor" \
    "${archive:-an archive (DEBIAN_ARCHIVE)} has it (name one that has it, or renew $1)" >&2
exit 1
