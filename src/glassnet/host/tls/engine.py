"""What `ssl.SSLSocket` has as its `_sslobj`, on a virtual socket.

Off host that is an object of `_ssl`, in which OpenSSL reads and writes a descriptor of
the machine. Here OpenSSL works on two buffers, and this object carries their octets
to and from the socket's open file, and waits as the socket's timeout says. All else
of `SSLSocket` is the stock class.

It asks the file for one record at a time, first the header, then the rest (RFC 8446,
section 5.1), as OpenSSL does. So what follows the last record, such as plain text after
`unwrap()`, stays in the socket, and `select` tells the same as on Linux.
"""

from __future__ import annotations

import errno
import ssl
import sys
from collections.abc import Callable
from typing import Any
from weakref import ref

from glassnet.host.clocks import deadline_after
from glassnet.host.current import running_or_none, running_strand
from glassnet.host.descriptors.files import IN, OUT
from glassnet.host.tls.validity import judge_by_host_clock

__all__ = ["TlsEngine"]

_HEADER = 5
_VERSION_MAJOR = 3
_LARGEST_PLAIN = 1 << 14
_LARGEST_RECORD = _LARGEST_PLAIN + 256
"""More than this TLS 1.3 forbids, and OpenSSL may refuse having seen the header alone."""

_CALLED_ENDS = sys.version_info < (3, 12, 4)

_NOT_WAITING = -1
_POLL_COST = 10

_READ_LATE = "The read operation timed out"
_WRITE_LATE = "The write operation timed out"
# In CPython the number is that of a line of its source, and so another one in each version.
_HANDSHAKE_LATE = "_ssl.c:0: The handshake operation timed out"


