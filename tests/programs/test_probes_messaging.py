"""Messaging, logging and small protocols."""

from __future__ import annotations

import logging.handlers

import log_programs
import mqtt_programs
import object_pipes
import small_protocols
from probes import probe


@probe(
    "paho-mqtt", "amqtt", did="12 messages at each quality of service and one of 100 kB, by paho's threads"
)
def test_amqtt_serves_paho(net, server, client):
    server.start(mqtt_programs.serve)
    net.run(for_="1s")
    recorder = client.start(mqtt_programs.record, "server", "room/#", 13)
    net.run(for_="5s")
    client.run(mqtt_programs.measure, "server", 12)
    messages = recorder.result()
    expected = [(f"room/{n % 3}/temperature", len(str(n))) for n in range(12)]
    assert messages == [*expected, ("room/big", 100_000)]
    return messages


@probe(
    "amqtt", did="its client heard every third topic, and another stayed for an hour with nothing but pings"
)
def test_amqtt_serves_amqtt(net, server, client):
    server.start(mqtt_programs.serve)
    net.run(for_="1s")
    listener = client.start(mqtt_programs.record_with_amqtt, "server", "room/+", 1)
    net.run(for_="5s")
    assert client.run(mqtt_programs.keep_quiet, "server", 3600)
    assert listener.result() == [("room/quiet", 10)]
    assert net.now > 3600


@probe("logging.handlers", "socketserver", did="SysLogHandler over UDP to a threading server", loss=None)
def test_syslog(server, client):
    log = server.start(log_programs.serve_syslog, 3)
    handler = logging.handlers.SysLogHandler, (("192.0.2.1", 514),)
    client.run(log_programs.log_through, handler, ["one", "two", "three"])
    assert log.result() == [b"<12>one\0", b"<12>two\0", b"<12>three\0"]


@probe("logging.handlers", "http.server", did="HTTPHandler posted each record")
def test_http_logging(server, client):
    log = server.start(log_programs.serve_forms, 3)
    handler = logging.handlers.HTTPHandler, ("server", "/log", "POST")
    client.run(log_programs.log_through, handler, ["one", "two", "three"])
    assert log.result() == ["one", "two", "three"]


@probe(
    "logging.handlers", "socketserver", did="SocketHandler connected again, by itself, when a listener came"
)
def test_socket_logging(net, server, client):
    logger = client.start(log_programs.log_until_the_server_is_back, "server", 60)
    net.run(for_="20.5s")
    log = server.start(log_programs.serve_records, 20)
    records = log.result()
    logger.result()
    assert records[-1][0] == "ERROR"
    first = int(records[0][1].split()[1])
    assert 20 < first <= 40
    assert [text for _, text in records] == [f"record {n}" for n in range(first, first + 20)]
    return records


@probe("logging.config", did="listen() took two configurations over the loopback interface", loss=None)
def test_logging_listens(net, server):
    levels = server.start(log_programs.listen_for_configuration)
    server.run(log_programs.configure, "localhost", "ERROR")
    net.run(for_="1s")
    server.run(log_programs.configure, "localhost", "CRITICAL")
    assert levels.result() == [logging.NOTSET, logging.ERROR, logging.CRITICAL]


@probe(
    "multiprocessing.connection",
    did="objects between hosts on three connections with an authkey; a wrong key was refused",
)
def test_objects_between_hosts(server, client):
    server.start(object_pipes.serve)
    refused, answers = client.run(object_pipes.ask, "server", ["word"] * 5000 + ["last"])
    assert "digest" in refused
    assert answers == [{"count": 5001, "last": "last"}] * 3


@probe("ntplib", did="a clock 90 s behind was found out, and the way there and back of 40 ms")
def test_ntp(server, client):
    server.start(small_protocols.serve_ntp, 90)
    client.run(small_protocols.ask_time, "192.0.2.1")
    offset, delay, stratum = client.run(small_protocols.ask_time, "192.0.2.1")
    assert offset == 90
    assert delay == 0.04
    assert stratum == 1


@probe("pymodbus", did="registers read and written by its asyncio and its blocking client")
def test_modbus(server, client):
    server.start(small_protocols.serve_modbus)
    before, after, wrong = client.run(small_protocols.use_modbus, "server")
    assert (before, after, wrong) == ([17] * 4, [1, 2, 3, 17], True)
    assert client.run(small_protocols.use_modbus_blocking, "server") == [17, 4711, 17]


@probe("aiocoap", did="a note read, replaced by one of 20 kB block by block, and read again, over IPv6")
def test_coap(server, client):
    server.start(small_protocols.serve_coap, "::")
    payload = bytes(range(250)) * 80
    seen = client.run(small_protocols.use_coap, "[2001:db8::1]", payload)
    assert seen == (b"empty", "2.04 Changed", True, "4.04 Not Found")
