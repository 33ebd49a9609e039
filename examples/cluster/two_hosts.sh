#!/usr/bin/env bash
# Runs dnpo on the machines of `hosts`, with Open MPI. Call it on one of them:
#   examples/cluster/two_hosts.sh doctor
#   examples/cluster/two_hosts.sh train CONFIG [--set KEY=VALUE …]
# The first must reach the others by ssh without a password, and all of them CONFIG and its output_dir at the same paths.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
hosts=${HOSTS:-$here/hosts}
# A rank for each slot; a line without slots is one.
ranks=$(awk '!/^[ \t]*(#|$)/ { n = 1; if (match($0, /slots=[0-9]+/)) n = substr($0, RSTART + 6, RLENGTH - 6); sum += n }
  END { print sum }' "$hosts")

# --bind-to none: a rank may use all cores, where Open MPI would hold it on one.
# -x: a login by ssh has a PATH of its own, in which deno may be missing.
exec "${MPIRUN:-mpirun}" --hostfile "$hosts" -n "$ranks" --bind-to none --mca mpi_yield_when_idle 1 -x PATH \
  deno task -q --config "$here/../../deno.json" dnpo:mpi "$@"
