"""A virtual host as a user handles it: start programs, give addresses and routes, look inside."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from ipaddress import ip_interface
from typing import TYPE_CHECKING, Any, TypeVar

from glassnet.datalink.interface import Interface
from glassnet.engine import Drops
from glassnet.errors import GlassnetError
from glassnet.host.process import Process
from glassnet.host.system import System
from glassnet.network.addresses import address_text
from glassnet.network.internet import Internet
from glassnet.transport.tcp import Tcp, TcpSettings
from glassnet.transport.udp import Udp

if TYPE_CHECKING:
    import asyncio

    from glassnet.topology.network import Network

__all__ = ["Host", "Router"]

T = TypeVar("T")


class Host:
    """A virtual host: interfaces, a TCP/IP stack, an operating system. `Network.host` makes one."""

    forwarding = False

    def __init__(self, network: Network, name: str) -> None:
        engine = network.engine
        self.network = network
        self.name = name
        self.drops = Drops(engine, name)
        self.internet = Internet(engine, name, self.drops)
        self.internet.forwarding = self.forwarding
        self.tcp = Tcp(self.internet, self.drops, TcpSettings())
        self.udp = Udp(self.internet, self.drops)
        self.system = System(network.world, name, self.internet, self.udp, self.tcp)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    # Programs

    def start(self, program: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Process:
        """Start `program(*args, **kwargs)` as a process of this host, at the present time.

        Where it gives a coroutine, that is run with `asyncio.run` in the process.
        """
        return self.system.start(program, *args, **kwargs)

    def run(self, program: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Start a program and run the network until it ends; returns its result or raises its exception."""
        return self.start(program, *args, **kwargs).result()

    async def call(self, program: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """In a coroutine on the virtual network: start a program on this host and wait for its result."""
        return await self.system.call(program, *args, **kwargs)

    def task(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine as a task of the running loop, on this host."""
        return self.system.task(coroutine)

    # Its place in the network

    @property
    def interfaces(self) -> list[Interface]:
        """Its Ethernet interfaces, in the order in which they were plugged in."""
        return [each for each in self.internet.interfaces.values() if each is not self.internet.loopback]

    @property
    def addresses(self) -> list[str]:
        """Its addresses, link-local ones and loopback left out."""
        return [address_text(address) for address in self.network.names.addresses(self.name)]

    def interface(self, name: str) -> Interface:
        """The interface called `name`."""
        found = self.internet.interfaces.get(name)
        if found is None:
            known = ", ".join(self.internet.interfaces)
            raise GlassnetError(f"host {self.name}: no interface {name!r}; it has {known}")
        return found

    def add_address(self, address: str, interface: str | Interface | None = None) -> None:
        """Give an address with its prefix length (`"192.0.2.1/24"`) to an interface, by default the last."""
        if interface is None:
            if not self.interfaces:
                raise GlassnetError(
                    f"host {self.name} is on no network: plug in a cable (net.cable, net.lan) "
                    f"before giving it the address {address}"
                )
            interface = self.interfaces[-1]
        elif isinstance(interface, str):
            interface = self.interface(interface)
        try:
            parsed = ip_interface(address)
        except ValueError as error:
            raise ValueError(
                f"host {self.name}: {address!r}: expected an address with its prefix length, "
                f"such as '192.0.2.1/24' ({error})"
            ) from None
        if "/" not in address:
            raise ValueError(
                f"host {self.name}: {address!r}: the prefix length is missing, as in '{address}/24'"
            )
        owner = self.network.owner_of(parsed.ip)
        if owner is not None:
            raise GlassnetError(f"host {self.name}: {parsed.ip} is taken by host {owner}")
        self.internet.add_address(interface, address)
        self.network.record_address(self, parsed.ip)

    def addresses_of(self, interface: Interface) -> list[tuple[bytes, int]]:
        """The addresses of one of its interfaces, each with its prefix length."""
        return list(self.internet.attachment(interface).addresses.items())

    def route(self, prefix: str, via: str | None = None, interface: str | None = None) -> None:
        """Add a static route, as `host.route("0.0.0.0/0", via="192.0.2.1")`."""
        self.internet.routes.add(prefix, via=via, interface=interface)

    def ip_address(self, version: int = 4) -> str:
        """Its first address of that version."""
        if version not in (4, 6):
            raise ValueError(f"host {self.name}: version={version!r}: IP has versions 4 and 6")
        for address in self.network.names.addresses(self.name):
            if len(address) == (4 if version == 4 else 16):
                return address_text(address)
        raise GlassnetError(f"host {self.name} has no IPv{version} address: it is on no network that has any")


class Router(Host):
    """A host that forwards packets between its interfaces."""

    forwarding = True
