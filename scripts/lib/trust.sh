# shellcheck shell=bash
# The certificates that this machine trusts beside those of its distribution.

# Print them as PEM: those that its administrator added, such as those of a company's proxy.
print_own_certificates() {
    local folder file
    for folder in /usr/local/share/ca-certificates /etc/pki/ca-trust/source/anchors \
        /etc/ca-certificates/trust-source/anchors; do # Debian, Red Hat, Arch
        [[ -d $folder ]] || continue
        while IFS= read -r -d '' file; do print_certificates "$file"; done \
            < <(find -L "$folder" -type f -readable -print0 2>/dev/null)
    done
    if [[ $OSTYPE == darwin* ]]; then
        security find-certificate -a -p /Library/Keychains/System.keychain 2>/dev/null || true
    fi
}

# Print the certificates of a PEM file, or of the files in a folder.
print_certificates() { # PATH
    local file
    if [[ -d $1 ]]; then
        for file in "$1"/*; do [[ ! -f $file ]] || print_certificates "$file"; done
    else
        sed -n '/^-----BEGIN CERTIFICATE-----/,/^-----END CERTIFICATE-----/p' "$1"
    fi
}
