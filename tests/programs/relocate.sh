#!/bin/sh
# relocate.sh TREE TO FILE...: have the programs FILE use the C library and the libraries that were
# unpacked in TREE, copied to TO/lib, so that they run on older systems beside those systems' own.
set -eu
tree=$1 to=$2
shift 2
# The folder and the loader are named for the architecture.
from=$(dirname "$(find "$tree/usr/lib" -name libc.so.6)")
name=$(basename "$from"/ld-linux-*.so.*)
loader=lib/$name
mkdir -p "$to/lib"
cp -L "$from/$name" "$to/$loader"

for file; do
    if [ -L "$file" ] || [ ! -f "$file" ]; then continue; fi
    [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
    # The tree's libraries first, and what it takes from this system.
    "$to/$loader" --library-path "$from" --list "$file" | sed -n 's/.* => \(.*\) (.*/\1/p' |
        while read -r library; do cp -nL "$library" "$to/lib/"; done
    # RPATH, not RUNPATH: it holds for the libraries' own libraries too.
    patchelf --force-rpath --set-rpath "$to/lib" --set-interpreter "$to/$loader" "$file"
done
