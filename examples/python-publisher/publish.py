"""Publishes orders on a channel that cgroup reads, many of them in one round trip.

Usage: python3 publish.py [COUNT]
"""

import json
import os
import sys
from itertools import islice
from uuid import uuid4

import redis

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")
CHANNEL = "messages:published"
BATCH = 500  # messages in one round trip: more of them only take more memory


def orders(count):
    """Yields orders. The message_id lets a reader find the result of an order, so each has its own."""
    for number in range(count):
        yield {"message_id": str(uuid4()), "price": 3, "count": number % 5 + 1}


def publish(client, messages):
    """Publishes all messages. Returns how many were published, and how many of them had no subscriber."""
    messages = iter(messages)
    published = missed = 0
    while batch := list(islice(messages, BATCH)):
        # Without a transaction Redis may serve other clients in the middle of a batch.
        with client.pipeline(transaction=False) as pipeline:
            for message in batch:
                pipeline.publish(CHANNEL, json.dumps(message))
            subscribers = pipeline.execute()
        published += len(subscribers)
        missed += subscribers.count(0)
    return published, missed


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with redis.Redis.from_url(REDIS_URL) as client:
        published, missed = publish(client, orders(count))
    print(f"published {published} messages, {missed} of them without a subscriber")
    # Redis keeps no message for a subscriber that comes later: these are lost.
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
