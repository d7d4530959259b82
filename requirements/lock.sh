#!/usr/bin/env bash
# Writes the lock files: versions and hashes, no registry. Needs uv; run it after changing a .in file.
set -euo pipefail
cd "$(dirname "$0")"
all=$(mktemp)
cat light.txt torch.txt ml.txt dev.txt > "$all" # what is locked stays where it still fits; upgrade with UV_UPGRADE=1
compile() { uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate "$@"; }
compile light.in torch.in ml.in dev.in -o "$all"
names() { sed -n 's/^\([A-Za-z0-9_.-]*\)==.*/\1/p' "$@" | sort -u; }
without() { names "$@" | sed 's/^/--no-emit-package=/'; }
compile --generate-hashes -c "$all" light.in -o light.txt
compile --generate-hashes -c "$all" torch.in $(without light.txt) -o torch.txt
compile --generate-hashes -c "$all" ml.in $(without light.txt torch.txt) -o ml.txt
compile --generate-hashes -c "$all" dev.in $(without light.txt torch.txt ml.txt) -o dev.txt
rm "$all"
