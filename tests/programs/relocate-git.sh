#!/bin/sh
# relocate-git.sh TREE TO: make of a git that was unpacked in TREE one that lives in TO and brings
# its own C library. TO is where it will be.
set -eu
tree=$1 to=$2

mkdir -p "$to/bin" "$to/share"
cp -a "$tree/usr/lib/git-core" "$to/core"
cp -a "$tree/usr/share/git-core/templates" "$to/share/templates"
rm "$to/core/git" # a link to what follows
cp "$tree/usr/bin/git" "$to/core/git"
sh "${0%/*}/relocate.sh" "$tree" "$to" "$to"/core/*

# Builtins are links to ../../bin/git.
find "$to/core" -type l -lname '*bin/git' -exec ln -sf git {} \;
cat >"$to/bin/git" <<END
#!/bin/sh
GIT_EXEC_PATH=$to/core GIT_TEMPLATE_DIR=$to/share/templates exec $to/core/git "\$@"
END
chmod 0755 "$to/bin/git"
