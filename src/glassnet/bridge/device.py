"""Opening a TAP device of Linux, in a network namespace of one's choice (the kernel's tuntap.rst)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import threading
from collections.abc import Callable
from fcntl import ioctl
from typing import TypeVar

from glassnet.errors import GlassnetError

__all__ = ["OFFLOAD", "Namespace", "open_device"]

Namespace = str | int | None
"""A namespace as ip-netns(8) names it, a path to one, the number of a process in it, or None: our own."""

_DEVICE = "/dev/net/tun"
_NAMED = "/run/netns"
_LONGEST_NAME = 15

# The kernel's interface, from <linux/if_tun.h>.
_TUNSETIFF, _TUNSETOFFLOAD, _TUNSETVNETHDRSZ = 0x400454CA, 0x400454D0, 0x400454D8
_IFF_TAP, _IFF_NO_PI, _IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
_TUN_F_CSUM, _TUN_F_TSO4, _TUN_F_TSO6 = 0x01, 0x02, 0x04
_CLONE_NEWNET = 0x40000000

OFFLOAD = _TUN_F_CSUM | _TUN_F_TSO4 | _TUN_F_TSO6
"""What we take from the kernel: frames without checksum, and runs of segments in one."""

# What is in the way of the driver, and what to do about it.
_NO_DRIVER = {
    errno.ENOENT: f"as root: modprobe tun; in a container: mknod {_DEVICE} c 10 200, after mkdir -p /dev/net",
    errno.EACCES: f"be root, or have an administrator let you: chmod 666 {_DEVICE}, as most systems have it",
    errno.EPERM: f"this container may not use it: start it with the device, as --device {_DEVICE}",
    errno.ENODEV: "the kernel has no tun driver: as root: modprobe tun",
    errno.ENXIO: "the kernel has no tun driver: as root: modprobe tun",
}

T = TypeVar("T")


def open_device(name: str, namespace: Namespace, header: int, offload: int) -> int:
    """The descriptor of the TAP device `name`, made if there is none; it does not block.

    Before each frame stands a virtio header of `header` octets. GlassnetError says what
    is in the way: no such device file, no permission, a device that someone else has.
    """
    if not name or len(name) > _LONGEST_NAME or "/" in name or any(letter.isspace() for letter in name):
        raise ValueError(f"TAP device {name!r}: expected a name of 1 to {_LONGEST_NAME} letters, as 'tap0'")
    return _within(namespace, lambda: _open(name, namespace, header, offload))


def _open(name: str, namespace: Namespace, header: int, offload: int) -> int:
    where = "" if namespace is None else f" in the network namespace {namespace!r}"
    try:
        number = os.open(_DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        remedy = _NO_DRIVER.get(error.errno or 0, "it takes Linux with the tun driver")
        raise GlassnetError(f"TAP device {name!r}: {_DEVICE}: {error.strerror}: {remedy}") from error
    try:
        flags = _IFF_TAP | _IFF_NO_PI | _IFF_VNET_HDR
        ioctl(number, _TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
        ioctl(number, _TUNSETVNETHDRSZ, struct.pack("i", header))
        ioctl(number, _TUNSETOFFLOAD, offload)
    except OSError as error:
        os.close(number)
        remedy = {
            errno.EPERM: "be root, or have an administrator give it to you: "
            f"ip tuntap add {name} mode tap user YOU",
            errno.EBUSY: "another program has it open",
            errno.EINVAL: "there is an interface of that name, and it is no TAP device",
        }.get(error.errno or 0, "the kernel will not have it")
        raise GlassnetError(f"TAP device {name!r}{where}: {error.strerror}: {remedy}") from error
    return number


def _within(namespace: Namespace, work: Callable[[], T]) -> T:
    """What `work` gives when it is done in that network namespace."""
    if namespace is None:
        return work()
    path = _path(namespace)
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise GlassnetError(
            f"network namespace {namespace!r}: {path}: {error.strerror}; make one with: ip netns add NAME"
        ) from error
    results: list[T] = []
    faults: list[Exception] = []

    def enter() -> None:
        # A namespace is a thread's own: this one goes there, and ends with it.
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(number, _CLONE_NEWNET):
                code = ctypes.get_errno()
                raise GlassnetError(
                    f"network namespace {namespace!r}: {os.strerror(code)}: entering it takes root (setns(2))"
                )
            results.append(work())
        except Exception as fault:
            faults.append(fault)

    try:
        thread = threading.Thread(target=enter, name="opens a TAP device")
        thread.start()
        thread.join()
    finally:
        os.close(number)
    if faults:
        raise faults[0]
    return results[0]


def _path(namespace: str | int) -> str:
    if isinstance(namespace, int):
        return f"/proc/{namespace}/ns/net"
    return namespace if "/" in namespace else f"{_NAMED}/{namespace}"
