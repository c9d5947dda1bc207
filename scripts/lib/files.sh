# shellcheck shell=bash
# What our scripts leave behind, everybody may read, whatever the caller's umask: tests run as other
# users, and who typed `sudo make` reads its logs and reports. What is private, the keys in .dev8, is
# made with a umask of its own.

umask 022

# Make .cache; one that is closed, as an older version made it, is opened.
make_cache() {
    mkdir -p .cache
    [[ $(stat --format %A .cache) == *r-x ]] || chmod go+rx .cache
}
