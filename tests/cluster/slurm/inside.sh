# What tests of a real Slurm begin with. To be sourced by a script called with PROGRAM: runs it again in namespaces of its own, and there
# starts the cluster and goes to a directory that is removed afterwards. Exit status 77: it cannot be had here.
# Leaves $program, $work, $failed, and: check, show, site, ended, hash_in, submit, report_failure.
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

site() { # FILE LAUNCHER [LINES]
  printf 'scheduler = "slurm"\nlauncher = "%s"\n%b\n[signal]\nlead_seconds = 10\n' "$2" "${3:-}" >"$1"
}
ended() { # JOB
  case $(field "$1" JobState) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) return 0 ;; *) return 1 ;; esac
}
hash_in() { grep -ho 'results hash [0-9a-f]*' "$@" | sort -u | cut -d ' ' -f 3; }
submit() { timeout 60 "$program" submit "$@" 2>>submit.err; }

report_failure() {
  [ $failed -eq 0 ] && return
  show submit.err
  for log in */job/log*; do echo "# $log" && show "$log"; done
  scontrol show job | show
  show c/log/slurmctld.log
}
