#!/bin/sh
# Adds the total to orders: a worker that cgroup starts, and that reads and writes lines. One jq does it for all messages.

exec jq --unbuffered --compact-output --raw-input '
  # The result of a message. An error is a failed attempt: the message is tried again.
  def handle:
    if has("count") then . + {total: (.price * .count)} else error({dead: true, message: "the order has no count"}) end;

  def failed($code): {error: {code: $code, message: (.message? // .), data: {dead: (.dead? // false)}}};

  def reply:
    if .method == "process" then
      {id} + (.params.message | try {result: handle} catch failed(-32000))
    elif .method and has("id") then
      {id} + ("there is only process" | failed(-32601))
    else empty end; # cancel and quiet: this worker does one thing after the other

  (try (fromjson | {request: .}) catch {}) as {$request}
  | if $request then $request | reply else {id: null} + ("this line is no JSON" | failed(-32700)) end
  | {jsonrpc: "2.0"} + .'
