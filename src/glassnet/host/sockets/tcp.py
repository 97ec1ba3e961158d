"""A TCP socket: unbound, bound, listening, or one end of a connection."""

from __future__ import annotations

import errno
import signal
import socket
from socket import AF_INET, AF_INET6, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET, SocketKind
from typing import TYPE_CHECKING, Any

from glassnet.host.current import running_or_none
from glassnet.host.descriptors.files import ERR, HUP, IN, OUT, PRI, RDHUP
from glassnet.host.signalling import SI_KERNEL, Sent
from glassnet.host.sockets import addresses as socket_addresses
from glassnet.host.sockets import option_names as names
from glassnet.host.sockets import tcp_options
from glassnet.host.sockets.addresses import ANY4, ANY6, is_link_local, is_multicast, show
from glassnet.host.sockets.file import failure
from glassnet.host.sockets.inet import InternetFile
from glassnet.host.sockets.options import Key, Options
from glassnet.host.sockets.tcp_options import UNPACED
from glassnet.transport.tcp import State, urgent
from glassnet.transport.tcp.fast_open import CLIENT, connect_with, has_cookie

if TYPE_CHECKING:
    from glassnet.datalink.interface import Interface
    from glassnet.host.system import System
    from glassnet.transport.ports import Binding
    from glassnet.transport.tcp import Connection, Listener

__all__ = ["TcpSocket"]

_S = 10**9
_UNDELIVERED = (
    State.SYN_RECEIVED,
    State.ESTABLISHED,
    State.CLOSE_WAIT,
    State.FIN_WAIT_1,
    State.CLOSING,
    State.LAST_ACK,
)
_NOTHING_OUT = (State.CLOSED, State.SYN_SENT, State.SYN_RECEIVED, State.TIME_WAIT)
_V6ONLY = (IPPROTO_IPV6, socket.IPV6_V6ONLY)
_FAST_OPEN = (IPPROTO_TCP, socket.TCP_FASTOPEN)
_FAST_OPEN_CONNECT = (IPPROTO_TCP, names.TCP_FASTOPEN_CONNECT)
_NO_COOKIE = (IPPROTO_TCP, names.TCP_FASTOPEN_NO_COOKIE)


