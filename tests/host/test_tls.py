"""TLS between hosts: the host's clock, virtual timeouts, loss, and programs of others."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

import pytest

from glassnet.host.tls.validity import judges_by_host_clock

sys.path.insert(0, str(Path(__file__).parent / "parity"))

from tls_kit import AUTHORITY, CLIENT, ONE_DAY, SERVER, echo, read_all

BEGINNING = datetime.datetime(2025, 1, 1)


def serve(context=SERVER, count=1, answer=echo, port=443):
    """Accept `count` connections, one after the other."""
    with socket.create_server(("", port)) as listener:
        for _ in range(count):
            sock, _ = listener.accept()
            with sock, contextlib.suppress(OSError), context.wrap_socket(sock, server_side=True) as tls:
                answer(tls)


def dial(context=CLIENT, name="server.test", said=b"hello", port=443, timeout=None):
    with (
        socket.create_connection(("192.0.2.2", port), timeout) as sock,
        context.wrap_socket(sock, server_hostname=name) as tls,
    ):
        tls.sendall(said)
        tls.settimeout(None)
        out = b""
        while len(out) < len(said):
            out += tls.recv(65536)
        with contextlib.suppress(OSError):
            tls.unwrap()
        return out


# The host's clock


def lasting(days, begin=BEGINNING - ONE_DAY):
    return AUTHORITY.server("server.test", begin=begin, end=BEGINNING + days * ONE_DAY)


def test_certificates_are_judged_by_the_clock_of_the_host(a, b):
    b.start(serve, lasting(30), 3)

    def program():
        out = [dial()]
        time.sleep(29 * 86400)
        out.append(dial())
        time.sleep(2 * 86400)
        try:
            dial()
        except ssl.SSLCertVerificationError as error:
            out.append(error.verify_message)
        return out

    assert judges_by_host_clock()
    assert a.run(program) == [b"HELLO", b"HELLO", "certificate has expired"]


def test_a_wrong_clock_refuses_a_right_certificate(a, b):
    a.skew = -10 * 86400.0
    b.start(serve, lasting(30), 1)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate is not yet valid"):
        a.run(dial)


def test_the_time_is_that_of_the_handshake_not_of_the_wrapping(a, b):
    b.start(serve, lasting(30), 1)

    def program():
        with socket.create_connection(("192.0.2.2", 443)) as sock:
            tls = CLIENT.wrap_socket(sock, server_hostname="server.test", do_handshake_on_connect=False)
            with tls:
                time.sleep(31 * 86400)
                tls.do_handshake()

    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        a.run(program)


def test_clocks_of_two_hosts_in_one_context(net):
    early, b, late = net.lan("early", "b", "late")
    late.skew = 60 * 86400.0
    b.start(serve, lasting(30), 2)
    context = AUTHORITY.client()

    def program():
        with (
            socket.create_connection(("b", 443)) as sock,
            context.wrap_socket(sock, server_hostname="server.test") as tls,
        ):
            return tls.version()

    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        late.run(program)
    assert early.run(program) == "TLSv1.3"


def test_whoever_wants_no_time_checked_gets_none(a, b):
    context = AUTHORITY.client()
    context.verify_flags |= 0x200000  # X509_V_FLAG_NO_CHECK_TIME
    b.start(serve, lasting(-300, begin=BEGINNING - 400 * ONE_DAY), 1)
    assert a.run(dial, context) == b"HELLO"


def test_asyncio_judges_by_the_clock_of_the_host_too(a, b):
    async def server():
        async with await asyncio.start_server(lambda _, writer: writer.close(), port=443, ssl=lasting(30)):
            await asyncio.sleep(100 * 86400)

    async def client():
        _, writer = await asyncio.open_connection("192.0.2.2", 443, ssl=CLIENT, server_hostname="server.test")
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        await asyncio.sleep(31 * 86400)
        await asyncio.open_connection("192.0.2.2", 443, ssl=CLIENT, server_hostname="server.test")

    b.start(server)
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate has expired"):
        a.run(client)


def test_off_host_the_real_time_counts():
    real = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    server = AUTHORITY.server("server.test", begin=real - ONE_DAY, end=real + ONE_DAY)
    left, right = socket.socketpair()
    thread = threading.Thread(target=lambda: server.wrap_socket(left, server_side=True).close())
    thread.start()
    with CLIENT.wrap_socket(right, server_hostname="server.test") as tls:
        assert tls.version() == "TLSv1.3"
    thread.join()


# Virtual time

_CONNECTING = 0.08
"""One round trip for ARP, one for TCP, each of 40 ms."""


def test_a_handshake_times_out_in_virtual_time(a, b):
    def silent():
        with socket.create_server(("", 443)) as listener:
            sock, _ = listener.accept()
            with sock:
                time.sleep(100)

    def program():
        began = time.monotonic()
        with pytest.raises(TimeoutError, match="The handshake operation timed out"):
            dial(timeout=7)
        return time.monotonic() - began

    b.start(silent)
    assert a.run(program) == pytest.approx(7 + _CONNECTING)


def test_a_trickle_does_not_put_off_the_timeout_of_a_handshake(a, b):
    """The timeout is for the whole handshake, as in CPython, not for each record."""

    def trickle():
        with socket.create_server(("", 443)) as listener:
            sock, _ = listener.accept()
            with sock, contextlib.suppress(OSError):
                sock.sendall(b"\x16\x03\x03\x40\x00")
                for _ in range(100):
                    time.sleep(0.5)
                    sock.sendall(b"\x02")

    def program():
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            dial(timeout=3)
        return time.monotonic() - began

    b.start(trickle)
    assert a.run(program) == pytest.approx(3 + _CONNECTING)


def test_timeouts_of_asyncio_in_virtual_time(a, b):
    async def silent():
        async def handler(reader, writer):
            await reader.read()
            writer.close()

        async with await asyncio.start_server(handler, port=443):
            await asyncio.sleep(1000)

    async def client():
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(ConnectionAbortedError, match=r"longer than 60\.0 seconds"):
            await asyncio.open_connection("192.0.2.2", 443, ssl=CLIENT, server_hostname="server.test")
        default = loop.time() - began
        began = loop.time()
        with pytest.raises(ConnectionAbortedError, match="longer than 5 seconds"):
            await asyncio.open_connection(
                "192.0.2.2", 443, ssl=CLIENT, server_hostname="server.test", ssl_handshake_timeout=5
            )
        return default, loop.time() - began

    b.start(silent)
    assert a.run(client) == (pytest.approx(60, abs=0.1), pytest.approx(5, abs=0.1))


def test_asyncio_gives_up_a_shutdown_in_virtual_time(a, b):
    def stubborn():
        with socket.create_server(("", 443)) as listener:
            sock, _ = listener.accept()
            with SERVER.wrap_socket(sock, server_side=True):
                time.sleep(1000)  # it never answers the client's close_notify

    async def client():
        loop = asyncio.get_running_loop()
        _, writer = await asyncio.open_connection(
            "192.0.2.2", 443, ssl=CLIENT, server_hostname="server.test", ssl_shutdown_timeout=4
        )
        began = loop.time()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return loop.time() - began

    b.start(stubborn)
    assert a.run(client) == pytest.approx(4, abs=0.1)


# Loss


@pytest.fixture
def lossy(net):
    return net.lan("a", "b", delay="10ms", loss="5%", rate="20Mbit/s")


def test_much_over_a_lossy_network(lossy):
    a, b = lossy
    b.start(serve)
    said = b"lost and found " * 20_000
    assert a.run(dial, CLIENT, "server.test", said) == said.upper()


def test_asyncio_and_starttls_over_a_lossy_network(lossy):
    a, b = lossy

    async def server():
        async def handler(reader, writer):
            writer.write(await reader.readline())
            await writer.drain()
            await writer.start_tls(SERVER)
            writer.write((await reader.readexactly(200_000)).upper())
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(handler, port=25):
            await asyncio.sleep(1000)

    async def client():
        reader, writer = await asyncio.open_connection("192.0.2.2", 25)
        writer.write(b"STARTTLS\n")
        out = [await reader.readline()]
        await writer.start_tls(CLIENT, server_hostname="server.test")
        writer.write(b"s" * 200_000)
        await writer.drain()
        out.append(await reader.readexactly(200_000) == b"S" * 200_000)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return out

    b.start(server)
    assert a.run(client) == [b"STARTTLS\n", True]


def test_a_cable_cut_in_a_handshake(net):
    a, b = net.lan("a", "b", delay="10ms")
    b.start(serve)

    def program():
        dial(timeout=30)

    process = a.start(program)
    net.run("45ms")  # ClientHello is on its way
    for cable in net.cables:
        cable.cut()
    with pytest.raises(TimeoutError):
        process.result()


# Programs


def test_two_readers_of_one_connection(a, b):
    def program():
        got = []
        with (
            socket.create_connection(("192.0.2.2", 443)) as sock,
            CLIENT.wrap_socket(sock, server_hostname="server.test") as tls,
        ):
            threads = [threading.Thread(target=lambda: got.append(tls.recv(5))) for _ in range(2)]
            for thread in threads:
                thread.start()
            for word in (b"first", b"other"):
                tls.sendall(word)
                time.sleep(1)
            for thread in threads:
                thread.join()
        return got

    b.start(serve)
    assert a.run(program) == [b"FIRST", b"OTHER"]


def test_a_forgotten_socket_is_closed_at_once(a, b):
    b.start(serve)

    def program():
        sock = socket.create_connection(("192.0.2.2", 443))
        tls = CLIENT.wrap_socket(sock, server_hostname="server.test")
        number = tls.fileno()
        gc.disable()
        try:
            with pytest.warns(ResourceWarning, match=f"unclosed <ssl.SSLSocket fd={number}"):
                del tls
        finally:
            gc.enable()

    a.run(program)


def test_tls_in_tls_through_a_proxy(net):
    """An HTTPS proxy, to which the connection is encrypted too: `urllib3` does TLS in TLS."""
    import urllib3

    a, proxy, b = net.lan("a", "proxy.test", "server.test", delay="5ms")

    def page(tls):
        while b"\r\n\r\n" not in tls.recv(65536):
            pass
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"p" * 40_000)

    def forward(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def relay(tls):
        heard = b""
        while b"\r\n\r\n" not in heard:
            heard += tls.recv(1000)
        name, port = heard.split()[1].decode().split(":")
        with socket.create_connection((name, int(port))) as onward:
            tls.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            thread = threading.Thread(target=forward, args=(onward, tls))
            thread.start()
            forward(tls, onward)
            thread.join()

    b.start(serve, AUTHORITY.server("server.test"), 1, page)
    proxy.start(serve, AUTHORITY.server("proxy.test"), 1, relay, 8443)

    def program():
        with urllib3.ProxyManager(
            "https://proxy.test:8443", proxy_ssl_context=CLIENT, ssl_context=CLIENT
        ) as pool:
            response = pool.request("GET", "https://server.test/", retries=False, timeout=30)
            return response.status, len(response.data)

    assert a.run(program) == (200, 40_000)


def test_requests_over_https(net, tmp_path):
    import requests

    a, b = net.lan("a", "server.test", delay="5ms")
    trusted = tmp_path / "authority.pem"
    trusted.write_text(AUTHORITY.pem)

    def page(tls):
        tls.recv(65536)
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    b.start(serve, SERVER, 2, page)

    def program():
        out = [requests.get("https://server.test/", verify=str(trusted), timeout=10).text]
        try:
            requests.get("https://server.test/", timeout=10)
        except requests.exceptions.SSLError as error:
            out.append("CERTIFICATE_VERIFY_FAILED" in str(error))
        return out

    assert a.run(program) == ["ok", True]


def test_a_slow_reader_holds_up_a_writer(a, b):
    def slow(tls):
        time.sleep(60)
        received.append(len(read_all(tls)))

    received = []
    b.start(serve, SERVER, 1, slow)

    def program():
        with (
            socket.create_connection(("192.0.2.2", 443)) as sock,
            CLIENT.wrap_socket(sock, server_hostname="server.test") as tls,
        ):
            began = time.monotonic()
            tls.sendall(b"x" * 5_000_000)
            held = time.monotonic() - began
            with contextlib.suppress(OSError):
                tls.unwrap()
            return held > 50

    assert a.run(program)
    assert received == [5_000_000]


def test_contexts_refuse_what_is_no_socket(a):
    def program():
        with pytest.raises(AttributeError):
            CLIENT.wrap_socket(object(), server_hostname="server.test")
        return True

    assert a.run(program)


def test_a_killed_program_leaves_a_ragged_end(net):
    a, b = net.lan("a", "b", delay="10ms")
    server = b.start(serve, SERVER, 1, lambda tls: (tls.sendall(b"alive"), time.sleep(1000)))

    def program():
        with (
            socket.create_connection(("192.0.2.2", 443)) as sock,
            CLIENT.wrap_socket(sock, server_hostname="server.test", suppress_ragged_eofs=False) as tls,
        ):
            out = [tls.recv(10)]
            try:
                tls.recv(10)
            except ssl.SSLEOFError as error:
                out.append(error.errno)
            return out

    client = a.start(program)
    net.run("10s")
    server.kill()
    # Some versions of Python tell OpenSSL to take it for an end like any other.
    quiet = CLIENT.options & ssl.OP_IGNORE_UNEXPECTED_EOF
    assert client.result() == ([b"alive"] if quiet else [b"alive", ssl.SSL_ERROR_EOF])
