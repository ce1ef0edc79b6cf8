"""The other side of the codec's tests: real CPython. Reads one JSON line per request, answers one per line."""

import base64
import json
import pickle
import sys

for line in sys.stdin:
    request = json.loads(line)
    if "dump" in request:
        answer = base64.b64encode(pickle.dumps(request["dump"], protocol=request["protocol"])).decode()
    else:
        answer = pickle.loads(base64.b64decode(request["load"]))
    print(json.dumps(answer), flush=True)
