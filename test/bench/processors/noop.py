"""The same as noop.mjs, as a program on stdin and stdout: one JSON-RPC message a line."""

import json
import random
import sys

for line in sys.stdin:
    request = json.loads(line)
    if request.get("method") != "process":
        continue
    result = {**request["params"]["message"], "random": random.random()}
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}, separators=(",", ":")), flush=True)
