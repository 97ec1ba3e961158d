"""`open` and `os.fdopen` with a virtual number: Python files over pipes and sockets of a host."""

from __future__ import annotations

import builtins
import errno
import io
import os
from types import ModuleType
from typing import Any

from glassnet.host.current import here
from glassnet.host.descriptors.files import FIRST_NUMBER

__all__ = ["NumberFile", "opening"]


class NumberFile(io.RawIOBase):
    """What `io.FileIO` is over a real descriptor: unbuffered. `mode` is "rb", "wb" or "rb+"."""

    def __init__(self, number: int, mode: str, closefd: bool) -> None:
        os.fstat(number)
        self.name = number
        self.mode = mode
        self.closefd = closefd
        self._number = number

    def _open(self) -> int:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        return self._number

    def fileno(self) -> int:
        """The virtual number."""
        return self._open()

    def readable(self) -> bool:
        """Whether it was opened for reading."""
        self._open()
        return self.mode != "wb"

    def writable(self) -> bool:
        """Whether it was opened for writing."""
        self._open()
        return self.mode != "rb"

    def isatty(self) -> bool:
        """It is no terminal."""
        self._open()
        return False

    def readinto(self, buffer: Any, /) -> int | None:
        """Read what there is; 0 at the end, None if that would have to wait and may not."""
        view = memoryview(buffer).cast("B")
        if not self.readable():
            raise io.UnsupportedOperation("File not open for reading")
        try:
            data = os.read(self._number, len(view))
        except BlockingIOError:
            return None
        view[: len(data)] = data
        return len(data)

    def write(self, data: Any, /) -> int | None:
        """Write what there is room for; None if that would have to wait and may not."""
        if not self.writable():
            raise io.UnsupportedOperation("File not open for writing")
        try:
            return os.write(self._number, data)
        except BlockingIOError:
            return None

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Refuse: there are no positions."""
        return os.lseek(self._open(), offset, whence)

    def tell(self) -> int:
        """Refuse: there are no positions."""
        return self.seek(0, 1)

    def close(self) -> None:
        """Close the number too, unless it was opened with `closefd=False`."""
        if self.closed:
            return
        try:
            super().close()
        finally:
            if self.closefd:
                os.close(self._number)

    def __repr__(self) -> str:
        state = "[closed]" if self.closed else f"name={self.name} mode={self.mode!r} closefd={self.closefd}"
        return f"<{type(self).__module__}.{type(self).__qualname__} {state}>"


class _Opening:
    def __init__(self) -> None:
        self._open = io.open

    def open(self, file: Any, *args: Any, **options: Any) -> Any:
        """As `open`."""
        if type(file) is not int or file < FIRST_NUMBER or here() is None:
            return self._open(file, *args, **options)
        return _open_number(file, *args, **options)


def _open_number(
    number: int,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """What `open` gives for a number that is a stream: as `io.open`, but never to be sought in."""
    kinds = set(mode)
    if kinds - set("rwab+tx") or len(mode) > len(kinds):
        raise ValueError(f"invalid mode: {mode!r}")
    if "b" in kinds and "t" in kinds:
        raise ValueError("can't have text and binary mode at once")
    if len(kinds & set("rwax")) != 1:
        raise ValueError("must have exactly one of create/read/write/append mode")
    if "x" in kinds:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), number)
    binary = "b" in kinds
    if binary and (encoding, errors, newline) != (None, None, None):
        name = "encoding" if encoding is not None else "errors" if errors is not None else "newline"
        raise ValueError(f"binary mode doesn't take {'a' if name == 'newline' else 'an'} {name} argument")
    if buffering == 0 and not binary:
        raise ValueError("can't have unbuffered text I/O")
    raw = NumberFile(number, "rb+" if "+" in kinds else "rb" if "r" in kinds else "wb", closefd)
    if buffering == 0:
        return raw
    try:
        buffer: Any
        size = buffering if buffering > 1 else io.DEFAULT_BUFFER_SIZE
        if "+" in kinds:
            raise io.UnsupportedOperation("File or stream is not seekable.")
        buffer = io.BufferedReader(raw, size) if "r" in kinds else io.BufferedWriter(raw, size)
        if binary:
            return buffer
        text = io.TextIOWrapper(buffer, encoding, errors, newline, line_buffering=buffering == 1)
        text.mode = mode  # type: ignore[misc]
        return text
    except BaseException:
        raw.close()
        raise


def opening() -> list[tuple[ModuleType, str, Any]]:
    """What replaces `open`, under both of its names."""
    serving = _Opening()
    return [(io, "open", serving.open), (builtins, "open", serving.open)]
