"""`ssl.SSLContext` on a host: where every TLS connection begins."""

from __future__ import annotations

from typing import Any

from glassnet.host.current import here

__all__ = ["patch_ssl"]

_patched = False


def patch_ssl() -> None:
    """Let contexts make connections over virtual sockets, and on hosts judge by the host's clock.

    This imports `ssl`, so it is for the first program that starts. A Python without
    `ssl` is left as it is.
    """
    global _patched
    if _patched:
        return
    _patched = True
    try:
        import ssl
    except ImportError:
        return
    from glassnet.host.sockets.virtual import VirtualSocket

    kind: Any = ssl.SSLContext
    on_socket, on_buffers = kind._wrap_socket, kind._wrap_bio

    def wrap_socket(
        self: Any,
        sock: Any,
        server_side: bool,
        server_hostname: str | None = None,
        *,
        owner: Any = None,
        session: Any = None,
    ) -> Any:
        if not isinstance(sock, VirtualSocket):
            return on_socket(self, sock, server_side, server_hostname, owner=owner, session=session)
        from glassnet.host.tls.engine import TlsEngine

        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        connection = on_buffers(
            self, incoming, outgoing, server_side, server_hostname, owner=owner, session=session
        )
        return TlsEngine(sock, connection, incoming, outgoing)

    def wrap_bio(self: Any, *args: Any, **kwargs: Any) -> Any:
        connection = on_buffers(self, *args, **kwargs)
        if here() is not None:
            from glassnet.host.tls.validity import judge_by_host_clock

            judge_by_host_clock(connection)
        return connection

    kind._wrap_socket, kind._wrap_bio = wrap_socket, wrap_bio
