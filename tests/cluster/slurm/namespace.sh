#!/bin/bash
# namespace.sh COMMAND...: runs a command where everything that it starts, mounts and names ends with it, however it ends.
# New process, mount, network, host-name and IPC namespaces: daemons cannot outlive the first process, ports and host names are nobody
# else's. Exit status 77 where this machine does not allow that; else the command's.
set -u
flags=(--mount --net --pid --uts --ipc --fork --kill-child --mount-proc)
[ "$(id -u)" -eq 0 ] || flags=(--user --map-root-user "${flags[@]}")
if ! unshare "${flags[@]}" true 2>/dev/null; then
  echo 'skipped: namespaces cannot be made here (unshare refused)'
  exit 77
fi
exec unshare "${flags[@]}" "$@"
