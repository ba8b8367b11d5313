"""Adds the total to orders: a worker that cgroup starts, and that reads and writes lines. Standard library only."""

import json
import sys


class GiveUp(Exception):
    """Another attempt would not help."""


def handle(order):
    """Returns the result of a message. An exception is a failed attempt: the message is tried again."""
    if "count" not in order:
        raise GiveUp("the order has no count")
    return {**order, "total": order["price"] * order["count"]}


def error(code, message, **data):
    return {"error": {"code": code, "message": message, "data": data}}


def outcome(message):
    try:
        return {"result": handle(message)}
    except GiveUp as why:
        return error(-32000, str(why), dead=True)
    except Exception as why:
        return error(-32000, f"{type(why).__name__}: {why}")


def reply_to(line):
    """The reply to a line, or None: cancel and quiet need none, because this worker does one thing after the other."""
    try:
        request = json.loads(line)
    except ValueError:
        return {"id": None, **error(-32700, "this line is no JSON")}
    if request.get("method") == "process":
        return {"id": request["id"], **outcome(request["params"]["message"])}
    if "method" in request and "id" in request:
        return {"id": request["id"], **error(-32601, "there is only process")}
    return None


def main():
    for line in sys.stdin.buffer:
        reply = reply_to(line)
        if reply:
            # stdout is for replies only. Logs go to stderr: print("...", file=sys.stderr)
            print(json.dumps({"jsonrpc": "2.0", **reply}), flush=True)


if __name__ == "__main__":
    main()
