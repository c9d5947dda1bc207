#!/bin/sh
# Fill the registry's storage: npm installs through it what these folders' lock files name.
#
# fill.sh FOLDER...
set -eu

config=/tmp/fill.yaml
sed '/access:/s/$/\n    proxy: origin/' /srv/config.yaml >"$config"
printf 'uplinks:\n  origin:\n    url: %s\n    timeout: 120s\n' "$(npm config get registry)" >>"$config"
verdaccio --config "$config" --listen 127.0.0.1:4873 &
registry=$!
trap 'kill $registry' EXIT
export npm_config_registry=http://127.0.0.1:4873/
npm ping --no-update-notifier --fetch-retries=20 --fetch-retry-mintimeout=200 --fetch-retry-maxtimeout=500
for folder; do
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-update-notifier --cache /tmp/cache
done
