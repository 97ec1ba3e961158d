"""A virtual host as a user handles it: start programs, give addresses and routes, look inside."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from ipaddress import ip_interface
from typing import TYPE_CHECKING, Any, TypeVar

from glassnet.datalink.interface import Interface
from glassnet.engine import Drops
from glassnet.engine.quantity import drift, duration, offset
from glassnet.errors import GlassnetError
from glassnet.host.names.settings import Resolv
from glassnet.host.names.table import Names
from glassnet.host.netstat import Netstat, netstat
from glassnet.host.process import Process
from glassnet.host.system import System
from glassnet.network.addresses import address_text
from glassnet.network.internet import Internet
from glassnet.topology.power import Power
from glassnet.transport.tcp import Tcp
from glassnet.transport.tcp.sysctl import Choice, get_sysctl, set_sysctl, tcp_settings
from glassnet.transport.udp import Udp

if TYPE_CHECKING:
    import asyncio

    from glassnet.topology.network import Network

__all__ = ["Host", "Router"]

T = TypeVar("T")


class Host:
    """A virtual host: interfaces, a TCP/IP stack, an operating system. `Network.host` makes one."""

    forwarding = False

    def __init__(self, network: Network, name: str, tcp: Choice = None) -> None:
        engine = network.engine
        self.network = network
        self.name = name
        self.drops = Drops(engine, name)
        self.internet = Internet(engine, name, self.drops)
        self.internet.forwarding = self.forwarding
        self.tcp = Tcp(self.internet, self.drops, tcp_settings(tcp, network.tcp))
        self.udp = Udp(self.internet, self.drops)
        self.system = System(network.world, name, self.internet, self.udp, self.tcp)
        self._power = Power(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    # Programs

    def start(self, program: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Process:
        """Start `program(*args, **kwargs)` as a process of this host, at the present time.

        Where it gives a coroutine, that is run with `asyncio.run` in the process.
        When the host boots, it is started again.
        """
        process = self.system.start(program, *args, **kwargs)
        self._power.programs.append(lambda: self.start(program, *args, **kwargs))
        return process

    def run(self, program: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Start a program and run the network until it ends; returns its result or raises its exception."""
        return self.system.run(program, *args, **kwargs)

    async def call(self, program: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """In a coroutine on the virtual network: start a program on this host and wait for its result."""
        return await self.system.call(program, *args, **kwargs)

    def task(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine as a task of the running loop, on this host."""
        return self.system.task(coroutine)

    # Its life

    @property
    def state(self) -> str:
        """`"on"`, `"paused"`, `"stopping"`, `"off"` or `"crashed"`; `HostStateChanged` tells of changes."""
        return self._power.state

    def crash(self) -> None:
        """Switch it off at once. Its programs end with -9; nothing more is sent, not even a reset.

        Peers find out as with a real one: by silence, or by a reset once it has booted.
        """
        self._power.crash()

    def stop(self, grace: float | str = "10s") -> None:
        """Shut it down: SIGTERM to its programs, SIGKILL to those that are left after `grace`.

        This returns at once; `state` is `"off"` a second after the last of them has ended.
        """
        self._power.stop(duration(grace))

    def boot(self) -> list[Process]:
        """Switch it on after `crash` or `stop`; returns the programs of `start`, started again."""
        return self._power.boot()

    def restart(self, grace: float | str = "10s") -> None:
        """`stop`, then `boot`. This returns at once."""
        self._power.restart(duration(grace))

    def pause(self) -> None:
        """Let it stand still: programs, timers and network, until `resume`. Its clock goes on.

        Of the frames that come meanwhile each interface keeps `RING`, and drops the others.
        """
        self._power.pause()

    def resume(self) -> None:
        """Let it go on after `pause`. What was due meanwhile happens now."""
        self._power.resume()

    # Its clock

    @property
    def skew(self) -> float:
        """How many seconds its clock is ahead of the network's time, now. Set it to `"5s"` or `"-20ms"`.

        That sets the clock: the time of day jumps, `time.monotonic()` does not.
        """
        return self.system.clock.skew / 1e9

    @skew.setter
    def skew(self, skew: float | str) -> None:
        self.system.clock.skew = offset(skew)

    @property
    def drift(self) -> float:
        """How much too fast its clock runs: 1e-6 is a microsecond per second. Set it to `"50ppm"`, `"-1%"`.

        All clocks, sleeps and timeouts of its programs run at this rate from now on. The
        timers of its protocols (TCP, ARP) keep to the network's time.
        """
        return self.system.clock.drift / 1e9

    @drift.setter
    def drift(self, value: float | str) -> None:
        self.system.clock.drift = drift(value)

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

    # Its settings

    def sysctl(self, name: str, value: int | str | None = None) -> int | str:
        """What a TCP setting is, as sysctl(8) calls it: `host.sysctl("net.ipv4.tcp_sack")`.

        With `value` it is set first, for connections made from now on. ValueError for a
        setting that does not exist here, or a value that it cannot have.
        """
        if value is not None:
            set_sysctl(self.tcp.settings, name, value)
        return get_sysctl(self.tcp.settings, name)

    # What its TCP does

    def netstat(self) -> Netstat:
        """Its TCP sockets at this moment, in the shape of `ss -tin`: `print(host.netstat())`.

        A tuple of `Row`: `[row.info["rtt"] for row in host.netstat() if row.state == "ESTAB"]`
        are smoothed round-trip times in microseconds.
        """
        return netstat(self.system)

    # Names

    @property
    def hosts(self) -> Names:
        """Its `/etc/hosts`: `host.hosts.add("db.example", "192.0.2.7")`."""
        return self.system.hosts

    def resolv(
        self,
        nameservers: Sequence[str] = (),
        search: Sequence[str] = (),
        ndots: int = 1,
        timeout: float | str = "5s",
        attempts: int = 2,
        rotate: bool = False,
    ) -> None:
        """Its `/etc/resolv.conf`, see resolv.conf(5): whom it asks for names that are not in its `hosts`.

        With name servers the network's own table of names is not looked at; without,
        it stands for the DNS. ValueError for what resolv.conf(5) does not allow.
        """
        self.system.resolv = Resolv(nameservers, search, ndots, timeout, attempts, rotate)


class Router(Host):
    """A host that forwards packets between its interfaces."""

    forwarding = True

    @property
    def clamp_mss(self) -> bool | int:
        """Whether TCP connections through it are told of a narrow link: the most of their MSS, or True.

        With True it is what fits into one packet on the way out. ValueError for a number
        that is no MSS: not in 88..65535.
        """
        return self.internet.forwarder.clamp_mss

    @clamp_mss.setter
    def clamp_mss(self, most: bool | int) -> None:
        if not isinstance(most, bool) and not 88 <= most <= 65535:
            raise ValueError(f"router {self.name}: clamp_mss={most!r}: an MSS is in 88..65535")
        self.internet.forwarder.clamp_mss = most
