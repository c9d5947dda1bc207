# Install packages in a layer of an image, and leave nothing there that nobody needs: install.sh
# PACKAGE... Like dev8-base, the image has no set-user-id program but sudo.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --config-file "$(dirname "$0")/excludes.conf" --yes --no-install-recommends "$@"
rm -f /var/log/dpkg.log /var/log/alternatives.log /var/log/apt/* \
    /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
find / -xdev -type f -perm /6000 ! -path /usr/bin/sudo -exec chmod a-s {} +
