#!/bin/sh
# One job that measures trained weights: figures, curves and label files go to OUT.
# Usage: val.sh DATA WEIGHTS OUT [options of yolo-val]
set -eu

if [ $# -lt 3 ]; then
  echo "usage: val.sh DATA WEIGHTS OUT [options of yolo-val]" >&2
  exit 64
fi
data=$1 weights=$2 out=$3
shift 3
PATH="${ROOST_BIN:+$ROOST_BIN:}${PATH:-/usr/bin:/bin}:/usr/local/bin"
export PATH

if ! command -v yolo-val >/dev/null; then
  echo "val.sh: no yolo-val on host $(uname -n): install it, or set ROOST_BIN to its folder" >&2
  exit 127
fi
exec yolo-val --data "$data" --weights "$weights" --project "$(dirname "$out")" --name "$(basename "$out")" \
  --exist-ok "$@"
