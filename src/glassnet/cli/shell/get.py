"""`get`: fetches a URL and shows it, as curl does."""

from __future__ import annotations

import argparse
import http.client
import ssl
import sys
from urllib.parse import urljoin, urlsplit

__all__ = ["get", "parser"]

_MOST_REDIRECTIONS = 10


def parser() -> argparse.ArgumentParser:
    """Its options."""
    options = argparse.ArgumentParser(prog="get", description="Fetch a URL and show what comes back.")
    options.add_argument("-i", dest="head", action="store_true", help="show the header of the answer too")
    options.add_argument("-v", dest="verbose", action="store_true", help="show both headers")
    options.add_argument("-X", dest="method", help="the method (GET, or POST with -d)")
    options.add_argument("-d", dest="data", help="what to send")
    options.add_argument("-H", dest="headers", action="append", default=[], help="a header: 'Name: value'")
    options.add_argument("-k", dest="insecure", action="store_true", help="do not verify certificates")
    options.add_argument("-L", dest="follow", action="store_true", help="follow redirections")
    options.add_argument("-m", dest="timeout", type=float, default=60.0, help="seconds to wait (60)")
    options.add_argument("url")
    return options


def get(*words: str) -> int:
    """Run it; 0 if an answer came, 1 if not."""
    options = parser().parse_args(words)
    url = options.url if "://" in options.url else f"http://{options.url}"
    for _ in range(_MOST_REDIRECTIONS):
        following = _fetch(url, options)
        if following is None:
            return 0
        url = following
    print(f"get: more than {_MOST_REDIRECTIONS} redirections", file=sys.stderr)
    return 1


def _fetch(url: str, options: argparse.Namespace) -> str | None:
    """Fetch one URL and show it; gives the next one where it leads on and that is to be followed."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r}: expected a URL such as http://server/")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if options.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=options.timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=options.timeout)
    headers = {"User-Agent": "glassnet", "Accept": "*/*"}
    if options.data is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    for header in options.headers:
        name, colon, value = header.partition(":")
        if not colon:
            raise ValueError(f"-H {header!r}: expected 'Name: value'")
        headers[name.strip()] = value.strip()
    method = options.method or ("GET" if options.data is None else "POST")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        try:
            connection.connect()
        except ssl.SSLError:
            raise
        except OSError as error:
            raise OSError(f"{parts.hostname} port {connection.port}: {error.strerror or error}") from None
        if options.verbose:
            address, port, *_ = connection.sock.getpeername()
            print(f"* Connected to {parts.hostname} ({address}) port {port}")
            if isinstance(connection.sock, ssl.SSLSocket):
                cipher = connection.sock.cipher()
                print(f"* {connection.sock.version()}, {cipher[0] if cipher else 'no cipher'}")
            for line in (f"{method} {path} HTTP/1.1", f"Host: {parts.netloc}"):
                print(f"> {line}")
            for name, value in headers.items():
                print(f"> {name}: {value}")
            print(">")
        connection.request(method, path, options.data and options.data.encode(), headers)
        answer = connection.getresponse()
        if options.verbose or options.head:
            mark = "< " if options.verbose else ""
            version = "HTTP/1.0" if answer.version == 10 else "HTTP/1.1"
            print(f"{mark}{version} {answer.status} {answer.reason}")
            for name, value in answer.getheaders():
                print(f"{mark}{name}: {value}")
            print(mark.rstrip())
        body = answer.read()
        location = answer.getheader("Location")
        if options.follow and 300 <= answer.status < 400 and location:
            return urljoin(url, location)
        text = body.decode(errors="replace")
        sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
    finally:
        connection.close()
    return None
