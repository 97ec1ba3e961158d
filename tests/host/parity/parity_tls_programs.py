"""TLS under the protocols of the standard library, and in asyncio."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ftplib
import functools
import http.client
import http.server
import imaplib
import poplib
import smtplib
import socket
import socketserver
import ssl
import threading
import urllib.error
import urllib.request
import xmlrpc.client
import xmlrpc.server

from parity_kit import program
from tls_kit import AUTHORITY, CLIENT, SERVER, Authority, outcome, read_all, tls_pair


def coroutine(function):
    @program
    @functools.wraps(function)
    def run():
        return asyncio.run(function())

    run.__name__ = f"tls_{function.__name__}"
    return run


@contextlib.contextmanager
def serving(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"page " + self.path.encode() * 20_000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"%010d" % len(body))

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def https(kind=http.server.ThreadingHTTPServer, context=SERVER):
    server = kind(("127.0.0.1", 0), Pages)
    server.handle_error = lambda *_: None
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        yield port


@program
def https_from_the_standard_library():
    with https() as port:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=CLIENT, timeout=5)
        out = []
        for path in ("/one", "/two"):
            connection.request("GET", path)
            response = connection.getresponse()
            out += [response.status, len(response.read()), isinstance(connection.sock, ssl.SSLSocket)]
        connection.request("POST", "/", body=b"b" * 300_000)
        response = connection.getresponse()
        out += [response.status, response.read()]
        connection.close()
        with urllib.request.urlopen(f"https://127.0.0.1:{port}/urllib", context=CLIENT, timeout=5) as page:
            out += [page.status, len(page.read())]
    return out


@program
def https_that_fails():
    out = []
    with https() as port:
        for url, context in (
            (f"https://127.0.0.1:{port}/", Authority(name="stranger.test").client()),
            (f"https://localhost:{port}/", CLIENT),
        ):
            try:
                urllib.request.urlopen(url, context=context, timeout=5)
            except urllib.error.URLError as error:
                out += [type(error.reason).__name__, error.reason.verify_code]
        plain = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            plain.request("GET", "/")
            out.append(plain.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            out.append(isinstance(error, (ConnectionError, http.client.HTTPException)))
        plain.close()
        good = http.client.HTTPSConnection("127.0.0.1", port, context=CLIENT, timeout=5)
        good.request("GET", "/after")
        out.append(good.getresponse().status)
        good.close()
    return out


@program
def xml_rpc_over_tls():
    server = xmlrpc.server.SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False)
    server.register_function(pow, "power")
    server.socket = SERVER.wrap_socket(server.socket, server_side=True)
    with serving(server) as port:
        proxy = xmlrpc.client.ServerProxy(f"https://127.0.0.1:{port}", context=CLIENT)
        with proxy:
            return proxy.power(2, 10)


@program
def a_threading_server_that_shakes_hands_in_its_threads():
    class Handler(socketserver.StreamRequestHandler):
        def setup(self):
            self.request = SERVER.wrap_socket(self.request, server_side=True)
            super().setup()

        def handle(self):
            for line in self.rfile:
                self.wfile.write(line.upper())

        def finish(self):
            super().finish()
            self.request.close()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = False

    answers = []

    def call(i):
        with (
            socket.create_connection(("127.0.0.1", port)) as sock,
            CLIENT.wrap_socket(sock, server_hostname="server.test") as tls,
            tls.makefile("rwb") as stream,
        ):
            for word in (b"one", b"two"):
                stream.write(word + b" %d\n" % i)
                stream.flush()
                answers.append(stream.readline())

    with serving(Server(("127.0.0.1", 0), Handler)) as port:
        threads = [threading.Thread(target=call, args=(i,)) for i in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return sorted(answers)


class Dialogue:
    """A server of a line protocol: `answers` maps the first word of a line to what is said."""

    def __init__(self, greeting, answers, wrapped=False):
        self.greeting, self.answers, self.wrapped = greeting, answers, wrapped
        self.heard = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        with self.listener:
            sock, _ = self.listener.accept()
        if self.wrapped:
            sock = SERVER.wrap_socket(sock, server_side=True)
        stream = sock.makefile("rwb")
        self.say(stream, self.greeting)
        while line := stream.readline().strip():
            words = line.split()
            self.heard.append((isinstance(sock, ssl.SSLSocket), line))
            key = words[0] if words[0] in self.answers else words[-1] if len(words) == 1 else words[1]
            answer, secures = self.answers[key]
            self.say(stream, answer.replace(b"TAG", words[0]))
            if secures:
                stream.close()
                sock = SERVER.wrap_socket(sock, server_side=True)
                stream = sock.makefile("rwb")
            if words[-1] in (b"QUIT", b"LOGOUT", b"quit"):
                break
        stream.close()
        sock.close()

    def say(self, stream, text):
        stream.write(text)
        stream.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join()


@program
def mail_with_starttls():
    answers = {
        b"ehlo": (b"250-mail.test\r\n250 STARTTLS\r\n", False),
        b"STARTTLS": (b"220 go ahead\r\n", True),
        b"noop": (b"250 ok\r\n", False),
        b"quit": (b"221 bye\r\n", False),
    }
    with Dialogue(b"220 mail.test\r\n", answers) as server:
        mail = smtplib.SMTP("127.0.0.1", server.port, local_hostname="me.test", timeout=5)
        out = [mail.ehlo(), mail.starttls(context=CLIENT), mail.ehlo(), mail.noop(), mail.sock.version()]
        out.append(mail.quit())
    return out, server.heard


@program
def imap_with_starttls():
    answers = {
        b"CAPABILITY": (b"* CAPABILITY IMAP4rev1 STARTTLS\r\nTAG OK done\r\n", False),
        b"STARTTLS": (b"TAG OK go ahead\r\n", True),
        b"NOOP": (b"TAG OK nothing done\r\n", False),
        b"LOGOUT": (b"* BYE\r\nTAG OK bye\r\n", False),
    }
    with Dialogue(b"* OK hello\r\n", answers) as server:
        box = imaplib.IMAP4("127.0.0.1", server.port, timeout=5)
        out = [box.starttls(CLIENT), box.noop(), box.logout()]
    return out, [encrypted for encrypted, _ in server.heard]


@program
def pop_over_tls():
    answers = {
        b"STAT": (b"+OK 2 320\r\n", False),
        b"QUIT": (b"+OK bye\r\n", False),
    }
    with Dialogue(b"+OK hello\r\n", answers, wrapped=True) as server:
        box = poplib.POP3_SSL("127.0.0.1", server.port, context=CLIENT, timeout=5)
        return [box.getwelcome(), box.stat(), box.quit()]


@program
def files_over_ftps():
    data = base64.b64encode(b"file" * 20_000)

    def serve():
        with listener:
            sock, _ = listener.accept()
        stream = sock.makefile("rwb")
        transfers = None
        stream.write(b"220 hello\r\n")
        stream.flush()
        while line := stream.readline().strip():
            word = line.split()[0]
            heard.append(word)
            if word == b"EPSV" or word == b"PASV":
                transfers = socket.create_server(("127.0.0.1", 0))
                port = transfers.getsockname()[1]
                answer = b"227 (127,0,0,1,%d,%d)" % divmod(port, 256)
            elif word == b"RETR":
                stream.write(b"150 here it comes\r\n")
                stream.flush()
                with transfers:
                    plain, _ = transfers.accept()
                with SERVER.wrap_socket(plain, server_side=True) as tls:
                    tls.sendall(data)
                    with contextlib.suppress(OSError):
                        tls.unwrap()
                answer = b"226 done"
            else:
                answer = {b"AUTH": b"234 go", b"USER": b"331 and?", b"QUIT": b"221 bye"}.get(word, b"230 ok")
                answer = b"200 ok" if word in (b"PBSZ", b"PROT", b"TYPE") else answer
            stream.write(answer + b"\r\n")
            stream.flush()
            if word == b"AUTH":
                stream.close()
                sock = SERVER.wrap_socket(sock, server_side=True)
                stream = sock.makefile("rwb")
            if word == b"QUIT":
                break
        stream.close()
        sock.close()

    heard = []
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    thread = threading.Thread(target=serve)
    thread.start()
    parts = []
    ftp = ftplib.FTP_TLS(context=CLIENT, timeout=5)
    ftp.connect(*address)
    ftp.login("anyone", "secret")
    ftp.prot_p()
    ftp.retrbinary("RETR file", parts.append)
    ftp.quit()
    thread.join()
    return b"".join(parts) == data, heard


# asyncio


@coroutine
async def streams():
    async def handler(reader, writer):
        writer.write((await reader.read(100)).upper())
        out.append(writer.get_extra_info("cipher") is not None)
        writer.close()

    out = []
    server = await asyncio.start_server(handler, "127.0.0.1", 0, ssl=SERVER)
    port = server.sockets[0].getsockname()[1]
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=CLIENT)
        writer.write(b"hello")
        out += [await reader.read(), writer.can_write_eof(), writer.get_extra_info("peercert")["subject"]]
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        await asyncio.sleep(0.05)  # let the server hear of it too
    return out


@coroutine
async def a_handshake_nobody_answers():
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        try:
            await loop.create_connection(
                asyncio.Protocol,
                *silent.getsockname(),
                ssl=CLIENT,
                server_hostname="server.test",
                ssl_handshake_timeout=0.05,
            )
        except OSError as error:
            return type(error).__name__, str(error)


@coroutine
async def a_handshake_with_somebody_else():
    async def handler(reader, writer):
        await reader.read(10)
        writer.write(b"I do not speak TLS\r\n")
        writer.close()

    server = await asyncio.start_server(handler, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        try:
            await asyncio.open_connection("127.0.0.1", port, ssl=CLIENT)
        except ssl.SSLError as error:
            return type(error).__name__, error.reason


@coroutine
async def starting_tls_with_the_loop():
    loop = asyncio.get_running_loop()
    got = loop.create_future()

    class Secret(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport = transport

        def data_received(self, data):
            if data == b"STARTTLS":
                self.transport.write(b"go")
                self.task = loop.create_task(self.secure())
            else:
                got.set_result((data, self.transport.get_extra_info("sslcontext") is SERVER))

        async def secure(self):
            self.transport = await loop.start_tls(self.transport, self, SERVER, server_side=True)

    class Client(asyncio.Protocol):
        def __init__(self):
            self.answer = loop.create_future()

        def data_received(self, data):
            self.answer.set_result(data)

    server = await loop.create_server(Secret, "127.0.0.1", 0)
    async with server:
        transport, client = await loop.create_connection(Client, *server.sockets[0].getsockname())
        transport.write(b"STARTTLS")
        out = [await client.answer]
        transport = await loop.start_tls(transport, client, CLIENT, server_hostname="server.test")
        transport.write(b"secret")
        out.append(await got)
        transport.close()
        await asyncio.sleep(0.05)
    return out


@coroutine
async def a_blocking_server_in_a_thread():
    def serve():
        with listener:
            sock, _ = listener.accept()
        with SERVER.wrap_socket(sock, server_side=True) as tls:
            return read_all(tls)

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = asyncio.create_task(asyncio.to_thread(serve))
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=CLIENT)
    writer.write(b"from asyncio " * 10_000)
    await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return len(await server)


@program
def the_default_context_is_as_ever():
    context = ssl.create_default_context()
    out = [context.verify_mode, context.check_hostname, sorted(context.cert_store_stats())]
    out += [
        outcome(context.load_verify_locations, "/nowhere/at/all"),
        outcome(context.set_alpn_protocols, [""]),
    ]
    with tls_pair(AUTHORITY.client()) as (client, _):
        out += [client.get_channel_binding("tls-unique") is not None]
    return out
