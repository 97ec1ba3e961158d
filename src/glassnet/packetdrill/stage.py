"""What a script plays on: a host with this stack, a cable, and the remote end."""

from __future__ import annotations

from ipaddress import ip_address

from glassnet.datalink.interface import Interface
from glassnet.packetdrill.flags import Flags
from glassnet.packetdrill.remote import Remote
from glassnet.physical.cable import Cable
from glassnet.topology.network import Network

__all__ = ["Stage"]

_HOST_MAC = b"\x02\0\0\0\0\x01"
_REMOTE_MAC = b"\x02\0\0\0\0\x02"
_BEGINNING = 10**9
"""Scripts begin at this time of the network, so that nothing in them happens at 0."""


class Stage:
    """The host `host`, joined to `remote` by a cable without delay. Close it at the end."""

    def __init__(self, flags: Flags, tcp: str, seed: int = 0) -> None:
        self.network = network = Network(seed, tcp=tcp)
        self.engine = engine = network.engine
        self.host = host = network.host("iut")
        interface = Interface(engine, "eth0", _HOST_MAC, flags.mtu, drops=host.drops, owner="iut", index=2)
        host.internet.attach(interface)
        self.remote = Remote(engine, _REMOTE_MAC, interface)
        Cable(engine, "wire", ends=("iut", "remote")).plug(interface, self.remote)
        host.add_address(flags.local, interface)
        host.route(flags.gateway, interface="eth0")
        host.route("::/0" if flags.wire_v6 else "0.0.0.0/0", via=flags.gateway)
        self.local_address = ip_address(flags.local.partition("/")[0]).packed
        self.remote_address = ip_address(flags.remote).packed
        router = ip_address(flags.gateway).packed
        neighbours = host.internet.attachment(interface).neighbours(len(router))
        for address in (router, self.remote_address):
            neighbours.get(address).advertised(_REMOTE_MAC, True, True)
        engine.run(_BEGINNING)
        self.remote.sent.clear()

    def close(self) -> None:
        """End the program on the host."""
        self.network.close()
