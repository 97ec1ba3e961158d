"""Certificates for the probes, the same in every run: Ed25519, all of whose signatures have one length."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["Certificates"]

# Hosts judge certificates by their own clocks, which begin in 2025.
BEGIN, END = datetime.datetime(2000, 1, 1), datetime.datetime(2100, 1, 1)


class Certificates:
    """An authority and a certificate for the host `server`, as files and as contexts of `ssl`."""

    def __init__(self, folder: Path) -> None:
        issuer, subject = _name("authority.test"), _name("server")
        root, key = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (11, 12))
        authority = _builder(issuer, issuer, root, root, 1)
        authority = authority.add_extension(x509.BasicConstraints(True, None), True)
        # Python 3.13 verifies strictly, as RFC 5280 section 4.2.1.3 has it.
        authority = authority.add_extension(
            x509.KeyUsage(False, False, False, False, False, True, True, False, False), True
        )
        leaf = _builder(subject, issuer, key, root, 2)
        leaf = leaf.add_extension(x509.BasicConstraints(False, None), True)
        leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName("server")]), False)
        self.authority = folder / "authority.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        self.authority.write_bytes(authority.sign(root, None).public_bytes(Encoding.PEM))
        self.certificate.write_bytes(leaf.sign(root, None).public_bytes(Encoding.PEM))
        self.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    def server(self, *protocols: str) -> ssl.SSLContext:
        """A server's context; `protocols` are those that it offers by ALPN."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        return _offering(context, protocols)

    def client(self, *protocols: str) -> ssl.SSLContext:
        """The context of a client that trusts the authority, and nobody else."""
        context = ssl.create_default_context(cafile=self.authority)
        return _offering(context, protocols)


def _offering(context: ssl.SSLContext, protocols: tuple[str, ...]) -> ssl.SSLContext:
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Ed25519PrivateKey, root: Ed25519PrivateKey, serial: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(BEGIN)
        .not_valid_after(END)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), False)
    )
