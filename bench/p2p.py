"""How many packets a second does one TCP transfer move between two hosts?

200 MB over a cable of 1 Gbit/s and 1 ms, in segments of 1448 bytes, by the simplest
program: blocking sockets, `sendall` on one side and `recv` on the other.
"""

from __future__ import annotations

import argparse
import socket

from measure import Figure, answer, figure, fresh, peer, peer_path, ratio, report, timed

PORT = 9
PIECE = 65536
BUFFER = 1 << 20  # ns-3's program has the same; above what a host lets programs have, so it is forced
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33


def receive() -> int:
    with socket.create_server(("", PORT)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER // 2)
        connection, _ = listener.accept()
    received = 0
    with connection:
        while data := connection.recv(PIECE):
            received += len(data)
    return received


def send(total: int) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER // 2)
        connection.connect(("receiver", PORT))
        piece = bytes(PIECE)
        while total > 0:
            connection.sendall(piece[:total])
            total -= PIECE


def one(total: int) -> Figure:
    import glassnet

    net = glassnet.Network(seed=1)
    sender, receiver = net.host("sender"), net.host("receiver")
    net.cable(sender, receiver, rate="1Gbps", delay="1ms")
    sink = receiver.start(receive)
    source = sender.start(send, total)
    real = timed(sink.result)
    source.result()
    assert sink.result() == total, f"{sink.result()} bytes of {total} arrived"
    return figure(net, real)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", type=int, default=200_000_000)
    parser.add_argument(
        "--repeat", type=int, default=3, metavar="N", help="runs of each; the median is shown"
    )
    parser.add_argument(
        "--one", action="store_true", help="run once, in this process, and print a line of JSON"
    )
    options = parser.parse_args()
    if options.one:
        answer(one(options.bytes))
        return
    ns3 = peer_path("p2p")
    ours, theirs = [], []
    for _ in range(options.repeat):
        ours.append(fresh(__file__, f"--bytes={options.bytes}"))
        if ns3:
            theirs.append(peer(ns3, "--csum=1", f"--bytes={options.bytes}"))
    print(f"{options.bytes:,} bytes, 1 Gbit/s, 1 ms, segments of 1448 bytes; medians of {options.repeat}")
    report([("glassnet", ours)] + ([("ns-3, checksums on", theirs)] if ns3 else []))
    print(ratio(ours, theirs) if ns3 else "ns-3 is not here to compare with (bench/peers/p2p)")


if __name__ == "__main__":
    main()
