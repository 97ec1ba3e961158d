"""`datetime` as programs on a host see it: the host's clock, in the time zone UTC.

The classes of `datetime` cannot be replaced: programs hold them, subclass them, and
pickle their objects. So a few of their methods are, in the classes themselves. These are
built in, and Python refuses to set attributes of such; the dictionary beneath can be
changed all the same, if the interpreter is told that the class was modified.
"""

from __future__ import annotations

import ctypes
import datetime
import gc
import sys
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any

from glassnet.errors import GlassnetError
from glassnet.host.clocks import spin
from glassnet.host.current import here

__all__ = ["patch_datetime"]

_HOSTS_ZONE = timezone(timedelta(0), "UTC")
"""What `astimezone()` gives on a machine in UTC."""

_modified = ctypes.pythonapi.PyType_Modified
_modified.argtypes = [ctypes.py_object]
_modified.restype = None

_DateTime = datetime.datetime
_Date = datetime.date
_START = _DateTime(1970, 1, 1)

_stock: dict[str, Any] = {}


def _put(cls: type, replacements: dict[str, Any]) -> None:
    beneath = gc.get_referents(cls.__dict__)
    if len(beneath) != 1 or type(beneath[0]) is not dict:
        raise GlassnetError(
            f"this Python ({sys.version.split()[0]}) does not let {cls.__name__} be changed: "
            "programs on hosts would see the time of the machine there"
        )
    beneath[0].update(replacements)
    _modified(cls)


def patch_datetime() -> None:
    """Let the classes of `datetime` read the clock of the host, where there is one."""
    for cls, names in (
        (_DateTime, "now utcnow fromtimestamp timestamp astimezone"),
        (_Date, "today fromtimestamp"),
    ):
        for name in names.split():
            _stock[f"{cls.__name__}.{name}"] = cls.__dict__[name]
    _put(
        _DateTime,
        {
            "now": classmethod(_now),
            "utcnow": classmethod(_utcnow),
            "fromtimestamp": classmethod(_fromtimestamp),
            "timestamp": _timestamp,
            "astimezone": _astimezone,
        },
    )
    _put(_Date, {"today": classmethod(_today), "fromtimestamp": classmethod(_date_fromtimestamp)})


def _moment(cls: type[Any], zone: tzinfo | None) -> Any:
    """The present time by the host's clock, in UTC, said to be in `zone`."""
    spin()
    system = here()
    assert system is not None
    at = _START + timedelta(microseconds=system.clock.time() // 1000)
    return cls(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, zone)


def _now(cls: type[Any], tz: tzinfo | None = None) -> Any:
    """As `datetime.now`."""
    if here() is None or not (tz is None or isinstance(tz, tzinfo)):
        return _stock["datetime.now"].__get__(None, cls)(tz)
    moment = _moment(cls, tz)
    return moment if tz is None else tz.fromutc(moment)


def _utcnow(cls: type[Any]) -> Any:
    """As `datetime.utcnow`."""
    if here() is None:
        return _stock["datetime.utcnow"].__get__(None, cls)()
    return _moment(cls, None)


def _fromtimestamp(cls: type[Any], timestamp: float, tz: tzinfo | None = None) -> Any:
    """As `datetime.fromtimestamp`."""
    stock = _stock["datetime.fromtimestamp"].__get__(None, cls)
    if here() is None or tz is not None:
        return stock(timestamp, tz)
    at = _stock["datetime.fromtimestamp"].__get__(None, _DateTime)(timestamp, UTC)
    return cls(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond)


def _timestamp(self: Any) -> float:
    """As `datetime.timestamp`."""
    if here() is None or self.utcoffset() is not None:
        seconds: float = _stock["datetime.timestamp"](self)
        return seconds
    since = self.replace(tzinfo=None) - _START
    whole: int = since.days * 86400 + since.seconds
    part: float = since.microseconds / 1e6
    return whole + part


def _astimezone(self: Any, tz: tzinfo | None = None) -> Any:
    """As `datetime.astimezone`."""
    stock = _stock["datetime.astimezone"]
    if here() is None:
        return stock(self, tz)
    if self.utcoffset() is None:
        self = self.replace(tzinfo=_HOSTS_ZONE)
    return stock(self, _HOSTS_ZONE if tz is None else tz)


def _today(cls: type[Any]) -> Any:
    """As `date.today`, and `datetime.today`."""
    if here() is None:
        return _stock["date.today"].__get__(None, cls)()
    spin()
    system = here()
    assert system is not None
    return cls.fromtimestamp(system.clock.time() / 1e9)


def _date_fromtimestamp(cls: type[Any], timestamp: float, /) -> Any:
    """As `date.fromtimestamp`."""
    if here() is None:
        return _stock["date.fromtimestamp"].__get__(None, cls)(timestamp)
    at = _stock["datetime.fromtimestamp"].__get__(None, _DateTime)(timestamp, UTC)
    return cls(at.year, at.month, at.day)
