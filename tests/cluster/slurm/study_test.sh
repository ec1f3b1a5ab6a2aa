#!/bin/bash
# study_test.sh PROGRAM: studies submitted to a real Slurm of two nodes. Prints TAP. Exit status 77: it cannot be had here.
set -u
here=$(cd "$(dirname "$0")" && pwd)
program=$1

if [ "${2:-}" != inside ]; then
  PATH=$PATH:/usr/sbin:/sbin
  for tool in slurmctld slurmd sbatch srun munged mungekey ip unshare nsenter; do
    command -v $tool >/dev/null || { echo "skipped: $tool is missing (packages.txt, section scheduler)"; exit 77; }
  done
  work=$(mktemp -d /tmp/vslurm.XXXXXX)
  "$here/namespace.sh" bash "$0" "$program" inside "$work"
  status=$?
  rm -rf "$work"
  exit $status
fi

work=$3
. "$here/cluster.sh"
failed=0
check() { # TITLE STATUS
  if [ "$2" -eq 0 ]; then echo "ok - $1"; else failed=1 && echo "not ok - $1"; fi
}
show() { sed 's/^/# /' "$@" | tail -40; }

cluster_up "$work/c"
status=$?
if [ $status -ne 0 ]; then
  show "$work"/c/log/*.log
  echo 'skipped: Slurm does not start here (the lines above say why)'
  exit 77
fi
cd "$work" || exit 1

study() { # NAME REPLICATES
  cat >"$1.toml" <<TOML
[study]
name = "$1"
[model]
name = "banana"
[path]
steps = 20
points = [0, 100]
[estimators]
names = ["pw_cfe", "sf_loo"]
samples = 16
[replicates]
count = $2
batches = 64
TOML
}
site() { # FILE LAUNCHER [LINES]
  printf 'scheduler = "slurm"\nlauncher = "%s"\n%b\n[signal]\nlead_seconds = 10\n' "$2" "${3:-}" >"$1"
}
ended() { # JOB
  case $(field "$1" JobState) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) return 0 ;; *) return 1 ;; esac
}
hash_in() { grep -ho 'results hash [0-9a-f]*' "$@" | sort -u | cut -d ' ' -f 3; }
submit() { timeout 60 "$program" submit "$@" 2>>submit.err; }

study small 256
study long 200000000
site srun.toml srun
site mpirun.toml mpirun

timeout 60 "$program" run small.toml --output plain >plain.out 2>&1
expected=$(hash_in plain.out)
[ -n "$expected" ]
check 'a plain run has a hash' $?

id=$(submit small.toml --site ./srun.toml --nodes 2 --tasks-per-node 2 --time 10 --output "a 'srun' run")
wait_until 60 'ended "$id"'
[ "$(field "$id" JobState)" = COMPLETED ] && [ "$(field "$id" NodeList)" = 'n[1-2]' ] && [ "$(hash_in "a 'srun' run"/job/log.*)" = "$expected" ]
check '4 ranks on 2 nodes under srun: the hash of one rank' $? || show submit.err "a 'srun' run"/job/log.*
[ $failed = 0 ] || show submit.err "a 'srun' run"/job/log.*

id=$(submit small.toml --site ./mpirun.toml --nodes 2 --tasks-per-node 1 --time 10 --output mpirun)
wait_until 60 'ended "$id"'
[ "$(field "$id" JobState)" = COMPLETED ] && [ "$(hash_in mpirun/job/log.*)" = "$expected" ]
check '2 ranks on 2 nodes under mpirun: the same hash' $?
[ $failed = 0 ] || show submit.err mpirun/job/log.*

echo "failed=$failed"
exit $failed