class TlsEngine:
    """One end of a TLS connection over a virtual socket.

    Arguments and failures are those of `_ssl._SSLSocket`; `connection` is what
    `SSLContext._wrap_bio` made of the two buffers.
    """

    __slots__ = (
        "_connection",
        "_header",
        "_incoming",
        "_lost",
        "_missing",
        "_outgoing",
        "_socket",
        "_taken",
        "_unsent",
    )

    def __init__(self, sock: Any, connection: Any, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        self._socket = ref(sock)
        self._connection = connection
        self._incoming = incoming
        self._outgoing = outgoing
        self._header: bytes | None = b""
        self._missing = _HEADER
        self._lost = False
        self._unsent = b""
        self._taken = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @property
    def context(self) -> ssl.SSLContext:
        """The context in use; setting it, as a server name callback does, exchanges the certificate."""
        context: ssl.SSLContext = self._connection.context
        return context

    @context.setter
    def context(self, context: ssl.SSLContext) -> None:
        self._connection.context = context

    @property
    def session(self) -> ssl.SSLSession | None:
        """The session, to be given to a later connection; to be set before the handshake."""
        session: ssl.SSLSession | None = self._connection.session
        return session

    @session.setter
    def session(self, session: ssl.SSLSession | None) -> None:
        self._connection.session = session

    # What waits

    def do_handshake(self) -> None:
        """Shake hands."""
        sock = self._live_socket()
        deadline = _deadline(sock)
        judge_by_host_clock(self._connection)
        self._perform(sock, self._connection.do_handshake, deadline, _HANDSHAKE_LATE)
        try:
            self._send_all(sock, deadline, _HANDSHAKE_LATE)
        except (BrokenPipeError, ConnectionResetError):
            # OpenSSL leaves it to the next call to notice when only tickets did not get out.
            if not (self._connection.server_side and self._connection.version() == "TLSv1.3"):
                raise

    def read(self, *arguments: Any) -> Any:
        """Up to a number of octets, as bytes or put into a buffer given second; none at the end."""
        sock = self._live_socket()
        try:
            data = self._perform(sock, self._connection.read, None, _READ_LATE, *arguments)
        except OSError as error:
            raise _reported(error) from None
        if self._outgoing.pending:
            self._answer(sock)
        return data

    def write(self, data: Any, /) -> int:
        """Send all of `data`, and return how much that is.

        A call that ended with SSLWantWriteError or TimeoutError may have sent a part,
        and is to be repeated with the same octets, as OpenSSL has it.
        """
        sock = self._live_socket()
        deadline = _deadline(sock)
        try:
            view = memoryview(data).cast("B")
        except TypeError:
            return self._connection.write(data)  # type: ignore[no-any-return]  # raises what fits
        try:
            return self._write(sock, view, deadline)
        except OSError as error:
            raise _reported(error) from None

    def _write(self, sock: Any, view: memoryview, deadline: int | None) -> int:
        write = self._connection.write
        size = len(view)
        done, self._taken = self._taken, 0
        if done > size:
            if deadline is not None and deadline != _NOT_WAITING:
                self._send_all(sock, deadline, _WRITE_LATE)
            raise _failure(ssl.SSLError, ssl.SSL_ERROR_SSL, "[SSL: BAD_LENGTH] bad length", "SSL")
        if not done:
            piece = view if size <= _LARGEST_PLAIN else view[:_LARGEST_PLAIN]
            done = self._perform(sock, write, deadline, _WRITE_LATE, piece)
        try:
            self._send_all(sock, deadline, _WRITE_LATE)
            while done < size:
                piece = view[done : done + _LARGEST_PLAIN]
                done += self._perform(sock, write, deadline, _WRITE_LATE, piece)
                self._send_all(sock, deadline, _WRITE_LATE)
        except (ssl.SSLWantWriteError, TimeoutError):
            self._taken = done
            raise
        return size

    def shutdown(self) -> Any:
        """Exchange close_notify with the peer; returns the socket, for plain text."""
        sock = self._live_socket()
        deadline = _deadline(sock)
        if self._unsent:
            self._send_all(sock, deadline, _WRITE_LATE)
        self._perform(sock, self._connection.shutdown, deadline, _READ_LATE)
        self._send_all(sock, deadline, _WRITE_LATE)
        return sock

    # How

    def _live_socket(self) -> Any:
        sock = self._socket()
        if sock is None or sock.fileno() < 0:
            raise _failure(ssl.SSLError, ssl.SSL_ERROR_EOF, "Underlying socket connection gone")
        return sock

    def _perform(
        self, sock: Any, operation: Callable[..., Any], deadline: int | None, late: str, *arguments: Any
    ) -> Any:
        """Let OpenSSL do `operation`, and give it records until it can."""
        begun = deadline is not None
        while True:
            try:
                return operation(*arguments)
            except ssl.SSLWantReadError:
                self._push(sock)
                if not begun:
                    begun, deadline = True, _deadline(sock)
                if not self._fetch(sock, deadline, late):
                    if self._unsent and not self._taken:
                        raise _want_write() from None
                    raise
            except ssl.SSLSyscallError:
                # So it is called on buffers; on a socket this is the end of the stream, found once more.
                raise _ragged_end() from None
            except ssl.SSLError:
                self._answer(sock)
                raise

    def _answer(self, sock: Any) -> None:
        """Send what OpenSSL has to say, such as the alert of a failure, if there is room for it now."""
        try:
            self._push(sock)
        except OSError:
            self._unsent = b""  # what was read, or the failure itself, is what matters

    def _fetch(self, sock: Any, deadline: int | None, late: str) -> bool:
        """Give OpenSSL the rest of a record, or the end of the stream; False if it may not be waited for."""
        while True:
            data = sock._file.receive(self._missing)
            if data is None:
                if not self._wait(sock, IN | OUT if self._unsent else IN, deadline, late):
                    return False
                self._push(sock)
            elif not data:
                self._incoming.write_eof()
                return True
            else:
                self._incoming.write(data)
                if self._complete(data):
                    return True

    def _complete(self, data: bytes) -> bool:
        """Count octets of a record; True if OpenSSL should look at what it has."""
        if self._lost:
            return True
        header = self._header
        self._missing -= len(data)
        if header is not None:
            header += data
            if self._missing:
                self._header = header
                return False
            size = int.from_bytes(header[3:], "big")
            if header[1] != _VERSION_MAJOR:
                # Not TLS: OpenSSL refuses it, or it is a hello of old times whose end only OpenSSL knows.
                self._lost, self._missing = True, 1
                return True
            if size:
                self._header, self._missing = None, size
                return size > _LARGEST_RECORD
        if self._missing:
            return False
        self._header, self._missing = b"", _HEADER
        return True

    def _push(self, sock: Any) -> None:
        """Hand to the socket what it has room for."""
        if self._outgoing.pending:
            self._unsent += self._outgoing.read()
        while self._unsent:
            try:
                sent = sock._file.send(self._unsent)
            except OSError:
                self._unsent = b""
                raise
            if not sent:
                return
            self._unsent = self._unsent[sent:]

    def _send_all(self, sock: Any, deadline: int | None, late: str) -> None:
        """Hand everything to the socket; SSLWantWriteError or TimeoutError if it has no room for that."""
        self._push(sock)
        while self._unsent:
            if not self._wait(sock, OUT, deadline, late):
                raise _want_write()
            self._push(sock)

    def _wait(self, sock: Any, interest: int, deadline: int | None, late: str) -> bool:
        """Wait for the socket; False if it is non-blocking, TimeoutError(`late`) at `deadline`."""
        if deadline == _NOT_WAITING:
            strand = running_or_none()
            if strand is not None:
                strand.spin(_POLL_COST)
            return False
        file = sock._file
        if not running_strand().wait(file, interest, deadline, "TLS"):
            raise TimeoutError(late)
        if file.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")
        return True


def _deadline(sock: Any) -> int | None:
    """When an operation that begins now must be over: None for never, or `_NOT_WAITING`."""
    patience = sock.gettimeout()
    if patience is None:
        return None
    return deadline_after(running_strand(), patience) if patience else _NOT_WAITING


def _reported(error: OSError) -> OSError:
    """As what `read` and `write` report an error: before gh-115627, one of the socket is called an end."""
    if not _CALLED_ENDS or error.errno is None or isinstance(error, ssl.SSLError):
        return error
    return _ragged_end()


def _ragged_end() -> ssl.SSLError:
    return _failure(ssl.SSLEOFError, ssl.SSL_ERROR_EOF, "EOF occurred in violation of protocol")


def _want_write() -> ssl.SSLError:
    return _failure(ssl.SSLWantWriteError, ssl.SSL_ERROR_WANT_WRITE, "The operation did not complete (write)")


def _failure(kind: type[ssl.SSLError], number: int, text: str, library: str | None = None) -> ssl.SSLError:
    """An error with the attributes that `_ssl` gives it."""
    error = kind(int(number), text)
    error.library = library  # type: ignore[assignment]
    error.reason = text[text.index(": ") + 2 : text.index("]")] if library else None  # type: ignore[assignment]
    return error
