#!/bin/sh
# POST script of the detect node: leaves a note for the upload node, and passes the node's result on.
# Usage: yolo-post.sh RETURN CLUSTER JOBS   (DAGMan's $RETURN $CLUSTERID $JOB_COUNT)
set -eu

return=$1 cluster=$2 jobs=$3

# $RETURN is negative for a signal or a job that could not be submitted: an exit status has no sign.
if [ "$return" != 0 ]; then
  [ "$return" -gt 0 ] 2>/dev/null || return=1
  exit "$return"
fi

note=results/detected.sub
cat >"$note.$$" <<END
# Written by yolo-post.sh: what submit/gdrive.sub ships.
results = $(pwd)/results
detect_cluster = $cluster
detect_jobs = $jobs
END
mv "$note.$$" "$note"
