"""File transfer: FTP."""

from __future__ import annotations

import ftp_clients
import ftp_servers
import pytest
from probes import probe

SEEN = ["250", "226", [("book.txt", str(len(ftp_clients.BOOK)))], "226", True, True, ["novel.txt"], "550"]


@probe("aioftp", "ftplib", did="280 kB up and down, a part of it, a list, a rename; passive mode (EPSV)")
def test_aioftp_serves_ftplib(server, client):
    server.start(ftp_servers.serve_aioftp)
    assert client.run(ftp_clients.carry_with_ftplib, "server")[2:] == SEEN
    assert client.run(ftp_clients.refuse_with_ftplib, "server") == "530"


@probe("aioftp", did="280 kB up and down with its own client; 10 clients at once")
def test_aioftp_serves_aioftp(server, client):
    server.start(ftp_servers.serve_aioftp)
    names, size, same, gone = client.run(ftp_clients.carry_with_aioftp, "server")
    assert (names, size, same, gone) == (["papers/book.txt"], len(ftp_clients.BOOK), True, True)
    assert client.run(ftp_clients.carry_at_once_with_aioftp, "server", 10) == [1000 * n for n in range(10)]


@pytest.mark.parametrize("threads", [False, True], ids=["select", "threads"])
@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
@pytest.mark.parametrize(
    ("bound", "name"), [("0.0.0.0", "192.0.2.1"), ("::", "2001:db8::1")], ids=["v4", "v6"]
)
@probe(
    "pyftpdlib",
    "ftplib",
    did="280 kB up and down, active and passive, over IPv4 and IPv6 (EPRT, EPSV), one thread and many",
)
def test_pyftpdlib_serves_ftplib(server, client, tmp_path_factory, bound, name, passive, threads):
    folder = tmp_path_factory.mktemp("ftp")
    server.start(ftp_servers.serve_pyftpdlib, folder, bound, threads=threads)
    assert client.run(ftp_clients.carry_with_ftplib, name, passive, facts=("size",))[2:] == SEEN
    assert client.run(ftp_clients.refuse_with_ftplib, name) == "530"


@probe("aioftp", "ssl", did="280 kB up and down by its own client, all of it over TLS", repeats="sizes")
def test_aioftp_serves_aioftp_over_tls(server, client, tls):
    server.start(ftp_servers.serve_aioftp, context=tls.server())
    names, size, same, gone = client.run(ftp_clients.carry_with_aioftp, "server", tls.client())
    assert (names, size, same, gone) == (["papers/book.txt"], len(ftp_clients.BOOK), True, True)
