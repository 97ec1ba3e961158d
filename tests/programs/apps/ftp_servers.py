"""FTP servers that keep files in memory or in a folder of the real machine."""

from __future__ import annotations

import pathlib
import warnings

import aioftp

with warnings.catch_warnings():
    # Up to Python 3.11 it takes asyncore from the standard library, which says that it will go.
    warnings.simplefilter("ignore", DeprecationWarning)
    from pyftpdlib.authorizers import DummyAuthorizer
    from pyftpdlib.handlers import FTPHandler
    from pyftpdlib.ioloop import IOLoop
    from pyftpdlib.servers import FTPServer, ThreadedFTPServer


async def serve_aioftp(host="0.0.0.0", port=21, context=None):
    home = pathlib.PurePosixPath("/")
    user = aioftp.User("ada", "correct horse", home_path=home)
    # A client's SYN to the data port may be lost, twice.
    server = aioftp.Server([user], path_io_factory=aioftp.MemoryPathIO, wait_future_timeout=20, ssl=context)
    await server.run(host, port)


def serve_pyftpdlib(folder, host="0.0.0.0", port=21, threads=False):
    authorizer = DummyAuthorizer()
    authorizer.add_user("ada", "correct horse", str(folder), perm="elradfmw")
    handler = type("Handler", (FTPHandler,), {"authorizer": authorizer, "banner": "ready"})
    kind = ThreadedFTPServer if threads else FTPServer
    with kind((host, port), handler, ioloop=IOLoop()) as server:
        server.serve_forever(handle_exit=False)
