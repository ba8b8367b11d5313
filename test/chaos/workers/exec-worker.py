"""A worker on stdin and stdout. It answers as processor.mjs does, and misbehaves where a message says so.

Only the first attempt is bad: the next one is answered well, so each of these messages ends in the output.
"""

import json
import os
import sys
import threading
import time

LATE = float(sys.argv[1])  # seconds, more than the timeout of an attempt
RUBBISH = [
    b"\xff\xfe\x00 no UTF-8\n",
    b"Traceback (most recent call last):\n",
    b'{"jsonrpc":"2.0","id":"no-such-delivery/1","result":{}}\n',
    b'{"jsonrpc":"2.0","result":{}}\n',
    b"[]\nnull\n\n",
    b'{"jsonrpc":"2.0","method":"no-such-method","params":7}\n',
]

lock = threading.Lock()


def write(*pieces):
    with lock:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            if len(pieces) > 1:
                time.sleep(0.02)


def work(request):
    params = request["params"]
    message = params["message"]
    answer = {"jsonrpc": "2.0", "id": request["id"], "result": {**message, "seen": True}}
    line = json.dumps(answer).encode() + b"\n"
    half = len(line) // 2
    poison = message.get("poison")
    if poison:
        print(f"chaos: {poison}, attempt {params['attempt']}", file=sys.stderr, flush=True)
    first = params["attempt"] == 1
    if poison == "twice":
        write(line + line)
    elif poison == "rubbish":
        write(*RUBBISH, line)
    elif poison == "half":
        write(line[:half], line[half:])
    elif poison == "late" and first:
        threading.Timer(LATE, write, [line]).start()
    elif poison == "mute" and first:
        pass
    elif poison == "breaks" and first:
        write(line[:half])
        os._exit(3)
    else:
        write(line)


for text in sys.stdin.buffer:
    request = json.loads(text)
    if request.get("method") == "process":
        work(request)
