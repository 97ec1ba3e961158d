"""TCP on one host: which connection a segment belongs to, and what to answer where there is none."""

from __future__ import annotations

import errno
import ipaddress
import os
from hashlib import blake2s
from heapq import heappush
from typing import TYPE_CHECKING
from zlib import crc32

from glassnet.engine import Drops, Engine
from glassnet.transport.ports import Binding, Ports
from glassnet.transport.tcp.challenge import ChallengeAcks
from glassnet.transport.tcp.connection import Connection
from glassnet.transport.tcp.cookies import SynCookies, offered_in, stamp_with
from glassnet.transport.tcp.fast_open import FastOpen
from glassnet.transport.tcp.listener import Listener
from glassnet.transport.tcp.opening import accept_cookie, accept_syn, agrees_to_ecn
from glassnet.transport.tcp.settings import TcpSettings
from glassnet.transport.tcp.state import State
from glassnet.transport.tcp.syn_options import SynOptions
from glassnet.transport.tcp.timewait import TimeWait
from glassnet.wire.checksum import ones_sum, pseudo_sum
from glassnet.wire.tcp import ACK, CWR, ECE, FIN, HEADER, RST, SYN

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.network.errors import IcmpError
    from glassnet.network.flow import Flow
    from glassnet.network.internet import Internet

__all__ = ["PROTOCOL", "Tcp"]

PROTOCOL = 6

Endpoint = tuple[bytes, int]


