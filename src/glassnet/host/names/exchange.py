"""Questions to name servers over the virtual network, and their answers, as glibc's res_send does it.

The questions of one lookup (A and AAAA) go out together, from one socket connected to
the server, so that only the server can answer. If just one is answered in time they are
sent one after the other, and then each from a socket of its own, for there are servers
and firewalls that cannot do better. Truncated answers are fetched over TCP.
"""

from __future__ import annotations

from socket import IPPROTO_TCP, IPPROTO_UDP
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

import dns.name
import dns.rcode

from glassnet.host.current import running_strand
from glassnet.host.descriptors.files import IN, OUT
from glassnet.host.names.messages import Message, make_query, read
from glassnet.host.sockets.addresses import show
from glassnet.host.sockets.file import SocketFile
from glassnet.host.sockets.tcp import TcpSocket
from glassnet.host.sockets.udp import UdpSocket

if TYPE_CHECKING:
    from glassnet.host.names.settings import NameServer, Resolv
    from glassnet.host.system import System

__all__ = ["Exchange", "Question"]

_PORT = 53
_SECOND = 10**9
_LARGEST = 65535
_FAILURES = (int(dns.rcode.SERVFAIL), int(dns.rcode.NOTIMP), int(dns.rcode.REFUSED))
_length = Struct("!H")


class _NextServer(Exception):
    """This server is of no use."""


class Question(NamedTuple):
    """A name and a type of record."""

    name: dns.name.Name
    kind: int


class Exchange:
    """One lookup: all its questions, to one server after the other until one is of use."""

    def __init__(self, system: System, settings: Resolv, questions: list[Question]) -> None:
        self._system = system
        self._settings = settings
        self._questions = questions
        stream = system.engine.random[f"host:{system.name}:resolver"]
        self._numbers: list[int] = []
        while len(self._numbers) < len(questions):
            number = stream.getrandbits(16)
            if number not in self._numbers:
                self._numbers.append(number)
        self._queries = [
            make_query(question.name, question.kind, number)
            for question, number in zip(questions, self._numbers, strict=True)
        ]
        self._answers: dict[int, Message] = {}
        self._failed: set[int] = set()
        self.refused = False
        """Whether a server said that it cannot or will not, rather than nothing at all."""

    def run(self) -> dict[int, Message]:
        """The responses, by the place of their question; those that could not be had are missing."""
        settings = self._settings
        servers = settings.in_turn()
        for _ in range(settings.attempts):
            for place, server in enumerate(servers):
                # The later ones get more time, of which each has its share: resolv.conf(5), "timeout".
                seconds = settings.timeout // _SECOND << place
                if place:
                    seconds = max(seconds // len(servers), 1)
                self._answers.clear()
                self._failed.clear()
                try:
                    self._ask(server, seconds * _SECOND)
                except (_NextServer, OSError):
                    # Unreachable, or a port without a server: as silence, but known at once.
                    continue
                if self._answers:
                    return self._answers
        return {}

    def _left(self) -> list[int]:
        return [
            place
            for place in range(len(self._questions))
            if place not in self._answers and place not in self._failed
        ]

    # Over UDP

    def _ask(self, server: NameServer, patience: int) -> None:
        together, alone = [list(range(len(self._questions)))], [[place] for place in self._left()]
        for rounds, sockets_each in ((together, False), (alone, False), (alone, True)):
            self._answers.clear()
            self._failed.clear()
            self._ask_by_datagram(server, patience, rounds, sockets_each)
            if not self._left():
                break
            if not self._answers:
                raise _NextServer
        if any(message.truncated for message in self._answers.values()):
            self._answers.clear()
            self._failed.clear()
            self._ask_by_stream(server, patience)

    def _ask_by_datagram(
        self, server: NameServer, patience: int, rounds: list[list[int]], sockets_each: bool
    ) -> None:
        file = self._socket(server, UdpSocket)
        try:
            for number, places in enumerate(rounds):
                if sockets_each and number:
                    file.drop()
                    file = self._socket(server, UdpSocket)
                for place in places:
                    file.send(self._queries[place])
                deadline = self._system.engine.now + patience
                while any(place in places for place in self._left()):
                    wire = self._receive(file, deadline)
                    if wire is None:
                        return
                    self._take(wire)
        finally:
            file.drop()

    def _take(self, wire: bytes) -> bool:
        """Note an answer; False if it is to none of the questions."""
        message = read(wire)
        if message is None:
            if len(wire) < 12:
                raise _NextServer
            return False
        if message.number not in self._numbers:
            return False
        place = self._numbers.index(message.number)
        question = self._questions[place]
        if message.rcode in _FAILURES and not message.questions:
            pass
        elif not message.answers(question.name, question.kind):
            return False
        if message.rcode in _FAILURES or message.lame:
            self.refused = True
            self._failed.add(place)
        elif place not in self._failed:
            self._answers.setdefault(place, message)
        return True

    # Over TCP (RFC 1035 section 4.2.2)

    def _ask_by_stream(self, server: NameServer, patience: int) -> None:
        file = self._socket(server, TcpSocket)
        try:
            deadline = self._system.engine.now + patience
            while not file.finish_connect():
                if not self._wait(file, OUT, deadline):
                    return
            left = b"".join(_length.pack(len(query)) + query for query in self._queries)
            while left:
                sent = file.send(left)
                if not sent and not self._wait(file, OUT, deadline):
                    return
                left = left[sent:]
            buffer = bytearray()
            while self._left():
                data = self._receive(file, deadline)
                if not data:
                    return
                buffer += data
                while len(buffer) >= 2 and len(buffer) >= 2 + _length.unpack_from(buffer)[0]:
                    end = 2 + _length.unpack_from(buffer)[0]
                    self._take(bytes(buffer[2:end]))
                    del buffer[:end]
        finally:
            file.drop()

    # Waiting

    def _socket(self, server: NameServer, kind: type[UdpSocket | TcpSocket]) -> SocketFile:
        v6 = len(server.address) == 16
        file = kind(self._system, v6, IPPROTO_UDP if kind is UdpSocket else IPPROTO_TCP)
        file.references += 1
        host = show(v6, server.address, 0)[0]
        try:
            file.connect((f"{host}%{server.zone}" if server.zone else host, _PORT))
        except OSError:
            file.drop()
            raise
        return file

    def _receive(self, file: SocketFile, deadline: int) -> bytes | None:
        """What comes next; None if nothing comes in time."""
        while (data := file.receive(_LARGEST)) is None:
            if not self._wait(file, IN, deadline):
                return None
        return data

    def _wait(self, file: SocketFile, interest: int, deadline: int) -> bool:
        # Whoever answers something else all the time does not keep it waiting longer.
        if self._system.engine.now >= deadline:
            return False
        return running_strand().wait(file, interest, deadline, "answer of a name server")
