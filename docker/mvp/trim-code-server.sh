#!/bin/sh
# Take out of FOLDER, an installed code-server, what a running one on Linux with glibc never loads:
# halves it. Called with its folder; needs `strip`.
set -eu
cd "$1"
vscode=node_modules/code-server/lib/vscode

# A clone made with umask 077 has them closed to others.
chmod 0644 package.json package-lock.json

# Of the Node that it pins, only the program runs.
mv node_modules/node-linux-*/bin/node node
mv node_modules/node-linux-*/LICENSE LICENSE.node
rm -rf node_modules/node-linux-*
strip --strip-unneeded node
system=linux-$(./node -p process.arch)

# What compiling left: only Release/*.node is loaded.
find . -path '*/build/Release/*' -type d -prune -exec rm -rf {} +
find . -path '*/build/*' -type f \( -name '*.a' -o -name '*.mk' -o -name '*akefile' \) -delete
find $vscode/node_modules -path '*/build/deps/*' -delete
find $vscode/node_modules -path '*/build/*' -type f -name '*.node' -exec strip --strip-unneeded {} +

# What only a debugger or a compiler reads.
find . -type f \( -name '*.map' -o -name '*.pdb' -o -name '*.d.ts' -o -name '*.d.mts' \) \
    ! -path '*/typescript/lib/*' -delete

# Binaries for other systems.
find . -path '*/prebuilds/*' -prune -type d ! -name "$system" -exec rm -rf {} +
find $vscode/node_modules/@vscode/ripgrep-universal/bin -mindepth 1 -maxdepth 1 \
    ! -name "$system" -exec rm -rf {} +
rm -rf "$vscode/node_modules/@parcel/watcher-$system-musl"

# What libraries bring for those who work on them: tests (one of them with keys), documents, and the
# TypeScript beside what was made from it.
rm -rf $vscode/node_modules/ssh2/test
find . -type d \( -path '*/zod/src' -o -path '*/undici/docs' -o -path '*/copilot-sdk/docs' \) \
    -prune -exec rm -rf {} +

# A chat that needs GitHub Copilot's own extension, its sandbox, and diagrams for it.
rm -rf $vscode/node_modules/@github/copilot-sdk-linux-* $vscode/node_modules/@microsoft/mxc-sdk \
    $vscode/extensions/copilot $vscode/extensions/mermaid-markdown-features