class Tcp:
    """The TCP layer of one host.

    `orphans` are the connections that are not over, though nobody owns them any more.
    """

    __slots__ = (
        "_listeners",
        "_secret",
        "_waiting",
        "challenges",
        "connections",
        "cookies",
        "drops",
        "engine",
        "fast_open",
        "host",
        "internet",
        "orphans",
        "ports",
        "settings",
    )

    def __init__(self, internet: Internet, drops: Drops, settings: TcpSettings | None = None) -> None:
        engine: Engine = internet.engine
        self.internet = internet
        self.engine = engine
        self.drops = drops
        self.host = drops.where
        self.settings = settings or TcpSettings()
        self.ports = Ports(engine.random[f"host:{self.host}:tcp ports"])
        self.connections: dict[bytes, Connection | TimeWait] = {}
        self._listeners: dict[int, list[Listener]] = {}
        self.orphans: dict[Connection, None] = {}
        self._waiting = 0  # connections in TIME-WAIT
        random = engine.random[f"host:{self.host}:challenges"]
        self.challenges = ChallengeAcks(engine, self.settings, random)
        self._new_secrets()
        internet.handlers[PROTOCOL] = self.receive
        internet.error_handlers[PROTOCOL] = self._icmp_error

    # Opening

    def listen(self, binding: Binding, backlog: int) -> Listener:
        """Listen on a bound port. Raises OSError(EADDRINUSE) if another listener stands there."""
        self.ports.check_listen(binding)
        binding.listening = True
        listener = Listener(self, binding, backlog)
        self._listeners.setdefault(binding.port, []).append(listener)
        return listener

    @property
    def listeners(self) -> list[Listener]:
        """All that listen, by port, in the order in which they began."""
        return [each for port in sorted(self._listeners) for each in self._listeners[port]]

    def unlisten(self, listener: Listener) -> None:
        """`listener` has closed: free its port."""
        port = listener.binding.port
        left = [other for other in self._listeners[port] if other is not listener]
        if left:
            self._listeners[port] = left
        else:
            del self._listeners[port]
        listener.binding.listening = False
        self.ports.release(listener.binding)

    def connect(
        self,
        binding: Binding | None,
        remote: Endpoint,
        *,
        ttl: int | None = None,
        tos: int = 0,
        interface: Interface | None = None,
    ) -> Connection:
        """A connection to `remote`, not yet opened: call its `connect()` once it is set up.

        `binding` is the local claim, or None for a free ephemeral port. Raises
        OSError: ENETUNREACH without a route, EADDRNOTAVAIL without a port, or when this
        very 4-tuple exists.
        """
        address, port = remote
        if not any(address):
            # Linux takes the unspecified address for this host.
            address = b"\x7f\0\0\1" if len(address) == 4 else bytes(15) + b"\1"
        source = binding.address if binding is not None and any(binding.address) else None
        if source is not None and len(source) != len(address):
            raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
        flow = self.internet.flow(address, PROTOCOL, source=source, interface=interface, ttl=ttl, tos=tos)
        head = address + flow.source + port.to_bytes(2, "big")
        if binding is None:
            binding = self.ports.bind_for(
                flow.source, lambda candidate: head + candidate.to_bytes(2, "big") not in self.connections
            )
        else:
            existing = self.connections.get(head + binding.port.to_bytes(2, "big"))
            if existing is not None:
                raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        connection = Connection(self, flow, (flow.source, binding.port), (address, port), binding)
        self.connections[connection.key] = connection
        return connection

    # Arrivals

    def receive(self, frame: bytes, network: int, transport: int, end: int, interface: Interface) -> None:
        """Take in one segment from the network layer."""
        if end - transport < 20:
            self.drops("tcp: truncated", frame)
            return
        data = transport + ((frame[transport + 12] >> 4) << 2)
        if data - transport < 20 or data > end:
            self.drops("tcp: header length", frame)
            return
        version = frame[network]
        if version == 0x45:
            key = frame[network + 12 : transport + 4]
        elif version >> 4 == 4:
            key = frame[network + 12 : network + 20] + frame[transport : transport + 4]
        else:
            key = frame[network + 8 : network + 40] + frame[transport : transport + 4]
        if type(frame) is not bytes:
            size = len(key) // 2 - 2
            total = pseudo_sum(key[:size], key[size : 2 * size], PROTOCOL, end - transport)
            if (total + ones_sum(frame[transport:end])) % 0xFFFF:
                self.drops("tcp: checksum", frame)
                return
        connection = self.connections.get(key)
        if connection is None:
            self._unknown(frame, key, network, transport, data, end, interface)
        elif (
            connection.state is State.TIME_WAIT
            and isinstance(connection, TimeWait)
            and connection.gives_way(frame, transport, data)
        ):
            listener = self._listener_for(key, interface)
            if listener is None:
                connection.arrives(frame, transport, data, end)
                return
            self.end_time_wait(connection)
            self._syn(listener, frame, key, network, transport, data, end, interface, connection.after)
        else:
            if connection.ecn is not None:
                bits = frame[network + 1] & 3 if version >> 4 == 4 else frame[network + 1] >> 4 & 3
                connection.ecn.bits = bits
            connection.arrives(frame, transport, data, end)

    def _listener_for(self, key: bytes, interface: Interface) -> Listener | None:
        candidates = self._listeners.get(int.from_bytes(key[-2:], "big"))
        if candidates is None:
            return None
        if any(each.interface is not None for each in candidates):
            candidates = [each for each in candidates if each.interface in (None, interface)]
        size = len(key) // 2 - 2
        local = key[size : 2 * size]
        exact = [each for each in candidates if each.binding.address == local]
        if not exact:
            exact = [each for each in candidates if each.binding.covers(local)]
            # A listener of the packet's own family goes before one that is open to both.
            own = [each for each in exact if len(each.binding.address) == size]
            exact = own or exact
        if not exact:
            return None
        return exact[0] if len(exact) == 1 else exact[crc32(key) % len(exact)]

    def _unknown(
        self,
        frame: bytes,
        key: bytes,
        network: int,
        transport: int,
        data: int,
        end: int,
        interface: Interface,
    ) -> None:
        flags = frame[transport + 13]
        if flags & (SYN | ACK | RST) == SYN:
            listener = self._listener_for(key, interface)
            if listener is not None:
                self._syn(listener, frame, key, network, transport, data, end, interface, None)
                return
        elif flags & (SYN | ACK | RST) == ACK:
            listener = self._listener_for(key, interface)
            if (
                listener is not None
                and listener.expects_cookies
                and self._cookie(listener, frame, key, transport, data, end, interface)
            ):
                return
        if flags & RST:
            self.drops("tcp: RST for no connection", frame)
            return
        self.drops("tcp: no such connection" if flags & ACK else "tcp: port closed", frame)
        self._refuse(frame, key, transport, data, end, interface)

    def _refuse(
        self, frame: bytes, key: bytes, transport: int, data: int, end: int, interface: Interface
    ) -> None:
        """Answer a segment that belongs nowhere with RST (RFC 9293, 3.10.7.1)."""
        _, _, sequence, acknowledgment, _, flags, _, _, _ = HEADER.unpack_from(frame, transport)
        flow = self._flow_back(key, interface)
        if flow is None:
            return
        local, remote = int.from_bytes(key[-2:], "big"), int.from_bytes(key[-4:-2], "big")
        if flags & ACK:
            self.transmit(flow, local, remote, acknowledgment, 0, RST, 0, b"")
        else:
            length = end - data + (flags & FIN) + ((flags & SYN) >> 1)
            self.transmit(flow, local, remote, 0, (sequence + length) & 0xFFFFFFFF, RST | ACK, 0, b"")

    def _flow_back(self, key: bytes, interface: Interface) -> Flow | None:
        size = len(key) // 2 - 2
        scope = interface if size == 16 and key[0] == 0xFE and key[1] & 0xC0 == 0x80 else None
        try:
            return self.internet.flow(key[:size], PROTOCOL, source=key[size : 2 * size], interface=scope)
        except OSError:
            self.drops("tcp: no route back", key)
            return None

    def _syn(
        self,
        listener: Listener,
        frame: bytes,
        key: bytes,
        network: int,
        transport: int,
        data: int,
        end: int,
        interface: Interface,
        start: int | None,
    ) -> None:
        size = len(key) // 2 - 2
        local = key[size : 2 * size]
        if (local[0] & 0xF0 == 0xE0 and size == 4) or local[0] == 0xFF or local == b"\xff\xff\xff\xff":
            self.drops("tcp: SYN to a group", frame)
            return
        if key[:size] + key[-4:-2] == local + key[-2:]:
            self.drops("tcp: SYN from its own address and port", frame)
            return
        if listener.full:
            self.drops("tcp: accept queue full", frame)
            return
        options = SynOptions.parse(frame, transport + 20, data)
        if options is None:
            self.drops("tcp: malformed options", frame)
            return
        mode = self.settings.syn_cookies
        flooded = start is None and (listener.flooded or mode == 2)
        if flooded and not mode:
            self.drops("tcp: SYN backlog full", frame)
            return
        flow = self._flow_back(key, interface)
        if flow is None:
            return
        _, _, sequence, _, _, flags, window, _, _ = HEADER.unpack_from(frame, transport)
        if flooded:
            options.ecn = flags & (ECE | CWR) == ECE | CWR and self.settings.ecn != 0
            self._answer_with_cookie(listener, flow, key, sequence, options)
            return
        connection = self._child(listener, flow, key, start)
        if listener.save_syn:
            connection.saved_syn = frame[0 if listener.save_syn > 1 else network : data]
        options.ecn = agrees_to_ecn(connection, flags)
        opening = None
        if self.fast_open.serves(listener.fast_open):
            opening = self.fast_open.answer(
                listener.fast_open,
                listener.fast_open_keys,
                key[:size],
                local,
                options,
                end > data,
                listener.preferences.no_cookie,
            )
        if opening is None or opening.queue is None:
            listener.opening(connection)
        accept_syn(connection, sequence, options, window, listener, frame[data:end], opening)

    def _child(self, listener: Listener, flow: Flow, key: bytes, start: int | None) -> Connection:
        """A connection that `listener` has been called for."""
        size = len(key) // 2 - 2
        remote = (key[:size], int.from_bytes(key[-4:-2], "big"))
        binding = listener.binding
        binding.holders += 1
        connection = Connection(self, flow, (flow.source, binding.port), remote, binding, start)
        listener.dress(connection)
        self.connections[key] = connection
        return connection

    def _answer_with_cookie(
        self, listener: Listener, flow: Flow, key: bytes, sequence: int, options: SynOptions
    ) -> None:
        """Answer a SYN, and keep nothing of it (RFC 4987, 3.6)."""
        settings, now = self.settings, self.engine.now
        answer = SynOptions(
            mss=min(
                flow.mtu - (40 if len(flow.source) == 4 else 60), listener.preferences.mss or 0xFFFF, 0xFFFF
            )
        )
        if settings.timestamps and options.stamp is not None:
            scale = options.scale if settings.window_scaling else None
            answer.sack = settings.sack and options.sack
            answer.ecn = options.ecn
            if scale is not None:
                answer.scale = self.scale_for(listener.receive_buffer)
            stamp = (now // 10**6 + self.stamp_offset(key)) & 0xFFFFFFFF
            answer.stamp = stamp_with(stamp, scale, answer.sack, answer.ecn)
        self.transmit(
            flow,
            int.from_bytes(key[-2:], "big"),
            int.from_bytes(key[-4:-2], "big"),
            self.cookies.make(key, sequence, options.limit(flow.source), now),
            (sequence + 1) & 0xFFFFFFFF,
            answer.flags(SYN | ACK),
            min(listener.receive_buffer or settings.receive_buffer, 0xFFFF),
            answer.build(options.stamp or 0),
        )
        listener.cookie_sent()

    def _cookie(
        self,
        listener: Listener,
        frame: bytes,
        key: bytes,
        transport: int,
        data: int,
        end: int,
        interface: Interface,
    ) -> bool:
        """Open the connection whose cookie this segment brings back; False if it brings none."""
        _, _, sequence, acknowledgment, _, _, window, _, _ = HEADER.unpack_from(frame, transport)
        cookie = (acknowledgment - 1) & 0xFFFFFFFF
        mss = self.cookies.check(key, (sequence - 1) & 0xFFFFFFFF, cookie, self.engine.now)
        options = SynOptions.parse(frame, transport + 20, data)
        if mss is None or options is None:
            self.drops("tcp: no valid SYN cookie", frame)
            return False
        if listener.full:
            self.drops("tcp: accept queue full", frame)
            return True
        flow = self._flow_back(key, interface)
        if flow is None:
            return True
        connection = self._child(listener, flow, key, acknowledgment)
        connection.sender.initial = cookie
        agreed = SynOptions(mss, stamp=options.stamp)
        if options.stamp is not None:
            agreed.scale, agreed.sack, agreed.ecn = offered_in(options.echo)
        accept_cookie(connection, sequence, agreed, window, listener)
        connection.arrives(frame, transport, data, end)
        return True

    def _icmp_error(self, error: IcmpError) -> None:
        quoted = error.quoted
        if len(quoted) < 8:
            self.drops("tcp: ICMP error quotes too little", quoted)
            return
        key = error.destination + error.source + quoted[2:4] + quoted[0:2]
        connection = self.connections.get(key)
        if connection is None:
            self.drops("tcp: ICMP error for no connection", quoted)
            return
        connection.icmp_error(error.errno, error.fatal, int.from_bytes(quoted[4:8], "big"))

    # Sending outside the hot path

    def transmit(
        self,
        flow: Flow,
        local: int,
        remote: int,
        sequence: int,
        acknowledgment: int,
        flags: int,
        window: int,
        options: bytes,
        payload: bytes = b"",
    ) -> None:
        """Send a segment; `options` are whole 32-bit words."""
        size = 20 + len(options)
        total = (
            flow.pseudo
            + size
            + local
            + remote
            + sequence
            + acknowledgment
            + (size << 10)
            + flags
            + window
            + ones_sum(options)
            + ones_sum(payload)
            + len(payload)
        )
        head = HEADER.pack(
            local, remote, sequence, acknowledgment, size << 2, flags, window, -total % 0xFFFF, 0
        )
        try:
            flow.send(head + options, payload)
        except OSError as error:
            self.drops(f"tcp: cannot send: {os.strerror(error.errno or 0)}", head)

    # Bookkeeping

    def power_off(self) -> None:
        """Forget all connections and tell no peer; later ones have other sequence numbers (RFC 6528, 3)."""
        for connection in tuple(self.connections.values()):
            if isinstance(connection, TimeWait):
                self.end_time_wait(connection)
            else:
                connection.finish()
        self._new_secrets()

    def _new_secrets(self) -> None:
        """Draw what cookies and initial sequence numbers are made with; old cookies are worth nothing."""
        engine = self.engine
        self._secret = engine.random[f"host:{self.host}:isn"].randbytes(16)
        self.cookies = SynCookies(engine.random[f"host:{self.host}:syn cookies"].randbytes(16))
        secret = engine.random[f"host:{self.host}:fast open"].randbytes(16)
        self.fast_open = FastOpen(engine, self.settings, secret)

    def initial_sequence(self, key: bytes) -> int:
        """ISN = M + F(4-tuple, secret), M a clock of 4 microseconds (RFC 6528, 3)."""
        digest = blake2s(key, key=self._secret, digest_size=4).digest()
        return (self.engine.now // 4000 + int.from_bytes(digest, "big")) & 0xFFFFFFFF

    def stamp_offset(self, key: bytes) -> int:
        """Where this 4-tuple's timestamp clock starts (RFC 7323, 5.4)."""
        size = len(key) // 2 - 2
        # By address pair only: a reused port must not go back in time, for PAWS and RFC 6191.
        digest = blake2s(key[: 2 * size], key=self._secret, digest_size=4, person=b"stamp").digest()
        return int.from_bytes(digest, "big")

    def scale_for(self, chosen: int | None) -> int:
        """The window scale to offer for a buffer of `chosen` bytes (RFC 7323, 2.3).

        None is one that grows by itself; for the books as much again counts then, as on Linux.
        """
        most = 2 * self.settings.receive_buffer_max if chosen is None else chosen
        return min(max(most.bit_length() - 16, 0), 14)

    def show(self, endpoint: Endpoint) -> str:
        """An endpoint as people write it."""
        address, port = endpoint
        text = str(ipaddress.ip_address(address))
        return f"{text}:{port}" if len(address) == 4 else f"[{text}]:{port}"

    def forget(self, connection: Connection) -> None:
        """`connection` is CLOSED: its 4-tuple and its hold on the port are free."""
        if self.connections.get(connection.key) is connection:
            del self.connections[connection.key]
            self.ports.release(connection.binding)

    def to_time_wait(self, connection: Connection) -> bool:
        """Keep the 4-tuple of a finished connection for 2 MSL; False if too many are kept already."""
        if self._waiting >= self.settings.max_time_wait:
            self.drops("tcp: too many in TIME-WAIT")
            return False
        self._waiting += 1
        waiting = TimeWait(connection)
        self.connections[connection.key] = waiting
        waiting.deadline = self.engine.now + self.settings.time_wait
        self._watch_time_wait(waiting)
        return True

    def _watch_time_wait(self, waiting: TimeWait) -> None:
        engine = self.engine
        heappush(engine.heap, (waiting.deadline, next(engine.order), self._time_wait_over, waiting))

    def _time_wait_over(self, waiting: TimeWait) -> None:
        if waiting.deadline <= self.engine.now:
            self.end_time_wait(waiting)
        elif self.connections.get(waiting.key) is waiting:
            self._watch_time_wait(waiting)  # a repeated FIN has put it off

    def end_time_wait(self, waiting: TimeWait) -> None:
        """Forget a connection in TIME-WAIT."""
        if self.connections.get(waiting.key) is waiting:
            self._waiting -= 1
            del self.connections[waiting.key]
            self.ports.release(waiting.binding)
