# A real Slurm of two nodes with two CPUs each, on one machine. To be sourced inside namespace.sh, where nothing of it can leak.
# cluster_up DIRECTORY, cut NODE, restore NODE. The directory's path must be short: it holds sockets.
# Found out the hard way: slurmd of Slurm 22.05 wants a cgroup plugin even if nothing uses it, and v1 is the one that starts without
# mounted cgroups; a node is told apart by its host name, so every slurmd has its own, with its own network and its own TmpFS.

PATH=$PATH:/usr/sbin:/sbin

# in_node NODE COMMAND...: there, with its host name and its hosts file.
in_node() {
  local node=$1
  shift
  nsenter --net="/run/netns/$node" unshare --uts --mount bash -c \
    'hostname "$0"; mount --make-rprivate / 2>/dev/null; mount --bind "$1/hosts" /etc/hosts; shift; exec "$@"' "$node" "$cluster" "$@"
}

wait_until() { # SECONDS CONDITION
  local _
  for _ in $(seq $(($1 * 5))); do
    eval "$2" && return 0
    sleep 0.2
  done
  echo "# waited $1 s in vain for: $2"
  return 1
}

cluster_up() {
  cluster=$1
  local node
  mkdir -p "$cluster"/{log,state,spool,tmp/n1,tmp/n2,munge}
  mount --make-rprivate /
  mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns
  hostname head
  ip link set lo up
  ip link add cluster type bridge && ip addr add 10.99.0.254/24 dev cluster && ip link set cluster up || return 77
  printf '127.0.0.1 localhost\n10.99.0.254 head\n10.99.0.1 n1\n10.99.0.2 n2\n' >"$cluster/hosts"
  mount --bind "$cluster/hosts" /etc/hosts
  for node in 1 2; do
    ip netns add n$node && ip link add v$node type veth peer name eth0 netns n$node || return 77
    ip link set v$node master cluster up
    ip -n n$node link set lo up
    ip -n n$node addr add 10.99.0.$node/24 dev eth0
    ip -n n$node link set eth0 up
  done
  export SLURM_CONF=$cluster/slurm.conf
  cat >"$SLURM_CONF" <<CONF
ClusterName=test
SlurmctldHost=head(10.99.0.254)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$cluster/munge/socket
CredType=cred/munge
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool/%n
TmpFS=$cluster/tmp/%n
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd.%n.pid
SlurmctldLogFile=$cluster/log/slurmctld.log
SlurmdLogFile=$cluster/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=pmix
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=bf_interval=1,sched_interval=2,batch_sched_delay=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=8
MinJobAge=3600
MessageTimeout=10
SlurmdTimeout=8
SlurmctldTimeout=30
InactiveLimit=0
JobRequeue=1
JobAcctGatherType=jobacct_gather/linux
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
NodeName=n1 NodeAddr=10.99.0.1 CPUs=2 RealMemory=1000
NodeName=n2 NodeAddr=10.99.0.2 CPUs=2 RealMemory=1000
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
PartitionName=low Nodes=n[1-2] MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=10
CONF
  printf 'CgroupPlugin=cgroup/v1\n' >"$cluster/cgroup.conf"
  printf 'PMIxDirectConn=true\n' >"$cluster/mpi.conf"
  (umask 077 && mungekey -c -f -k "$cluster/munge.key")
  munged --force --socket="$cluster/munge/socket" --key-file="$cluster/munge.key" --log-file="$cluster/log/munged.log" \
    --pid-file="$cluster/munged.pid" --seed-file="$cluster/munge.seed" --num-threads=2 2>/dev/null
  wait_until 10 '[ -S "$cluster/munge/socket" ]' || return 1
  slurmctld -f "$SLURM_CONF"
  for node in n1 n2; do
    mkdir -p "$cluster/spool/$node"
    in_node $node slurmd -N $node -f "$SLURM_CONF"
  done
  # Root may run jobs here, and ranks of jobs that share cores with a whole test suite must yield while they wait.
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1 OMP_WAIT_POLICY=passive
  wait_until 30 '[ "$(timeout 10 sinfo -h -N -p main -t idle -o %N | wc -l)" = 2 ]'
}

# What a power cut does: no process is left, and no packet says so.
cut_off() {
  local process
  ip -n "$1" link set eth0 down
  for process in $(ip netns pids "$1"); do kill -9 "$process" 2>/dev/null; done
}
# As after a start: with empty temporary directories, in which PMIx would stumble over what the dead step has left.
restore() {
  rm -rf "$cluster/tmp/$1" "$cluster/spool/$1" && mkdir -p "$cluster/tmp/$1" "$cluster/spool/$1"
  ip -n "$1" link set eth0 up
  rm -f "$cluster/slurmd.$1.pid"
  in_node "$1" slurmd -N "$1" -f "$SLURM_CONF"
  timeout 10 scontrol update NodeName="$1" State=RESUME 2>/dev/null
  wait_until 30 'timeout 10 sinfo -h -n '"$1"' -p main -t idle -o %N | grep -q .'
}

# field JOB NAME: of scontrol's record.
field() { timeout 10 scontrol show job "$1" -o 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -1; }
# A job that was put back waits two minutes for its start, unless it is told otherwise; told while it still ends, it forgets. Seconds pass
# before the other node's step daemon has cleared away what PMIx would stumble over ("launch failed: Unspecified error").
start_again() {
  wait_until 40 '[ "$(field '"$1"' JobState)" = PENDING ]' || return 1
  sleep 5
  timeout 10 scontrol update JobId="$1" StartTime=now
}
