# shellcheck shell=sh
# To be sourced by a RUN that downloads over https: where the build got the secret `ca` (a bundle of
# certificates, for proxies that inspect TLS), pip, npm, git and curl trust it for this RUN only.
if [ -s /run/secrets/ca ]; then
    for variable in SSL_CERT_FILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE PIP_CERT \
        NODE_EXTRA_CA_CERTS GIT_SSL_CAINFO; do
        export "$variable=/run/secrets/ca"
    done
fi
true
