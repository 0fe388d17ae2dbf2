#!/bin/sh
# One training job: a dataset YAML in, RUN/weights/best.pt out. Started again after it was stopped or killed, it goes on
# from the last epoch that was finished; started again after it was done, it does nothing.
# Usage: train.sh DATA RUN [options of yolo-train]
set -eu

if [ $# -lt 2 ]; then
  echo "usage: train.sh DATA RUN [options of yolo-train]" >&2
  exit 64
fi
data=$1 run=$2
shift 2
PATH="${ROOST_BIN:+$ROOST_BIN:}${PATH:-/usr/bin:/bin}:/usr/local/bin"
export PATH

if ! command -v yolo-train >/dev/null; then
  echo "train.sh: no yolo-train on host $(uname -n): install it, or set ROOST_BIN to its folder" >&2
  exit 127
fi

if [ -f "$run/done" ]; then
  echo "train.sh: '$run' was trained before; remove it to train again" >&2
  exit 0
fi
if [ -f "$run/weights/last.pt" ]; then
  yolo-train --resume "$run/weights/last.pt"
else
  yolo-train --data "$data" --project "$(dirname "$run")" --name "$(basename "$run")" --exist-ok "$@"
fi
: >"$run/done"
