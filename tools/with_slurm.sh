#!/bin/bash
# Runs a command beside a Slurm of its own on this machine, which goes away afterwards: with_slurm.sh COMMAND [ARGUMENT…]
#
# The command finds SLURM_CONF. It has to run as root: Slurm starts jobs of any user.
set -euo pipefail

for program in slurmctld slurmd munged sbatch; do
    PATH=$PATH:/usr/sbin command -v "$program" > /dev/null || { echo "$program is missing: tools/setup --tests installs it" >&2; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "Slurm needs root" >&2; exit 77; }
export PATH=$PATH:/usr/sbin

folder=$(mktemp -d)
chmod 755 "$folder"
host=$(hostname -s)
port=$((10000 + RANDOM % 22000))  # below those that the system gives to clients
mkdir "$folder/state" "$folder/spool"
(umask 077 && head -c 1024 /dev/urandom > "$folder/key")
cat > "$folder/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,batch_sched_delay=0
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=20
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=60
PartitionName=urgent Nodes=$host MaxTime=INFINITE State=UP PriorityTier=2 PreemptMode=OFF
END
export SLURM_CONF="$folder/slurm.conf"

started=()
finish() {
    scancel --user=root 2> /dev/null || true
    for id in "${started[@]}"; do kill "$id" 2> /dev/null || true; done
    wait
    rm -rf "$folder"
}
trap finish EXIT
munged --force --foreground --socket="$folder/munge.socket" --key-file="$folder/key" --pid-file="$folder/munge.pid" \
    --seed-file="$folder/seed" --log-file="$folder/munge.log" > "$folder/munge.out" 2>&1 &
started+=($!)
slurmctld -D -i > "$folder/slurmctld.out" 2>&1 &
started+=($!)
slurmd -D > "$folder/slurmd.out" 2>&1 &
started+=($!)
is_ready() { sinfo --noheader --format=%T 2> /dev/null | grep -q idle; }
for _ in $(seq 100); do
    if is_ready; then break; fi
    sleep 0.3
done
is_ready || { tail -n 20 "$folder"/*.out "$folder"/*.log >&2; exit 1; }
"$@"
