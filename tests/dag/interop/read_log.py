"""The events of job event logs as HTCondor's own reader gives them: a JSON object a line, with the log's name."""
import json
import sys

import htcondor

for name in sys.argv[1:]:
    for event in htcondor.JobEventLog(name).events(stop_after=0):
        facts = {key: event[key] if isinstance(event[key], (bool, int, float)) else str(event[key]) for key in event}
        facts.update(log=name, number=int(event.type), cluster=event.cluster, proc=event.proc, time=event.timestamp)
        print(json.dumps(facts))
