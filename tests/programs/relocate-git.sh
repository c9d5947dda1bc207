#!/bin/sh
# relocate-git.sh TREE TO: make of a git that was unpacked in TREE one that lives in TO and brings
# its own C library, so that it runs on older systems beside their own git. TO is where it will be.
set -eu
tree=$1 to=$2
# The folder and the loader are named for the architecture.
from=$(dirname "$(find "$tree/usr/lib" -name libc.so.6)")
name=$(basename "$from"/ld-linux-*.so.*)
loader=lib/$name

mkdir -p "$to/bin" "$to/lib" "$to/share"
cp -a "$tree/usr/lib/git-core" "$to/core"
cp -a "$tree/usr/share/git-core/templates" "$to/share/templates"
rm "$to/core/git" # a link to what follows
cp "$tree/usr/bin/git" "$to/core/git"
cp -L "$from/$name" "$to/$loader"

for file in "$to"/core/*; do
    if [ -L "$file" ] || [ ! -f "$file" ]; then continue; fi
    [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
    # The tree's libraries first, and what it takes from this system.
    "$to/$loader" --library-path "$from" --list "$file" | sed -n 's/.* => \(.*\) (.*/\1/p' |
        while read -r library; do cp -nL "$library" "$to/lib/"; done
    # RPATH, not RUNPATH: it holds for the libraries' own libraries too.
    patchelf --force-rpath --set-rpath "$to/lib" --set-interpreter "$to/$loader" "$file"
done

# Builtins are links to ../../bin/git.
find "$to/core" -type l -lname '*bin/git' -exec ln -sf git {} \;
cat >"$to/bin/git" <<END
#!/bin/sh
GIT_EXEC_PATH=$to/core GIT_TEMPLATE_DIR=$to/share/templates exec $to/core/git "\$@"
END
chmod 0755 "$to/bin/git"
