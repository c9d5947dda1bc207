#!/bin/sh
# Put the restic of restic.txt into FOLDER: fetch-restic.sh LOCK FOLDER [MIRROR]
#
# Without MIRROR, from the one that a Debian base has its packages from. apt's own helper checks the
# hash.
set -eu
lock=$1 folder=$2 mirror=${3:-}
if [ -z "$mirror" ] && grep -q '^ID=debian$' /etc/os-release; then
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        grep -Eo '^(deb|URIs:) .*' | grep -Eo 'https?://[^ ]+' | grep -v security | head -n 1)
fi
architecture=$(dpkg --print-architecture)
grep "_$architecture\.deb\$" "$lock" >/tmp/restic.line
read -r hash path </tmp/restic.line
: "${mirror:=http://ftp.debian.org/debian}"
cd "$(mktemp -d)"
/usr/lib/apt/apt-helper download-file \
    -o APT::Sandbox::User=root "${mirror%/}/$path" restic.deb "SHA256:$hash"
dpkg-deb --extract restic.deb .
install -D --mode 0755 usr/bin/restic "$folder/restic"
