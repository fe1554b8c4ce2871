#!/usr/bin/env bash
# A real Slurm of one node on the loopback, in a folder of its own: `slurm.sh start FOLDER`, `slurm.sh stop FOLDER`.
# Needs root, slurmctld, slurmd and munged (Debian: slurmctld slurmd slurm-client munge). Then SLURM_CONF=FOLDER/slurm.conf is all
# that sbatch, squeue and scancel need. `slurm.sh slurmd FOLDER` starts the node's daemon again after it was killed.
set -euo pipefail
action=$1 folder=$(realpath -m "$2") host=$(hostname -s)
export PATH=$PATH:/usr/sbin:/sbin

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

stop() {
  for name in slurmd slurmctld munged; do
    [ -f "$folder/$name.pid" ] && kill "$(cat "$folder/$name.pid")" 2>/dev/null || true
  done
}

case $action in
start)
  mkdir -p "$folder"/{state,spool,munge}
  chmod 700 "$folder/munge"
  dd if=/dev/urandom of="$folder/munge/key" bs=128 count=1 status=none
  chmod 600 "$folder/munge/key"
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munged.pid" \
    --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" 2>"$folder/munge/warnings"
  cat >"$folder/slurm.conf" <<EOF
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(port)
SlurmdPort=$(port)
AuthType=auth/munge
AuthInfo=socket=$folder/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
MailProg=/bin/true
KillWait=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
PartitionName=closed Nodes=$host MaxTime=INFINITE State=INACTIVE
EOF
  export SLURM_CONF=$folder/slurm.conf
  slurmctld && slurmd || { stop; exit 1; }
  for _ in $(seq 100); do
    [ "$(sinfo --noheader --partition=main --format=%t 2>/dev/null)" = idle ] && exit 0
    sleep 0.1
  done
  tail -n 5 "$folder/slurmctld.log" "$folder/slurmd.log" >&2
  stop
  exit 1
  ;;
slurmd)
  SLURM_CONF=$folder/slurm.conf slurmd
  ;;
stop)
  stop
  ;;
esac
