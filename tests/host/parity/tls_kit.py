"""Certificates made on the spot, and what the small programs about TLS have in common."""

from __future__ import annotations

import contextlib
import datetime
import functools
import ipaddress
import re
import socket
import ssl
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from parity_kit import program

KEYS = {
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
}

ALWAYS = (datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1))
LONG_AGO = (datetime.datetime(2000, 1, 1), datetime.datetime(2001, 1, 1))
ONE_DAY = datetime.timedelta(days=1)

_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


class Authority:
    """A certificate authority. What it issues has serial numbers of one size, and so always one size."""

    def __init__(self, kind="ed25519", name="authority.test"):
        self.kind = kind
        self.key = KEYS[kind]()
        self._serial = 1 << 64
        self._subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self._subject, self.key, x509.BasicConstraints(True, None), *ALWAYS)
        self.pem = self.certificate.public_bytes(Encoding.PEM).decode()

    def _sign(self, subject, key, constraints, begin, end, names=()):
        self._serial += 1
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(self._serial)
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(constraints, True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        )
        if constraints.ca:
            # Python 3.13 verifies strictly, as RFC 5280 section 4.2.1.3 has it.
            builder = builder.add_extension(_SIGNS_CERTIFICATES, True)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        return builder.sign(self.key, None if self.kind == "ed25519" else hashes.SHA256())

    def issue(self, *names, begin=ALWAYS[0], end=ALWAYS[1], kind=None):
        """Certificate and key, as PEM."""
        key = KEYS[kind or self.kind]()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        constraints = x509.BasicConstraints(False, None)
        general = []
        for name in names:
            try:
                general.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                general.append(x509.DNSName(name))
        certificate = self._sign(subject, key, constraints, begin, end, general)
        return certificate.public_bytes(Encoding.PEM) + key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )

    def server(self, *names, **kwargs):
        """A context for a server with a new certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load(context, self.issue(*(names or ("server.test", "127.0.0.1", "::1")), **kwargs))
        return context

    def client(self, version=None):
        """A context for a client that trusts this authority."""
        context = ssl.create_default_context(cadata=self.pem)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context


def load(context, pem):
    """Give a context a certificate and its key."""
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)


AUTHORITY = Authority()
SERVER = AUTHORITY.server()
# A client that hangs up without having read its tickets resets the connection, sooner or later.
SERVER.num_tickets = 0
CLIENT = AUTHORITY.client()
CLIENT_12 = AUTHORITY.client(ssl.TLSVersion.TLSv1_2)
CLIENTS = {"1.2": CLIENT_12, "1.3": CLIENT}


def words(text):
    """Without the line of CPython's source."""
    return re.sub(r" \(_ssl\.c:\d+\)|_ssl\.c:\d+: ", "", str(text))


def outcome(call, *args, **kwargs):
    """What a call gives, or how it fails, with all that programs look at."""
    try:
        return call(*args, **kwargs)
    except ssl.SSLError as error:
        more = [getattr(error, name, "-") for name in ("library", "reason", "verify_code", "verify_message")]
        return type(error).__name__, error.errno, words(error.strerror), *more
    except OSError as error:
        return type(error).__name__, error.errno, words(error)
    except (ValueError, TypeError, NotImplementedError, AttributeError) as error:
        return type(error).__name__, words(error)


class Peer:
    """The server's end, in a thread: what `body(sock)` gave is `result()`."""

    def __init__(self, body):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._body = body
        self._result = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        with self._listener:
            sock, _ = self._listener.accept()
        with sock:
            self._result.append(outcome(self._body, sock))

    def result(self):
        self._thread.join()
        return self._result[0]


@contextlib.contextmanager
def served(body, context=SERVER, **kwargs):
    """A TCP connection to a server that wraps its end and runs `body(tls)`."""

    def wrap(sock):
        with context.wrap_socket(sock, server_side=True, **kwargs) as tls:
            return body(tls)

    with dialled(wrap) as (sock, peer):
        yield sock, peer


@contextlib.contextmanager
def dialled(body):
    """A TCP connection to a server that runs `body(sock)`."""
    peer = Peer(body)
    with socket.create_connection(peer.address) as sock:
        yield sock, peer


@contextlib.contextmanager
def tls_pair(client=CLIENT, server=SERVER, name="server.test", **kwargs):
    """Both ends of a TLS connection, in one thread."""
    accepted = []
    with dialled(lambda sock: accepted.append(server.wrap_socket(sock, server_side=True))) as (sock, peer):
        mine = client.wrap_socket(sock, server_hostname=name, **kwargs)
        peer.result()
    with mine, accepted[0] as other:
        yield mine, other


def read_all(tls):
    """Everything until the end."""
    parts = []
    while data := tls.recv(65536):
        parts.append(data)
    return b"".join(parts)


def echo(tls):
    """Give back in capitals what comes, until the end."""
    count = 0
    while data := tls.recv(4096):
        tls.sendall(data.upper())
        count += len(data)
    with contextlib.suppress(OSError):
        tls.unwrap()
    return count


def of_each_version(function):
    """A program for TLS 1.2 and one for TLS 1.3; it is given the client's context."""
    for version, context in CLIENTS.items():
        run = functools.partial(function, context)
        run.__name__ = f"{function.__name__}_{version}"
        program(run)
    return function


def how_a_client_fares(context, name="server.test", server=SERVER, body=echo):
    """What a client meets that connects, says something and listens, and what its server meets."""

    def call():
        with context.wrap_socket(sock, server_hostname=name) as tls:
            tls.sendall(b"hello")
            out = [tls.version(), tls.recv(10)]
            with contextlib.suppress(OSError):
                tls.unwrap()
            return out

    with served(body, server) as (sock, peer):
        mine = outcome(call)
    return mine, peer.result()
