"""The TCP sockets of a host as a table, in the shape of `ss -tin` (iproute2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from glassnet.host.sockets.tcp import TcpSocket
from glassnet.host.sockets.tcp_info import FIELDS, LAYOUT, tcp_info
from glassnet.transport.tcp import Connection
from glassnet.transport.tcp.state import State

if TYPE_CHECKING:
    from glassnet.host.system import System

__all__ = ["Netstat", "Row", "details", "netstat", "state_name"]

_STATES = {State.ESTABLISHED: "ESTAB", State.SYN_RECEIVED: "SYN-RECV"}
_OPTIONS = ((1, "ts"), (2, "sack"), (8, "ecn"), (16, "ecnseen"), (32, "fastopen"))
_SCALED = 4
_NO_THRESHOLD = 0xFFFF
_UNMEASURED = (1 << 32) - 1
_UNLIMITED = (1 << 64) - 1
_MS = 1000
_NOBODY = "", 0
_NONE: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Row:
    """One TCP socket.

    `state` is called as `ss` does (`ESTAB`, `LISTEN`, `TIME-WAIT`). `recv_q` are bytes that the
    program has not read, of a listener the connections that wait for `accept`; `send_q` bytes
    that the peer has not acknowledged, of a listener its backlog. `local` and `peer` are
    addresses with ports, `program` and `pid` name and number of the process that holds the
    socket, if one does. `controller` is the congestion control. `info` has the fields of
    `struct tcp_info`, without `tcpi_`, in their units (times mostly microseconds); it is
    empty in TIME-WAIT.
    """

    state: str
    recv_q: int
    send_q: int
    local: str
    peer: str
    program: str = ""
    pid: int = 0
    controller: str = ""
    info: Mapping[str, int] = field(default_factory=lambda: _NONE, repr=False)

    @property
    def owner(self) -> str:
        """The process as `ss -p` shows it: `users:(("server",pid=100))`."""
        return f'users:(("{self.program}",pid={self.pid}))' if self.program else ""

    @property
    def details(self) -> str:
        """The second line of `ss -i`: `cubic wscale:7,7 rto:204 rtt:4.1/2 ...`."""
        return details(self.controller, self.info) if self.info else ""


class Netstat(tuple[Row, ...]):
    """The TCP sockets of a host at one moment: listeners, then connections. `str()` of it is the table."""

    __slots__ = ()

    @property
    def connected(self) -> bool:
        """Whether there is any connection: not only listeners, and what is left in TIME-WAIT."""
        return any(row.info and row.state != "LISTEN" for row in self)

    def __str__(self) -> str:
        table = [("State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "Process")]
        table += [
            (row.state, str(row.recv_q), str(row.send_q), row.local, row.peer, row.owner) for row in self
        ]
        widths = [max(len(cells[column]) for cells in table) for column in range(5)]
        lines = []
        for number, cells in enumerate(table):
            shown = [cell.ljust(width) for cell, width in zip(cells[:5], widths, strict=True)]
            lines.append("  ".join([*shown, cells[5]]).rstrip())
            if number and self[number - 1].info:
                lines.append(f"\t {self[number - 1].details}")
        return "\n".join(lines)

    __repr__ = __str__


def netstat(system: System) -> Netstat:
    """The TCP sockets of a host as they are now."""
    return Netstat(_rows(system))


def _rows(system: System) -> Iterator[Row]:
    tcp = system.tcp
    programs = _programs(system)
    for listener in tcp.listeners:
        address, port = listener.local
        dual = len(address) == 16 and not any(address) and not listener.binding.v6only
        yield Row(
            "LISTEN",
            listener.waiting,
            listener.backlog,
            f"*:{port}" if dual else tcp.show((address, port)),
            "*:*" if dual else f"{'[::]' if len(address) == 16 else '0.0.0.0'}:*",
            *programs.get(listener, _NOBODY),
            listener.preferences.congestion or tcp.settings.congestion_control,
            _info(tcp_info(None, listener)),
        )
    for connection in tcp.connections.values():
        local, peer = tcp.show(connection.local), tcp.show(connection.remote)
        state = state_name(connection.state)
        if not isinstance(connection, Connection):
            yield Row(state, 0, 0, local, peer)
            continue
        sender, receiver = connection.sender, connection.receiver
        fin = int(sender.fin_wanted and not connection.fin_sent)
        yield Row(
            state,
            receiver.size + connection.peer_closed,
            sender.unsent + sender.next - sender.unacked + fin,
            local,
            peer,
            *programs.get(connection, _NOBODY),
            sender.congestion.name,
            _info(tcp_info(connection, None)),
        )


def _programs(system: System) -> dict[object, tuple[str, int]]:
    """Which program holds a connection or listener: the first of them, if there are several."""
    found: dict[object, tuple[str, int]] = {}
    files = system.world.files.files
    for process in system.processes.values():
        for number in process.numbers:
            file = files.get(number)
            if isinstance(file, TcpSocket):
                held = file.connection or file.listener
                if held is not None:
                    found.setdefault(held, (process.name, process.pid))
    return found


def _info(data: bytes) -> Mapping[str, int]:
    return MappingProxyType(dict(zip(FIELDS, LAYOUT.unpack(data), strict=True)))


def state_name(state: State) -> str:
    """What `ss` calls a state."""
    return _STATES.get(state, state.value)


def details(controller: str, info: Mapping[str, int]) -> str:
    """The second line of `ss -i`, from the fields of `struct tcp_info`."""
    return " ".join(_details(controller, info))


def _details(controller: str, info: Mapping[str, int]) -> Iterator[str]:
    for bit, name in _OPTIONS:
        if info["options"] & bit:
            yield name
    yield controller
    if info["options"] & _SCALED:
        yield f"wscale:{info['wscales'] & 15},{info['wscales'] >> 4}"
    if info["rto"]:
        yield f"rto:{info['rto'] / _MS:g}"
    yield from _counts(info, "backoff")
    if info["rtt"]:
        yield f"rtt:{info['rtt'] / _MS:g}/{info['rttvar'] / _MS:g}"
    if info["ato"]:
        yield f"ato:{info['ato'] / _MS:g}"
    yield from _counts(
        info, ("mss", "snd_mss"), "pmtu", ("rcvmss", "rcv_mss"), "advmss", ("cwnd", "snd_cwnd")
    )
    if 0 < info["snd_ssthresh"] < _NO_THRESHOLD:
        yield f"ssthresh:{info['snd_ssthresh']}"
    yield from _counts(info, "bytes_sent", "bytes_retrans", "bytes_acked", "bytes_received")
    yield from _counts(info, "segs_out", "segs_in", "data_segs_out", "data_segs_in")
    if info["rtt"] and info["snd_mss"]:
        yield f"send {_rate(info['snd_cwnd'] * info['snd_mss'] * 10**6 // info['rtt'])}"
    yield from _counts(
        info, ("lastsnd", "last_data_sent"), ("lastrcv", "last_data_recv"), ("lastack", "last_ack_recv")
    )
    if 0 < info["pacing_rate"] < _UNLIMITED:
        most = info["max_pacing_rate"]
        yield f"pacing_rate {_rate(info['pacing_rate'])}{f'/{_rate(most)}' if most < _UNLIMITED else ''}"
    if info["delivery_rate"]:
        yield f"delivery_rate {_rate(info['delivery_rate'])}"
    yield from _counts(info, "delivered", "delivered_ce")
    if info["flags"] & 1 and info["rto"]:
        yield "app_limited"
    busy = info["busy_time"]
    if busy:
        yield f"busy:{busy // _MS}ms"
    for name in "rwnd_limited", "sndbuf_limited":
        if info[name]:
            yield f"{name}:{info[name] // _MS}ms({info[name] * 100 / busy:.1f}%)"
    listening = not info["rto"]
    if not listening:
        yield from _counts(info, "unacked")
    if info["retrans"] or info["total_retrans"]:
        yield f"retrans:{info['retrans']}/{info['total_retrans']}"
    if not listening:
        yield from _counts(info, "lost", "sacked")
    yield from _counts(info, "dsack_dups")
    if info["reordering"] != 3:
        yield f"reordering:{info['reordering']}"
    yield from _counts(info, "reord_seen")
    if info["rcv_rtt"]:
        yield f"rcv_rtt:{info['rcv_rtt'] / _MS:g}"
    yield from _counts(info, "rcv_space", "rcv_ssthresh", ("notsent", "notsent_bytes"))
    if 0 < info["min_rtt"] < _UNMEASURED:
        yield f"minrtt:{info['min_rtt'] / _MS:g}"
    yield from _counts(info, "rcv_ooopack", "snd_wnd", "rcv_wnd", "rehash")


def _counts(info: Mapping[str, int], *names: str | tuple[str, str]) -> Iterator[str]:
    """`name:value` for what is not 0; a pair is how `ss` calls it, and the field."""
    for name in names:
        shown, of = name if isinstance(name, tuple) else (name, name)
        if info[of]:
            yield f"{shown}:{info[of]}"


def _rate(octets: int) -> str:
    """Bytes a second as bits a second: `28.3Mbps`."""
    bits = octets * 8
    for unit, size in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if bits >= size:
            return f"{bits / size:.3g}{unit}bps"
    return f"{bits}bps"
