#!/bin/bash
# study_test.sh PROGRAM: studies submitted to a real Slurm of two nodes. Prints TAP. Exit status 77: it cannot be had here.
set -u
. "$(dirname "$0")/inside.sh"

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
study small 256
study long 200000000
site srun.toml srun
site mpirun.toml mpirun

# A program that is asked to save and stop in its first try, and done in its second.
cat >stops <<'PROGRAM'
#!/bin/bash
[ "$(cat job/tries.0)" -lt 2 ] || { sleep 1; exit 0; }
trap 'exit 85' USR1 TERM
touch "running.$PMIX_RANK"
while :; do sleep 0.1; done
PROGRAM
chmod +x stops
site stops.toml srun "program = \"$work/stops\""

timeout 60 "$program" run small.toml --output plain >plain.out 2>&1
expected=$(hash_in plain.out)
[ -n "$expected" ]
check 'a plain run has a hash' $?

id=$(submit small.toml --site ./srun.toml --nodes 2 --tasks-per-node 2 --time 10 --output "a 'srun' run")
wait_until 60 'ended "$id"'
[ "$(field "$id" JobState)" = COMPLETED ] && [ "$(field "$id" NodeList)" = 'n[1-2]' ] && [ "$(hash_in "a 'srun' run"/job/log.*)" = "$expected" ]
check '4 ranks on 2 nodes under srun: the hash of one rank' $?

id=$(submit small.toml --site ./mpirun.toml --nodes 2 --tasks-per-node 1 --time 10 --output mpirun)
wait_until 60 'ended "$id"'
[ "$(field "$id" JobState)" = COMPLETED ] && [ "$(hash_in mpirun/job/log.*)" = "$expected" ]
check '2 ranks on 2 nodes under mpirun: the same hash' $?

id=$(submit long.toml --site ./srun.toml --nodes 2 --time 10 --output cancelled)
wait_until 30 'grep -q "try 1" cancelled/job/log.* 2>/dev/null'
submit long.toml --site ./srun.toml --nodes 2 --time 10 --output cancelled >/dev/null
[ $? = 2 ] && grep -q "job $id of this run is running" submit.err
check 'a run whose job is alive is not submitted again' $?
timeout 60 "$program" cancel cancelled >cancel.out 2>&1
wait_until 40 'ended "$id"'
[ "$(cat cancel.out)" = "cancelled: $id" ] && [ "$(field "$id" JobState)" = CANCELLED ] && [ "$(field "$id" Restarts)" = 0 ]
check 'cancel ends a job on two nodes for good' $?

# The wall time of one minute is announced 50 seconds before its end, and Slurm may be a minute early.
printf 'scheduler = "slurm"\nprogram = "%s"\n[signal]\nlead_seconds = 50\n' "$work/stops" >soon.toml
id=$(submit small.toml --site ./soon.toml --nodes 2 --time 1 --output soon)
wait_until 90 'grep -q "ended with status 85" soon/job/log.* 2>/dev/null'
start_again "$id" && wait_until 40 'ended "$id"'
[ "$(field "$id" JobState)" = COMPLETED ] && [ "$(field "$id" Restarts)" = 1 ] && [ "$(cat soon/job/tries.0)" = 2 ]
check 'the announced end of the wall time: saved, put back, done in the second try' $?

id=$(submit small.toml --site ./stops.toml --nodes 2 --time 10 --partition low --output preempted)
wait_until 30 '[ -e preempted/running.0 ] && [ -e preempted/running.1 ]'
higher=$(sbatch --parsable --partition main --nodes 2 --exclusive --time 1 --output /dev/null --wrap 'sleep 1')
wait_until 60 'ended "$higher"'
start_again "$id" && wait_until 40 'ended "$id"'
[ "$(field "$id" JobState)" = COMPLETED ] && [ "$(field "$id" Restarts)" = 1 ]
check 'preempted by a higher partition: saved, put back, done' $?

id=$(submit small.toml --site ./stops.toml --nodes 2 --time 10 --output scancelled)
wait_until 30 '[ -e scancelled/running.0 ] && [ -e scancelled/running.1 ]'
scancel "$id"
wait_until 40 'ended "$id"'
sleep 1
[ "$(field "$id" JobState)" = CANCELLED ] && [ "$(field "$id" Restarts)" = 0 ]
check 'scancel too is for good, though the run saves and stops' $?

id=$(submit small.toml --site ./stops.toml --nodes 2 --time 10 --output lost)
wait_until 30 '[ -e lost/running.0 ] && [ -e lost/running.1 ]'
cut_off n2
wait_until 90 '[ "$(field "$id" Restarts)" = 1 ]'
check 'a node without power: the job is put back' $?
restore n2 && start_again "$id" && wait_until 40 'ended "$id"'
[ "$(field "$id" JobState)" = COMPLETED ] && [ "$(cat lost/job/tries.0)" = 2 ]
check 'the node is back: the job is done in its second try' $?

# Slurm reads directives of PBS: how a second scheduler understands them.
timeout 60 "$program" submit small.toml --site pbs --nodes 2 --tasks-per-node 2 --time 00:17:00 --name 'as pbs' --dry-run >pbs.sh 2>/dev/null
id=$(sbatch --parsable --hold --output /dev/null --error /dev/null pbs.sh)
[[ "$(field "$id" NumNodes)" =~ ^2(-2)?$ ]] && [ "$(field "$id" TimeLimit)" = 00:17:00 ] && [ "$(field "$id" JobName)" = as_pbs ]
check 'directives of PBS mean the same to a parser that is not ours' $?
scancel "$id"

report_failure
exit $failed
