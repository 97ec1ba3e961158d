"""An SSH server and clients, with asyncssh: commands, files, forwarded ports."""

from __future__ import annotations

import asyncio

import asyncssh


class Door(asyncssh.SSHServer):
    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return (username, password) == ("ada", "correct horse")

    def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
        return True

    def server_requested(self, listen_host, listen_port):
        return True


async def session(process):
    """A shell of three words: greet, reverse (standard input), fail."""
    match (process.command or "").split():
        case ["greet", name]:
            process.stdout.write(f"hello, {name}\n")
            process.exit(0)
        case ["reverse"]:
            async for line in process.stdin:
                process.stdout.write(line.rstrip("\n")[::-1] + "\n")
            process.exit(0)
        case _:
            process.stderr.write("what?\n")
            process.exit(3)


async def serve(key, folder=None, port=22):
    server = await asyncssh.create_server(
        Door,
        "",
        port,
        server_host_keys=[asyncssh.import_private_key(key)],
        process_factory=session,
        sftp_factory=(lambda channel: asyncssh.SFTPServer(channel, chroot=folder)) if folder else None,
    )
    async with server:
        await server.wait_closed()


def connect(host, key, password="correct horse"):
    """A connection to a server whose public key is known to be `key`."""
    known = asyncssh.import_public_key(key)
    return asyncssh.connect(
        host,
        username="ada",
        password=password,
        known_hosts=([known], [], []),
        client_keys=None,
        config=None,
        agent_path=None,
    )


async def run_commands(host, key):
    async with connect(host, key) as connection:
        greeting = await connection.run("greet world", check=True)
        turned = await connection.run("reverse", input="one\ntwo\n" * 2000)
        failed = await connection.run("dance")
        at_once = await asyncio.gather(*(connection.run(f"greet {n}") for n in range(20)))
        return (
            greeting.stdout,
            turned.stdout == "eno\nowt\n" * 2000,
            (failed.exit_status, failed.stderr),
            [done.stdout for done in at_once] == [f"hello, {n}\n" for n in range(20)],
        )


async def fail_to_connect(host, key, wrong_key):
    try:
        async with connect(host, key, password="battery staple"):
            pass
    except asyncssh.PermissionDenied as error:
        refused = type(error).__name__
    try:
        async with connect(host, wrong_key):
            pass
    except asyncssh.HostKeyNotVerifiable as error:
        return refused, type(error).__name__
    return refused, None


async def carry_files(host, key, data):
    async with connect(host, key) as connection, connection.start_sftp_client() as sftp:
        await sftp.mkdir("papers")
        async with sftp.open("papers/book", "wb") as file:
            await file.write(data)
        async with sftp.open("papers/book", "rb") as file:
            same = await file.read() == data
        await sftp.rename("papers/book", "papers/novel")
        size = (await sftp.stat("papers/novel")).size
        names = sorted(name for name in await sftp.listdir("papers") if not name.startswith("."))
        try:
            await sftp.stat("papers/book")
        except asyncssh.SFTPNoSuchFile as error:
            return same, size, names, type(error).__name__
        return None


async def shout_back(reader, writer):
    while data := await reader.read(65536):
        writer.write(data.upper())
        await writer.drain()
    writer.close()


async def call(host, port, message):
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(message)
    answer = await reader.readexactly(len(message))
    writer.close()
    await writer.wait_closed()
    return answer


async def forward_to_the_server(host, key, port, message):
    """Call a port that only the server's host can reach, through a local port."""
    async with connect(host, key) as connection:
        listener = await connection.forward_local_port("127.0.0.1", 0, "127.0.0.1", port)
        answers = await asyncio.gather(*(call("127.0.0.1", listener.get_port(), message) for _ in range(3)))
        listener.close()
        await listener.wait_closed()
        return answers == [message.upper()] * 3


async def forward_from_the_server(host, key, port, seconds):
    """Let callers of a port on the server's host reach a program on this one."""
    server = await asyncio.start_server(shout_back, "127.0.0.1", 7000)
    async with server, connect(host, key) as connection:
        await connection.forward_remote_port("127.0.0.1", port, "127.0.0.1", 7000)
        await asyncio.sleep(seconds)


async def serve_shouting(port):
    server = await asyncio.start_server(shout_back, "127.0.0.1", port)
    async with server:
        await server.serve_forever()
