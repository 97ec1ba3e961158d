"""A Redis server, and programs that keep things in it."""

from __future__ import annotations

import asyncio
import threading
import time

import redis
import redis.asyncio
from fakeredis import TcpFakeServer


def serve(port=6379, context=None):
    with TcpFakeServer(("", port), server_type="redis") as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()


def use(host, **options):
    """Each kind of value once, a pipeline, a transaction, and what goes wrong."""
    with redis.Redis(host, decode_responses=True, **options) as store:
        seen = [store.ping(), store.set("name", "ada"), store.get("name"), store.get("nobody")]
        seen.append(store.hset("card", mapping={"x": 1, "y": 2}))
        seen.append(store.hgetall("card"))
        seen.append(store.rpush("queue", *range(100)))
        seen.append(store.lrange("queue", -3, -1))
        seen.append(store.zadd("board", {"ada": 3, "alan": 1}))
        seen.append(store.zrange("board", 0, -1, withscores=True))
        with store.pipeline(transaction=True) as pipe:
            for number in range(500):
                pipe.incrby("sum", number)
            seen.append(pipe.execute()[-1])
        store.set("big", "x" * 300_000)
        seen.append(len(store.get("big")))
        try:
            store.incr("name")
        except redis.ResponseError as error:
            seen.append(str(error))
    return seen


def expire(host):
    with redis.Redis(host) as store:
        store.set("soon", "gone", ex=60)
        time.sleep(59)
        before = store.get("soon")
        time.sleep(2)
        return before, store.get("soon")


def wait_for_work(host, timeout):
    """A blocking pop: what came, and after how long."""
    with redis.Redis(host, socket_timeout=None) as store:
        started = time.monotonic()
        found = store.blpop("jobs", timeout=timeout)
        return found, round(time.monotonic() - started)


def give_work(host, after, job):
    time.sleep(after)
    with redis.Redis(host) as store:
        store.rpush("jobs", job)


def count_together(host, threads, rounds):
    """Threads that share a pool of connections, and count in transactions that are tried again."""
    pool = redis.BlockingConnectionPool(host=host, max_connections=4, timeout=60)
    store = redis.Redis(connection_pool=pool)
    tries = []

    def add_one(pipe):
        tries.append(1)
        value = int(pipe.get("counter") or 0)
        pipe.multi()
        pipe.set("counter", value + 1)

    def count():
        for _ in range(rounds):
            store.transaction(add_one, "counter")

    workers = [threading.Thread(target=count) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    total = int(store.get("counter"))
    pool.disconnect()
    return total, len(tries)


async def use_asyncio(host, count):
    async with redis.asyncio.Redis(host=host) as store:
        await asyncio.gather(*(store.set(f"key:{n}", n * n) for n in range(count)))
        values = await store.mget([f"key:{n}" for n in range(count)])
        async with store.pipeline() as pipe:
            summed = await pipe.incr("hits").incr("hits").execute()
        return [int(value) for value in values], summed


async def chat(host, words):
    """One connection publishes what another has subscribed to."""
    async with redis.asyncio.Redis(host=host, decode_responses=True) as store:
        heard = []
        async with store.pubsub() as ear:
            await ear.subscribe("chat")
            await ear.get_message(timeout=5)
            for word in words:
                await store.publish("chat", word)
            while len(heard) < len(words):
                message = await ear.get_message(ignore_subscribe_messages=True, timeout=5)
                if message is not None:
                    heard.append(message["data"])
        return heard


def listen(host, count):
    with redis.Redis(host, decode_responses=True, socket_timeout=None) as store, store.pubsub() as ear:
        ear.psubscribe("news.*")
        heard = []
        for message in ear.listen():
            if message["type"] == "pmessage":
                heard.append((message["channel"], message["data"]))
                if len(heard) == count:
                    return heard
    return None


def announce(host, news):
    with redis.Redis(host) as store:
        return [store.publish(channel, text) for channel, text in news]
