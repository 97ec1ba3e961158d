"""Threads, locks, queues, pools, chance and dates on three hosts: prints all that happens and every frame."""

import asyncio
import queue
import random
import secrets
import socket
import socketserver
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from zlib import crc32

import glassnet

net = glassnet.Network(seed=int(sys.argv[1]))
server, client, other = net.lan("server", "client", "other", delay="3ms", jitter="2ms", loss="1%")
for host in (server, client, other):
    for interface in host.interfaces:
        interface.taps.append(lambda when, at, way, frame: print(when, at.owner, way, crc32(frame)))


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            time.sleep(random.random() / 100)
            self.wfile.write(line.strip() + f" {uuid.uuid4()} {datetime.now()}\n".encode())


def serve():
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    Server(("", 80), Handler).serve_forever()


def work(jobs, results, lock, gate):
    gate.wait()
    with socket.create_connection(("server", 80)) as line, line.makefile("rwb") as file:
        while True:
            try:
                job = jobs.get(timeout=0.01)
            except queue.Empty:
                return
            file.write(f"{job} {secrets.token_hex(4)}\n".encode())
            file.flush()
            with lock:
                results.append((threading.current_thread().name, file.readline().decode()))


def threads():
    jobs, results, lock, gate = queue.Queue(), [], threading.Lock(), threading.Barrier(4)
    for job in range(20):
        jobs.put(job)
    workers = [threading.Thread(target=work, args=(jobs, results, lock, gate)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return results


def fetch(number):
    time.sleep(random.expovariate(100))
    with socket.create_connection(("server", 80)) as line, line.makefile("rwb") as file:
        file.write(f"{number} {uuid.uuid1()}\n".encode())
        file.flush()
        return file.readline().decode(), threading.current_thread().name


def pool():
    with ThreadPoolExecutor(5, initializer=random.random) as executor:
        return list(executor.map(fetch, range(10)))


async def tasks():
    return await asyncio.gather(*(asyncio.to_thread(fetch, number) for number in range(10)))


server.start(serve)
running = [client.start(threads), other.start(pool), client.start(tasks)]
for process in running:
    for line in process.result():
        print(line)
net.close()
