#!/bin/bash
# jobs_test.sh PROGRAM: real studies through a real Slurm of two nodes: as an array, over a hard time limit, and after a lost slurmd, each to
# the hash of the study in one uninterrupted run. Prints TAP. Exit status 77: it cannot be had here.
set -u
. "$(dirname "$0")/inside.sh"

study() { # NAME SAMPLES
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
samples = $2
[replicates]
count = 64000
batches = 64
TOML
}
on() { # SITE NODE PROGRAM [LINES]: a site whose jobs run on one node
  site "$1.toml" srun "program = \"$work/$3\"\nextra_directives = [\"--nodelist=$2\"]\n${4:-}"
}

study one 16
study cells '[8, 12, 16, 24]'
# In its first try the study saves what it has after a moment, and its process stays: asked to leave it leaves (polite), or not (deaf).
for kind in polite deaf; do
  cat >$kind <<PROGRAM
#!/bin/bash
[ "\$(cat job/tries.0)" -lt 2 ] && [ ! -e run.seen ] || exec "$program" "\$@"
asked=
[ $kind = deaf ] && trap '' USR1 TERM || trap 'asked=yes' USR1 TERM
"$program" "\$@" --checkpoint-seconds 0 --stop-after 0.2
rc=\$?
touch run.seen
until [ -n "\$asked" ]; do sleep 0.2; done
exit \$rc
PROGRAM
done
# A task of an array that is stopped once with its state saved.
cat >once <<PROGRAM
#!/bin/bash
case "\$*" in *'--part 1/3'*) [ "\$(cat job/tries.1)" -ge 2 ] || exec "$program" "\$@" --checkpoint-seconds 0 --stop-after 0.2 ;; esac
exec "$program" "\$@"
PROGRAM
chmod +x polite deaf once
# No signal before the end: the time limit itself is what comes.
on limit n1 polite 'skip_directives = ["--signal"]'
on killed n1 deaf 'skip_directives = ["--signal"]'
on lost n2 polite
site once.toml srun "program = \"$work/once\""

polite_id=$(submit one.toml --site ./limit.toml --time 1 --output limit)
deaf_id=$(submit one.toml --site ./killed.toml --time 1 --output killed)
lost_id=$(submit one.toml --site ./lost.toml --time 10 --output lost)
for name in one cells; do timeout 100 "$program" run $name.toml --quiet --output plain_$name >plain_$name.out 2>&1; done
one=$(hash_in plain_one.out)
cells=$(hash_in plain_cells.out)
[ -n "$one" ] && [ -n "$cells" ]
check 'plain runs have hashes' $?

wait_until 60 '[ -e lost/run.seen ]' && [ -e lost/MANIFEST ] && [ ! -e lost/run.h5 ] && kill -9 "$(cat c/slurmd.n2.pid)"
wait_until 90 '[ "$(field "$lost_id" Restarts)" = 1 ]'
check 'a slurmd is killed: the job is put back' $?
restore n2 && start_again "$lost_id" && wait_until 60 'ended "$lost_id"'
[ "$(field "$lost_id" JobState)" = COMPLETED ] && [ "$(hash_in lost/job/log.*)" = "$one" ]
check 'slurmd is back: the second try ends in the hash of the uninterrupted run' $?

ids=$(submit cells.toml --site ./once.toml --array 3 --time 10 --output array)
set -- $ids
array=${1:-} collect=${2:-}
timeout 60 "$program" status array >status.out 2>&1
grep -q "$array" status.out && grep -q "$collect" status.out
check 'status shows what the scheduler knows of the array and of the job behind it' $?
wait_until 60 'grep -q "ended with status 85" array/job/log.* 2>/dev/null'
timeout 60 "$program" status array >status.out 2>&1
grep -q '^1 *paused' status.out && [ "$(field "$collect" JobState)" = PENDING ]
check 'a task was stopped with its state saved, and the job behind the array waits' $?
start_again "${array}_1" && wait_until 90 'ended "$collect"'
[ "$(field "$collect" JobState)" = COMPLETED ] && [ "$(hash_in array/job/log.*)" = "$cells" ] && [ "$(cat array/job/tries.1)" = 2 ] &&
  [ -e array/run.h5 ] && [ ! -e array/parts ] && [ ! -e array/segments ]
check 'an array of three tasks and a job behind it: one run.h5 with the hash of one run' $?

wait_until 90 'grep -q "ended with status 85" limit/job/log.* 2>/dev/null'
start_again "$polite_id" && wait_until 60 'ended "$polite_id"'
[ "$(field "$polite_id" JobState)" = COMPLETED ] && [ "$(field "$polite_id" Restarts)" = 1 ] && [ "$(hash_in limit/job/log.*)" = "$one" ]
check 'the time limit, not announced: saved, put back, the hash of the uninterrupted run' $?
wait_until 90 'ended "$deaf_id"'
[ "$(field "$deaf_id" JobState)" = TIMEOUT ] && [ -e killed/MANIFEST ] && [ ! -e killed/run.h5 ]
check 'a job that does not hear is killed at its time limit' $?
deaf_id=$(submit one.toml --site ./killed.toml --time 2 --output killed)
wait_until 60 'ended "$deaf_id"'
[ "$(field "$deaf_id" JobState)" = COMPLETED ] && [ "$(hash_in killed/job/log.*)" = "$one" ]
check 'submitted again it goes on, to the hash of the uninterrupted run' $?

report_failure
exit $failed
