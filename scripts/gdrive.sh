#!/bin/sh
# Ships the result folders of one detect cluster. Nothing is deleted here: the results stay where they are.
# Usage: gdrive.sh RESULTS CLUSTER JOBS DESTINATION
#
# Needs no HOME, no terminal, no browser: only yolo-upload (in PATH, or in ROOST_BIN).
set -eu

results=${1:-} cluster=${2:-} jobs=${3:-} destination=${4:-}
if [ -z "$results" ] || [ -z "$cluster" ] || [ -z "$jobs" ]; then
  echo "gdrive.sh: nothing says which results to ship: results/detected.sub is written after the detect node is done" >&2
  exit 66
fi
if [ -z "$destination" ]; then
  echo "gdrive.sh: no destination: set ROOST_DESTINATION, for example to folder:/mnt/archive" >&2
  exit 64
fi
PATH="${ROOST_BIN:+$ROOST_BIN:}${PATH:-/usr/bin:/bin}:/usr/local/bin"
export PATH

if ! command -v yolo-upload >/dev/null; then
  echo "gdrive.sh: no yolo-upload on host $(uname -n): install it, or set ROOST_BIN to its folder" >&2
  exit 127
fi

# Exactly the folders of this run, whatever else lies beside them.
set --
job=0
while [ "$job" -lt "$jobs" ]; do
  set -- "$@" "$results/detect_${cluster}_$job"
  job=$((job + 1))
done
exec yolo-upload "$@" --to "$destination"
