"""Terminals: SSH and Telnet."""

from __future__ import annotations

import sys

import ssh_asyncssh
import ssh_paramiko
import telnet_programs
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from probes import probe


def key_pair(number):
    """A private and a public key as OpenSSH writes them; the same for the same number."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([number] * 32))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), public.decode()


PRIVATE, PUBLIC = key_pair(1)
_, ANOTHER = key_pair(2)
DATA = b"all work and no play makes jack a dull boy\n" * 7000


@probe(
    "asyncssh",
    did="commands with input, error output and exit status, 20 at once; a wrong password, a wrong host key",
    repeats="sizes",
)
def test_asyncssh_runs_commands(server, client):
    server.start(ssh_asyncssh.serve, PRIVATE)
    greeting, turned, failed, at_once = client.run(ssh_asyncssh.run_commands, "server", PUBLIC)
    assert greeting == "hello, world\n"
    assert turned
    assert failed == (3, "what?\n")
    assert at_once
    refused = client.run(ssh_asyncssh.fail_to_connect, "server", PUBLIC, ANOTHER)
    assert refused == ("PermissionDenied", "HostKeyNotVerifiable")


@probe(
    "asyncssh", did="SFTP: 300 kB written and read back, a rename, a list, a missing file", repeats="sizes"
)
def test_asyncssh_carries_files(server, client, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sftp")
    server.start(ssh_asyncssh.serve, PRIVATE, str(folder))
    seen = client.run(ssh_asyncssh.carry_files, "server", PUBLIC, DATA)
    assert seen == (True, len(DATA), ["novel"], "SFTPNoSuchFile")
    assert (folder / "papers/novel").read_bytes() == DATA


@probe(
    "asyncssh",
    did="a local port forwarded to the server's loopback, and one there to the client's, each with 3 callers",
    repeats="sizes",
)
def test_asyncssh_forwards_ports(net, server, client):
    server.start(ssh_asyncssh.serve, PRIVATE)
    server.start(ssh_asyncssh.serve_shouting, 7000)
    assert client.run(ssh_asyncssh.forward_to_the_server, "server", PUBLIC, 7000, b"quiet please")
    tunnel = client.start(ssh_asyncssh.forward_from_the_server, "server", PUBLIC, 9000, 60)
    net.run(for_="20s")
    for number in range(3):
        assert server.run(ssh_asyncssh.call, "127.0.0.1", 9000, b"call %d" % number) == b"CALL %d" % number
    tunnel.result()


@probe(
    "paramiko",
    did="threads and blocking calls: commands, exit status, 300 kB through a command, a wrong password",
    repeats="sizes",
)
def test_paramiko_runs_commands(server, client):
    server.start(ssh_paramiko.serve, PRIVATE)
    seen = client.run(ssh_paramiko.run_commands, "server", PUBLIC, DATA)
    assert seen == ["AuthenticationException", b"hello, world", 0, b"what?", 3, True]


@probe("telnetlib3", did="a conversation of 50 lines after the negotiation of options")
def test_telnetlib3_talks_to_itself(server, client):
    server.start(telnet_programs.serve)
    lines = [f"line {n}" for n in range(50)]
    assert client.run(telnet_programs.talk, "server", lines) == ["hello, ada", *map(str.upper, lines)]


if sys.version_info < (3, 13):

    @probe("telnetlib3", "telnetlib", did="a blocking client waited for prompts, with timeouts")
    def test_telnetlib3_serves_telnetlib(server, client):
        server.start(telnet_programs.serve)
        assert client.run(telnet_programs.talk_with_telnetlib, "server", ["one", "two"]) == [True] * 5
