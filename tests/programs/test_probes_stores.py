"""Stores."""

from __future__ import annotations

import redis_stores
from probes import probe


@probe(
    "redis", "fakeredis", did="strings, hashes, lists, sets, a transaction of 500 commands, a value of 300 kB"
)
def test_redis_keeps_values(server, client):
    server.start(redis_stores.serve)
    seen = client.run(redis_stores.use, "server")
    assert seen[:4] == [True, True, "ada", None]
    assert seen[4:6] == [2, {"x": "1", "y": "2"}]
    assert seen[6:8] == [100, ["97", "98", "99"]]
    assert [list(pair) for pair in seen[9]] == [["alan", 1.0], ["ada", 3.0]]
    assert seen[10:12] == [sum(range(500)), 300_000]
    assert "not an integer" in seen[12]


@probe("redis", "fakeredis", did="a key that lives for 60 s was there after 59 s and gone after 61 s")
def test_redis_forgets_in_virtual_time(server, client):
    server.start(redis_stores.serve)
    assert client.run(redis_stores.expire, "server") == (b"gone", None)


@probe("redis", "fakeredis", did="BLPOP waited 10 s for a push by another client, and 5 s in vain")
def test_redis_pops_and_waits(server, client):
    server.start(redis_stores.serve)
    client.start(redis_stores.give_work, "server", 10, b"dig")
    job, waited = client.run(redis_stores.wait_for_work, "server", 30)
    assert job == (b"jobs", b"dig")
    assert 10 <= waited <= 12  # a lost segment costs a second or so
    assert client.run(redis_stores.wait_for_work, "server", 5) == (None, 5)


@probe(
    "redis",
    "fakeredis",
    did="8 threads on 4 connections counted in transactions, and tried again after a clash",
)
def test_redis_holds_transactions_apart(server, client):
    server.start(redis_stores.serve)
    total, tries = client.run(redis_stores.count_together, "server", 8, 4)
    assert total == 32
    assert tries > 32
    return tries


@probe(
    "redis",
    "fakeredis",
    did="100 SETs at once on as many connections, MGET, a pipeline, publish and subscribe",
)
def test_redis_asyncio(server, client):
    server.start(redis_stores.serve)
    values, summed = client.run(redis_stores.use_asyncio, "server", 100)
    assert values == [n * n for n in range(100)]
    assert summed == [1, 2]
    assert client.run(redis_stores.chat, "server", ["one", "two", "three"]) == ["one", "two", "three"]


@probe("redis", "fakeredis", did="a blocking subscriber heard, by pattern, what another host published")
def test_redis_publishes_between_hosts(net, server, client):
    server.start(redis_stores.serve)
    ear = client.start(redis_stores.listen, "server", 2)
    net.run(for_="5s")
    news = [("news.sport", "1:0"), ("weather", "rain"), ("news.world", "peace")]
    assert server.run(redis_stores.announce, "localhost", news) == [1, 0, 1]
    assert ear.result() == [("news.sport", "1:0"), ("news.world", "peace")]
