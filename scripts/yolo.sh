#!/bin/sh
# One detection job: the pictures of a folder in, annotated pictures and label files out.
# Usage: yolo.sh FOLDER OUT WEIGHTS [more options of yolo-detect]
#
# Runs wherever the pool puts it: needs no HOME, no terminal and nothing but yolo-detect (in PATH, or in ROOST_BIN).
set -eu

if [ $# -lt 3 ]; then
  echo "usage: yolo.sh FOLDER OUT WEIGHTS [options of yolo-detect]" >&2
  exit 64
fi
folder=$1 out=$2 weights=$3
shift 3
PATH="${ROOST_BIN:+$ROOST_BIN:}${PATH:-/usr/bin:/bin}:/usr/local/bin"
export PATH

# The pool fetches this folder when the job ends, well or not. Without it HTCondor would hold a failed job for ever
# instead of reporting it.
mkdir -p "$out"

if ! command -v yolo-detect >/dev/null; then
  echo "yolo.sh: no yolo-detect on host $(uname -n): install it, or set ROOST_BIN to its folder" >&2
  exit 127
fi

status=0
yolo-detect --weights "$weights" --source "$folder" --out "$out" --save-txt --save-conf "$@" || status=$?

# 3: done, but some pictures could not be read. They are named in this job's error file; the others go on to upload.
if [ "$status" = 3 ] && [ "${ROOST_STRICT:-}" = "" ]; then
  echo "yolo.sh: some pictures of '$folder' were unusable, the rest is done (ROOST_STRICT=1 makes this a failure)" >&2
  status=0
fi
exit "$status"