class TcpSocket(InternetFile):
    """A stream socket over TCP, of either family."""

    __slots__ = (
        "_binding",
        "_connecting",
        "_deferred",
        "_interface",
        "_read_shut",
        "_stopped",
        "congestion",
        "connection",
        "fast_open_keys",
        "listener",
        "low_water",
        "pace",
        "unsent_limit",
    )

    def __init__(self, system: System, v6: bool, protocol: int) -> None:
        options = Options("tcp6" if v6 else "tcp4")
        super().__init__(system, AF_INET6 if v6 else AF_INET, SocketKind.SOCK_STREAM, protocol, options)
        self.v6 = v6
        self.device = None
        self.congestion = ""  # TCP_CONGESTION, if it was chosen
        self.fast_open_keys: tuple[bytes, ...] = ()  # TCP_FASTOPEN_KEY, the one in use first
        self.low_water = 1  # SO_RCVLOWAT
        self.unsent_limit = 0  # TCP_NOTSENT_LOWAT
        self.pace = UNPACED  # SO_MAX_PACING_RATE, bytes a second
        self.connection: Connection | None = None
        self.listener: Listener | None = None
        self._binding: Binding | None = None
        self._interface: Interface | None = None
        self._connecting = False
        self._deferred = False  # connected for the program; the SYN goes with its first data
        self._read_shut = False
        self._stopped = False

    # Readiness

    def mask(self) -> int:
        """What is ready, as Linux's tcp_poll has it."""
        connection = self.connection
        if connection is not None:
            mask = 0
            if connection.readable:
                mask = IN
                if connection.receiver.size < self.low_water > 1 and self._waits_for_more(self.low_water):
                    mask = 0
                if connection.peer_closed or self._read_shut:
                    mask |= RDHUP
                if connection.error:
                    mask |= ERR
                if connection.hung_up:
                    mask |= HUP | RDHUP
            elif connection.hung_up:
                mask = HUP | RDHUP
            if (
                connection.writable
                and (not self.unsent_limit or connection.sender.unsent < self.unsent_limit)
            ) or self._deferred:
                mask |= OUT
            if connection.receiver.urgent is not None and urgent.octet_waits(connection):
                mask |= PRI
            return mask
        if self.listener is not None:
            return IN if self.listener.readable else 0
        return HUP if self._stopped else OUT | HUP

    def _waits_for_more(self, wanted: int) -> bool:
        """Whether there is less to read than `wanted`, and more can come."""
        connection = self.connection
        return (
            connection is not None
            and connection.receiver.size < min(wanted, connection.receiver.limit)
            and not (connection.error or connection.peer_closed or self._read_shut)
            and connection.state is not State.CLOSED
        )

    def changed(self) -> None:
        """Readiness may have changed: tell those who wait for what is there now."""
        if self.watchers:
            connection = self.connection
            if connection is not None and connection.receiver.size and self.low_water == 1:
                # By far the most frequent: data came, and someone waits for data.
                rest = None
                for watcher, interest in self.watchers.items():
                    if interest & IN:
                        watcher.ready(self)
                    else:
                        rest = self.mask() if rest is None else rest
                        if rest & interest:
                            watcher.ready(self)
            else:
                super().changed()

    def describe(self) -> str:
        """Both ends, or the one there is."""
        if self.connection is not None:
            return f"TCP {self.connection.name}"
        if self._binding is not None:
            return f"TCP {self.system.tcp.show((self._binding.address, self._binding.port))}"
        return "an unbound TCP socket"

    # Naming

    def bind(self, address: Any) -> None:
        """Claim a local address and port."""
        packed, port, interface = socket_addresses.parse(self.system, self.v6, address, "bind")
        if self._binding is not None or self.connection is not None:
            raise failure(errno.EINVAL)
        if len(packed) == 4 and self.v6 and self.options[_V6ONLY]:
            raise failure(errno.EINVAL)
        if any(packed) and not is_multicast(packed) and not self.system.internet.is_local(packed):
            raise failure(errno.EADDRNOTAVAIL)
        if is_link_local(packed) and interface is None:
            raise failure(errno.EINVAL)
        self._interface = interface
        self._claim(packed, port)

    def _claim(self, address: bytes, port: int) -> None:
        options = self.options
        self._binding = self.system.tcp.ports.bind(
            address,
            port,
            v6only=bool(options[_V6ONLY]) if self.v6 else True,
            reuse_address=bool(options[SOL_SOCKET, socket.SO_REUSEADDR]),
            reuse_port=bool(options[SOL_SOCKET, socket.SO_REUSEPORT]),
        )

    def local(self) -> Any:
        """The local address, of zeros while there is none."""
        if self.connection is not None:
            return show(self.v6, *self.connection.local, self.connection.flow.interface)
        if self._binding is not None:
            return show(self.v6, self._binding.address, self._binding.port, self._interface)
        return show(self.v6, ANY6 if self.v6 else ANY4, 0)

    def peer(self) -> Any:
        """The remote address."""
        connection = self._open_connection()
        return show(self.v6, *connection.remote, connection.flow.interface)

    def _open_connection(self) -> Connection:
        """The connection, unless there is none yet, or none any more: for Linux, that is in TIME-WAIT too."""
        connection = self.connection
        if connection is None or connection.state in (State.CLOSED, State.SYN_SENT, State.TIME_WAIT):
            raise failure(errno.ENOTCONN)
        return connection

    # Listening

    @property
    def listening(self) -> bool:
        """Whether it accepts connections."""
        return self.listener is not None

    def listen(self, backlog: int) -> None:
        """Accept connections; on any free port if none was bound."""
        if self.connection is not None:
            raise failure(errno.EINVAL)
        if self.listener is not None:
            self.listener.backlog = max(backlog, 0)
            return
        if self._binding is None:
            self._claim(ANY6 if self.v6 else ANY4, 0)
            assert self._binding is not None
        self.listener = self.system.tcp.listen(self._binding, backlog)
        self.listener.on_change = self.changed
        self._stopped = False
        self.listener.interface = self.device
        self.listener.fast_open_keys = self.fast_open_keys
        tcp_options.apply_controller(self)
        for key in self.options.chosen:
            self.apply(key)

    def accept(self) -> tuple[TcpSocket, Any] | None:
        """The next connection and its peer's address, or None."""
        if self.listener is None:
            raise failure(errno.EINVAL)
        connection = self.listener.accept()
        if connection is None:
            return None
        accepted = TcpSocket(self.system, self.v6, self.protocol)
        accepted.options.inherit(self.options)
        for key in (_FAST_OPEN, _FAST_OPEN_CONNECT):
            accepted.options.chosen.pop(key, None)
        accepted.congestion = self.congestion
        accepted.pace = self.pace
        accepted.receive_timeout, accepted.send_timeout = self.receive_timeout, self.send_timeout
        accepted.device = accepted._interface = self.device
        accepted._adopt(connection)
        return accepted, show(self.v6, *connection.remote, connection.flow.interface)

    # Connecting

    def connect(self, address: Any) -> bool:
        """Send a SYN; True if the connection stands already, False while it is on its way.

        With TCP_FASTOPEN_CONNECT and a cookie it stands at once, and the SYN waits for data.
        """
        connection = self._begin(address)
        if connection is None:
            return True
        if not self.options[_FAST_OPEN_CONNECT]:
            connection.connect()
        elif has_cookie(connection):
            connection.enter(State.SYN_SENT)
            self._deferred = True
            self._connecting = False
            return True
        else:
            connect_with(connection, b"")
        return False

    def connect_with(self, data: bytes | memoryview, address: Any) -> int:
        """Connect with data in the SYN (MSG_FASTOPEN); returns how many bytes that has taken."""
        if not self.system.tcp.settings.fast_open & CLIENT:
            raise failure(errno.EOPNOTSUPP)
        if address is None:
            raise failure(errno.EISCONN if self.connection is not None else errno.EINVAL)
        connection = self._begin(address)
        if connection is None:
            raise failure(errno.EISCONN)
        return connect_with(connection, data)

    def _begin(self, address: Any) -> Connection | None:
        """The connection to open; None if it stands already."""
        packed, port, interface = socket_addresses.parse(self.system, self.v6, address, "connect")
        connection = self.connection
        if self.listener is not None:
            raise failure(errno.EISCONN)
        if connection is not None:
            if self._connecting:
                if not self.finish_connect():
                    raise failure(errno.EALREADY)
                return None
            raise failure(errno.EISCONN)
        self._check_remote(packed, interface)
        binding = self._binding
        connection = self.system.tcp.connect(binding, (packed, port), interface=interface or self._interface)
        if binding is not None:
            # One hold is the socket's, which outlives a failed connection; one is the connection's.
            binding.holders += 1
        self._adopt(connection)
        self._connecting = True
        return connection

    def _check_remote(self, address: bytes, interface: Interface | None) -> None:
        if len(address) == 4 and self.v6 and self.options[_V6ONLY]:
            raise failure(errno.ENETUNREACH)
        if is_multicast(address) or address == b"\xff\xff\xff\xff":
            raise failure(errno.ENETUNREACH)
        if is_link_local(address) and interface is None and self._interface is None:
            raise failure(errno.EINVAL)

    def finish_connect(self) -> bool:
        """Whether a connect is over; raises what it has failed with, and the socket may try again."""
        connection = self.connection
        if connection is None or not self._connecting:
            return True
        if connection.error:
            code = connection.take_error()
            self._connecting = False
            self._let_go()
            raise failure(code)
        if not connection.established and connection.state is not State.CLOSED:
            return False
        self._connecting = False
        return True

    def _adopt(self, connection: Connection) -> None:
        self.connection = connection
        connection.on_change = self.changed
        connection.on_urgent = self._urged
        tcp_options.apply_controller(self)
        for key in self.options.chosen:
            self.apply(key)

    def _let_go(self) -> None:
        if self.connection is not None:
            self.connection.on_change = self.connection.on_urgent = None
            self.connection = None

    def _urged(self) -> None:
        """Urgent data are announced: SIGURG for the owner (F_SETOWN)."""
        owner = self.system.processes.get(abs(self.owner))
        if owner is not None:
            owner.send(Sent(signal.SIGURG, SI_KERNEL, 0))

    # Data

    def readable(self) -> int:
        """How many octets wait to be read."""
        if self.listener is not None:
            raise failure(errno.EINVAL)
        if self.connection is None:
            return 0
        receiver = self.connection.receiver
        if receiver.urgent is not None and not self.connection.urgent_inline:
            return min(urgent.to_mark(receiver), receiver.size)
        return receiver.size

    def outstanding(self) -> int:
        """How many octets were handed in and are not acknowledged (SIOCOUTQ, tcp(7)). OSError(EINVAL)."""
        if self.listener is not None:
            raise failure(errno.EINVAL)
        connection = self.connection
        if connection is None or connection.state in _NOTHING_OUT:
            return 0
        sender = connection.sender
        return sender.next - sender.unacked + sender.unsent

    def receive(self, size: int, peek: bool = False) -> bytes | None:
        """The next bytes; b"" at the end of the stream."""
        connection = self.connection
        if connection is None:
            raise failure(errno.EBADF if self.closed else errno.ENOTCONN)
        if self.low_water > 1 and not self.nonblocking and self._waits_for_more(min(self.low_water, size)):
            return None
        if connection.error and connection.peer_closed and not connection.receiver.size:
            return b""  # as Linux: the end of the stream goes before an error that came after it
        return connection.receive(size, peek)

    def send(self, data: Any) -> int:
        """Write to the stream."""
        connection = self.connection
        if connection is None:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        sent = connection.send(data)
        if not sent and self._deferred:
            self._deferred = False
            sent = connect_with(connection, data)
        return sent

    def receive_urgent(self, peek: bool) -> bytes:
        """The urgent octet."""
        if self.listener is not None:
            raise failure(errno.ENOTCONN)
        if self.connection is None:
            raise failure(errno.EINVAL)
        return urgent.receive_octet(self.connection, peek)

    def send_urgent(self, data: Any) -> int:
        """Write to the stream, and mark the last octet as urgent."""
        if self.connection is None or self._deferred:
            return self.send(data)  # a SYN cannot mark its data
        return urgent.send_urgent(self.connection, data)

    def at_mark(self) -> int:
        """Whether the next octet is the urgent one (SIOCATMARK): 1 or 0."""
        return int(self.connection is not None and urgent.at_mark(self.connection))

    def to_mark(self) -> int | None:
        """How many octets come before the urgent one."""
        connection = self.connection
        if connection is None or connection.receiver.urgent is None:
            return None
        return urgent.to_mark(connection.receiver)

    # Ending

    def shutdown(self, read: bool, write: bool) -> None:
        """Say that no more will be sent, or that no more is wanted."""
        if self.listener is not None:
            if read:
                self._stop_listening()
            return
        connection = self._open_connection()
        if write:
            connection.shutdown_send()
        if read:
            self._read_shut = True
            connection.shutdown_receive()

    def _stop_listening(self) -> None:
        if self.listener is not None:
            assert self._binding is not None
            self._binding.holders += 1  # it keeps its address, and may listen again
            self.listener.close()
            self.listener = None
            self._stopped = True
            self.changed()

    def release(self) -> None:
        """Close: what was written is still delivered, unless SO_LINGER says otherwise."""
        if self.listener is not None:
            self.listener.close()
            self.listener = None
            return
        connection = self.connection
        if connection is not None:
            on, seconds = self.options.linger
            connection.close(float(seconds) if on else None)
            self.connection = None
            if on and seconds:
                _linger(connection, self.system.engine.now + seconds * _S)
        if self._binding is not None:
            self.system.tcp.ports.release(self._binding)

    # Options

    def take_error(self) -> int:
        """The pending error; a failed connect is over then."""
        connection = self.connection
        if connection is None:
            return 0
        code = connection.take_error()
        if code and self._connecting:
            self._connecting = False
            self._let_go()
        return code

    def path_mtu(self) -> int:
        """The path MTU to the peer."""
        return self._open_connection().flow.mtu

    def bind_to(self, device: Interface | None) -> None:
        """Connect and accept through `device` alone."""
        super().bind_to(device)
        self._interface = device
        if self.listener is not None:
            self.listener.interface = device

    def get_option(self, key: Key) -> int | bytes:
        """What `getsockopt` gives."""
        return tcp_options.get_option(self, key) if key in tcp_options.SPECIAL else super().get_option(key)

    def set_option(self, key: Key, value: int | bytes) -> None:
        """What `setsockopt` does."""
        if key == _V6ONLY and (self._binding is not None or self.connection is not None):
            raise failure(errno.EINVAL)
        if key in (_FAST_OPEN, _NO_COOKIE) and self.connection is not None:
            raise failure(errno.EINVAL)
        if key == _FAST_OPEN_CONNECT:
            if not self.system.tcp.settings.fast_open & CLIENT:
                raise failure(errno.EOPNOTSUPP)
            if self.connection is not None or self.listener is not None:
                raise failure(errno.EINVAL)
        if not tcp_options.set_option(self, key, value):
            super().set_option(key, value)

    def saved_syn(self, size: int) -> bytes:
        """The headers of the SYN that opened the connection, once (TCP_SAVED_SYN).

        Empty unless the listener was to save them; OSError(EINVAL) if they are more than `size`.
        """
        connection = self.connection
        saved = b"" if connection is None else connection.saved_syn
        if len(saved) > size:
            raise failure(errno.EINVAL)
        if connection is not None:
            connection.saved_syn = b""
        return saved

    def default_option(self, key: Key) -> int | bytes:
        """What an option is while the program has not set it."""
        return super().get_option(key)

    def apply(self, key: Key) -> None:
        """Hand an option on to the listener or connection."""
        if self._binding is not None:
            if key == (SOL_SOCKET, socket.SO_REUSEADDR):
                self._binding.reuse_address = bool(self.options[key])
            elif key == (SOL_SOCKET, socket.SO_REUSEPORT):
                self._binding.reuse_port = bool(self.options[key])
        tcp_options.apply(self, key)


def _linger(connection: Connection, deadline: int) -> None:
    """Wait until the peer has everything and our FIN, at most until `deadline`, as Linux does in close(2)."""
    strand = running_or_none()
    if strand is None or strand.doomed or not strand.process.alive:
        return
    strand.settle(f"close of TCP {connection.name}")
    connection.on_change = strand.wake
    try:
        while connection.state in _UNDELIVERED and strand.park(deadline):
            pass
    finally:
        connection.on_change = None
