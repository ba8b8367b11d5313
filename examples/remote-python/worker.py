"""A remote worker of cgroup: adds the total to orders, many of them at a time.

Usage: python3 worker.py URL
"""

import asyncio
import json
import os
import random
import signal
import sys

try:
    from websockets.asyncio.client import connect  # version 13 and newer

    HEADERS = "additional_headers"
except ImportError:
    from websockets import connect

    HEADERS = "extra_headers"

TOKEN = os.environ.get("CGROUP_HTTP_TOKEN")
NAME = "python"
CONCURRENCY = 100  # orders at a time


class GivenUp(Exception):
    """No further attempt would help."""


async def handle(order, attempt):
    """Your code. What it returns is the result; an exception is a failed attempt."""
    if "count" not in order:
        raise GivenUp("the order has no count")
    return {**order, "total": order["price"] * order["count"]}


class Worker:
    """Outlives a connection: what is in work goes on, and its answers are sent over the next one."""

    def __init__(self):
        self.socket = None
        self.stopping = False
        self.in_work = {}  # tasks by delivery id
        self.answers = {}  # by delivery id: those that could not be sent

    async def run(self, url):
        """Connects again and again, until the worker stops."""
        headers = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
        wait = 0.1
        while not self.stopping:
            try:
                # Messages may be large. Pings show whether the group is alive.
                async with connect(url, max_size=2**26, ping_interval=1, ping_timeout=3, **{HEADERS: headers}) as self.socket:
                    await self.hello()
                    async for text in self.socket:
                        wait = 0.1
                        await self.receive(text)
                why = "the group closed the connection"
            except Exception as error:
                why = str(error) or type(error).__name__
            finally:
                self.socket = None
            if self.stopping:
                return
            print(f"no connection to {url}: {why}", file=sys.stderr)
            await asyncio.sleep(wait * random.uniform(0.5, 1))
            wait = min(2 * wait, 5)

    async def hello(self):
        holds = [*self.in_work, *self.answers]
        params = {"name": NAME, "concurrency": CONCURRENCY, "protocol": 1, "holds": holds}
        await self.send({"id": "hello", "method": "hello", "params": params})

    async def receive(self, text):
        try:
            message = json.loads(text)
        except ValueError as error:
            await self.refuse(None, -32700, f"this is not JSON: {error}")
            return
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            await self.refuse(None, -32600, "this is no message of JSON-RPC 2.0")
            return
        method, params, id = message.get("method"), message.get("params"), message.get("id")
        if method == "process" and isinstance(params, dict) and isinstance(params.get("message"), dict):
            self.in_work[id] = asyncio.create_task(self.process(id, params))
        elif method == "process":
            await self.refuse(id, -32602, 'process: "params.message" must be an object')
        elif method == "cancel":
            self.drop((params or {}).get("delivery_id"))
        elif method == "quiet":
            pass  # the group is paused or stops: there is nothing to do
        elif method:
            if id is not None:
                await self.refuse(id, -32601, f"there is no method {method}; there are process, cancel, quiet")
        elif message.get("error"):
            print(f"the group says: {message['error'].get('message')}", file=sys.stderr)
        elif id == "hello":
            await self.welcome(message["result"])

    async def welcome(self, result):
        print(f"connected: {result['consumer_id']}", file=sys.stderr)
        for id in {*self.in_work, *self.answers}.difference(result["resumed"]):
            self.drop(id)  # others have it by now
        for id in list(self.answers):
            await self.send(self.answers.pop(id))

    async def process(self, id, params):
        try:
            answer = {"id": id, "result": await handle(params["message"], params["attempt"])}
        except GivenUp as error:
            answer = {"id": id, "error": {"code": -32000, "message": str(error), "data": {"dead": True}}}
        except Exception as error:
            answer = {"id": id, "error": {"code": -32000, "message": f"{type(error).__name__}: {error}"}}
        del self.in_work[id]
        try:
            await self.send(answer)
        except Exception:
            self.answers[id] = answer

    def drop(self, id):
        self.answers.pop(id, None)
        task = self.in_work.pop(id, None)
        if task:
            task.cancel()

    async def refuse(self, id, code, text):
        await self.send({"id": id, "error": {"code": code, "message": text}})

    async def send(self, message):
        if self.socket is None:
            raise ConnectionError("there is no connection")
        await self.socket.send(json.dumps({"jsonrpc": "2.0", **message}))

    async def finish(self):
        """Takes nothing more, and answers what it has."""
        self.stopping = True
        await self.send({"method": "quiet", "params": {}})
        while self.in_work:
            await asyncio.wait(self.in_work.values())
        await self.socket.close()


async def main(url):
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    worker = Worker()
    running = asyncio.create_task(worker.run(url))
    await stopping.wait()
    try:
        await asyncio.wait_for(worker.finish(), 10)
    except Exception as error:
        print(f"could not finish: {error or type(error).__name__}", file=sys.stderr)
    running.cancel()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 worker.py ws://127.0.0.1:9464/workers")
    asyncio.run(main(sys.argv[1]))
