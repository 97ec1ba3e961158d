"""An MQTT broker (amqtt), and clients with paho and with amqtt."""

from __future__ import annotations

import asyncio
import queue
import threading

import paho.mqtt.client as paho
from amqtt.broker import Broker
from amqtt.client import MQTTClient
from amqtt.mqtt.constants import QOS_1, QOS_2


async def serve(port=1883, **options):
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"0.0.0.0:{port}", **options}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
    )
    await broker.start()
    await asyncio.Event().wait()


def connect(client, host, context):
    if context is not None:
        client.tls_set_context(context)
    client.connect(host, 1883 if context is None else 8883, keepalive=60)


def measure(host, count, name="thermometer", big=100_000, context=None):
    """Publish `count` values and a big one, at each quality of service, from paho's own thread."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name)
    connected = threading.Event()
    client.on_connect = lambda *_: connected.set()
    connect(client, host, context)
    client.loop_start()
    assert connected.wait(30)
    for number in range(count):
        client.publish(f"room/{number % 3}/temperature", str(number), qos=number % 3).wait_for_publish(60)
    client.publish("room/big", b"x" * big, qos=2).wait_for_publish(120)
    client.disconnect()
    client.loop_stop()


def record(host, filter, count, name="recorder", context=None):
    """Wait for `count` messages, with paho."""
    arrived = queue.Queue()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name)
    client.on_connect = lambda client, *_: client.subscribe(filter, qos=2)
    client.on_message = lambda client, data, message: arrived.put((message.topic, len(message.payload)))
    connect(client, host, context)
    client.loop_start()
    messages = [arrived.get(timeout=300) for _ in range(count)]
    client.disconnect()
    client.loop_stop()
    return messages


async def record_with_amqtt(host, filter, count, name="listener"):
    client = MQTTClient(client_id=name)
    await client.connect(f"mqtt://{host}/")
    await client.subscribe([(filter, QOS_1)])
    messages = [await client.deliver_message() for _ in range(count)]
    await client.disconnect()
    return [(message.topic, len(message.data)) for message in messages]


async def keep_quiet(host, seconds, name="sleeper"):
    """Stay connected, with nothing but pings; then publish what it has lived through."""
    client = MQTTClient(client_id=name, config={"keep_alive": 10, "auto_reconnect": False})
    await client.connect(f"mqtt://{host}/")
    await asyncio.sleep(seconds)
    await client.publish("room/quiet", b"still here", qos=QOS_2)
    await client.disconnect()
    return True
