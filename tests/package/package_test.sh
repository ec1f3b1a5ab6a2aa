#!/bin/bash
# package_test.sh BUILD: installs a build into a prefix of its own; another project finds it there, links it, and runs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$1" --prefix "$work/prefix" >"$work/log" || { cat "$work/log"; exit 1; }
"$work/prefix/bin/variscope" --version
# Nothing installed may point back to where it was built.
if grep -rlF "$1" "$work/prefix/include" "$work/prefix"/lib*/cmake; then echo 'installed files name the build directory'; exit 1; fi
for step in "cmake -S $here -B $work/build -DCMAKE_PREFIX_PATH=$work/prefix -DCMAKE_BUILD_TYPE=Release" "cmake --build $work/build"; do
  $step >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
done
"$work/build/consumer"
