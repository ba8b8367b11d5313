"""The same as noop.mjs, as a remote worker: url and concurrency are its arguments. It needs the module websockets."""

import asyncio
import json
import random
import sys

import websockets


async def main(url, concurrency):
    async with websockets.connect(url, compression=None) as socket:
        params = {"name": "python", "concurrency": int(concurrency), "protocol": 1}
        await socket.send(json.dumps({"jsonrpc": "2.0", "id": "hello", "method": "hello", "params": params}))
        async for frame in socket:
            request = json.loads(frame)
            if request.get("method") != "process":
                continue
            result = {**request["params"]["message"], "random": random.random()}
            await socket.send(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": result}, separators=(",", ":")))


asyncio.run(main(*sys.argv[1:]))
