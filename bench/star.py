"""Does a packet cost more because the network is larger?

N clients, each on a cable of its own (100 Mbit/s, 5 ms) to one router, send 100 kB each
to one server behind it (1 Gbit/s, 1 ms), all at the same time: blocking sockets, a
thread of the server for each connection.
"""

from __future__ import annotations

import argparse
import socket
import threading
import time

from measure import Figure, answer, figure, fresh, peer, peer_path, ratio, report, timed

PORT = 9
PIECE = 65536
QUEUE = 10240 * 1500  # bytes: as many packets as the queue that ns-3 puts there by default


def serve(clients: int) -> int:
    received = 0

    def drain(connection: socket.socket) -> None:
        nonlocal received
        with connection:
            while data := connection.recv(PIECE):
                received += len(data)

    threads = []
    with socket.create_server(("", PORT), backlog=clients) as listener:
        for _ in range(clients):
            connection, _ = listener.accept()
            threads.append(threading.Thread(target=drain, args=(connection,)))
            threads[-1].start()
    for thread in threads:
        thread.join()
    return received


def send(server: str, data: bytes) -> None:
    with socket.create_connection((server, PORT)) as connection:
        connection.sendall(data)


def one(clients: int, size: int) -> Figure:
    import glassnet

    started = time.perf_counter()
    net = glassnet.Network(seed=1)
    server, router = net.host("server"), net.router("router")
    net.cable(server, router, rate="1Gbps", delay="1ms", queue=QUEUE)
    sink = server.start(serve, clients)
    address, data = server.ip_address(4), bytes(size)
    for number in range(clients):
        client = net.host(f"client{number}")
        net.cable(client, router, rate="100Mbps", delay="5ms")
        client.start(send, address, data)
    build = time.perf_counter() - started
    real = timed(sink.result)
    assert sink.result() == clients * size, f"{sink.result()} bytes of {clients * size} arrived"
    return figure(net, real, build)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[100, 1000, 3000], metavar="N")
    parser.add_argument("--bytes", type=int, default=100_000)
    parser.add_argument(
        "--repeat", type=int, default=3, metavar="N", help="runs of each; the median is shown"
    )
    parser.add_argument(
        "--peer-until",
        type=int,
        default=1000,
        metavar="N",
        help="largest N at which ns-3 runs as often as we do",
    )
    parser.add_argument(
        "--one", action="store_true", help="run once, in this process, and print a line of JSON"
    )
    options = parser.parse_args()
    if options.one:
        answer(one(options.clients[0], options.bytes))
        return
    ns3 = peer_path("star")
    print(f"each client sends {options.bytes:,} bytes; medians of {options.repeat}")
    for clients in options.clients:
        arguments = (f"--clients={clients}", f"--bytes={options.bytes}")
        ours, theirs = [], []
        for turn in range(options.repeat):
            ours.append(fresh(__file__, *arguments))
            if ns3 and (turn == 0 or clients <= options.peer_until):
                theirs.append(peer(ns3, f"--n={clients}", f"--bytes={options.bytes}"))
        report([(f"glassnet, N={clients}", ours)] + ([(f"ns-3, N={clients}", theirs)] if ns3 else []))
        print(ratio(ours, theirs) if ns3 else "ns-3 is not here to compare with (bench/peers/star)")


if __name__ == "__main__":
    main()
