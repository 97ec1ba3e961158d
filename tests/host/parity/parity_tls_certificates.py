"""TLS: which certificates are accepted, what both ends agree on, and sessions."""

from __future__ import annotations

import os
import socket
import ssl
import tempfile

from parity_kit import program
from tls_kit import (
    AUTHORITY,
    CLIENT,
    CLIENT_12,
    LONG_AGO,
    Authority,
    how_a_client_fares,
    load,
    of_each_version,
    outcome,
    served,
    tls_pair,
)

# Certificates


@of_each_version
def accepted(context):
    return how_a_client_fares(context)


@of_each_version
def another_name(context):
    return how_a_client_fares(context, "other.test")


@of_each_version
def another_address(context):
    return how_a_client_fares(context, "192.0.2.7")


@program
def the_right_address():
    return how_a_client_fares(CLIENT, "127.0.0.1")


@of_each_version
def nobody_trusts_it(context):
    return how_a_client_fares(context, server=Authority(name="stranger.test").server())


@of_each_version
def expired(context):
    begin, end = LONG_AGO
    return how_a_client_fares(context, server=AUTHORITY.server("server.test", begin=begin, end=end))


@program
def names_are_not_checked():
    context = AUTHORITY.client()
    context.check_hostname = False
    return how_a_client_fares(context, "other.test"), how_a_client_fares(context, None)


@program
def nothing_is_checked():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    stranger = Authority(name="stranger.test").server()
    with tls_pair(context, stranger, None) as (client, _):
        seen = client.getpeercert(), len(client.getpeercert(True))
    return seen, how_a_client_fares(context, "any.test", stranger)


@program
def keys_of_every_kind():
    out = []
    for kind in ("rsa", "ecdsa", "ed25519"):
        authority = Authority(kind)
        server = authority.server()
        out += [
            how_a_client_fares(authority.client(version), server=server)
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
        ]
    return out


@program
def a_server_without_a_certificate():
    return how_a_client_fares(CLIENT, server=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def wanting_certificates(mode=ssl.CERT_REQUIRED):
    context = AUTHORITY.server()
    context.verify_mode = mode
    context.load_verify_locations(cadata=AUTHORITY.pem)
    return context


def with_certificate(authority=AUTHORITY, version=None):
    context = AUTHORITY.client(version)
    load(context, authority.issue("client.test"))
    return context


def who(tls):
    """Tell the client who it is."""
    certificate = tls.getpeercert()
    tls.sendall(repr(certificate and certificate["subject"]).encode())


def a_client_asks_who_it_is(context, server):
    def call():
        with context.wrap_socket(sock, server_hostname="server.test") as tls:
            return tls.recv(1000)

    with served(who, server) as (sock, peer):
        return outcome(call), peer.result()


@program
def client_certificates():
    return [
        a_client_asks_who_it_is(with_certificate(version=version), wanting_certificates())
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    ]


@program
def a_client_certificate_is_missing():
    # In TLS 1.2 the client hears of it in its handshake, in TLS 1.3 in its first recv().
    return [
        a_client_asks_who_it_is(context, wanting_certificates(mode))
        for mode in (ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED)
        for context in (CLIENT_12, CLIENT)
    ]


@program
def a_client_certificate_of_a_stranger():
    stranger = Authority(name="stranger.test")
    return [
        a_client_asks_who_it_is(with_certificate(stranger, version), wanting_certificates())
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
    ]


@program
def asking_for_a_certificate_later():
    server = wanting_certificates()
    server.post_handshake_auth = True
    out = []
    for post in (True, False):
        client = with_certificate(version=ssl.TLSVersion.TLSv1_3)
        client.post_handshake_auth = post

        def serve(tls):
            seen = [tls.recv(10), tls.getpeercert()]
            tls.verify_client_post_handshake()
            tls.sendall(b"who?")
            seen += [tls.recv(10), tls.getpeercert()["subject"]]
            tls.sendall(b"ok")
            return seen

        def call():
            with client.wrap_socket(sock, server_hostname="server.test") as tls:  # noqa: B023
                tls.sendall(b"hello")
                seen = [tls.recv(10)]
                tls.sendall(b"me")
                return [*seen, tls.recv(10)]

        with served(serve, server) as (sock, peer):
            out += [outcome(call), peer.result()]
    return out


@program
def the_chain():
    if not hasattr(ssl.SSLSocket, "get_verified_chain"):
        return None
    with tls_pair() as (client, _):
        return [len(each) for each in (client.get_verified_chain(), client.get_unverified_chain())]


# Versions, protocols, names


@program
def no_version_in_common():
    old = AUTHORITY.server()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    return how_a_client_fares(AUTHORITY.client(ssl.TLSVersion.TLSv1_3), server=old)


@program
def no_cipher_in_common():
    server = AUTHORITY.server(kind="rsa")
    server.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    client = AUTHORITY.client(ssl.TLSVersion.TLSv1_2)
    client.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    return how_a_client_fares(client, server=server)


@program
def a_cipher_of_ones_choice():
    server = AUTHORITY.server(kind="rsa")
    client = AUTHORITY.client(ssl.TLSVersion.TLSv1_2)
    out = []
    for name in ("ECDHE-RSA-CHACHA20-POLY1305", "AES128-GCM-SHA256", "AES256-SHA"):
        client.set_ciphers(name)
        server.set_ciphers(name + ":@SECLEVEL=1")
        with tls_pair(client, server) as (mine, other):
            mine.sendall(b"abc" * 10_000)
            other.settimeout(5)
            got = 0
            while got < 30_000:
                got += len(other.recv(65536))
            out += [mine.cipher(), got]
    return out


@of_each_version
def alpn(context):
    out = []
    for mine, others in ((["h2", "http/1.1"], ["http/1.1"]), (["h2"], ["spdy/1"]), (["h2"], [])):
        client, server = AUTHORITY.client(context.maximum_version), AUTHORITY.server()
        client.minimum_version = context.minimum_version
        client.set_alpn_protocols(mine)
        if others:
            server.set_alpn_protocols(others)

        def call():
            with tls_pair(client, server) as (one, other):  # noqa: B023
                return one.selected_alpn_protocol(), other.selected_alpn_protocol()

        out.append(outcome(call))
    return out


@of_each_version
def names_switch_contexts(context):
    other = AUTHORITY.server("other.test")
    seen = []

    def choose(sock, name, its_context):
        seen.append((type(sock).__name__, isinstance(sock, ssl.SSLSocket), name, its_context is server))
        if name == "other.test":
            sock.context = other
            seen.append(sock.context is other)
        if name == "refused.test":
            return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
        return None

    server = AUTHORITY.server("server.test")
    server.sni_callback = choose
    names = ("server.test", "other.test", "refused.test", "third.test")
    return [how_a_client_fares(context, name, server) for name in names], seen


@program
def a_name_callback_of_old():
    seen = []
    server = AUTHORITY.server()
    server.set_servername_callback(lambda sock, name, context: seen.append(name))
    out = how_a_client_fares(CLIENT, server=server)
    server.set_servername_callback(None)
    return out, seen, how_a_client_fares(CLIENT, server=server)


@program
def names_beyond_ascii():
    authority = Authority()
    server = authority.server("xn--bcher-kva.test")
    with tls_pair(authority.client(), server, "bücher.test") as (client, _):
        return client.server_hostname


@program
def watching_messages():
    seen = []
    context = AUTHORITY.client()
    context._msg_callback = lambda sock, way, *rest: seen.append(
        (type(sock).__name__, way, *map(str, rest[:3]))
    )
    with tls_pair(context):
        return seen


@program
def a_log_of_keys():
    context = AUTHORITY.client(ssl.TLSVersion.TLSv1_3)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "keys")
        context.keylog_filename = path
        with tls_pair(context), open(path) as file:
            labels = sorted(line.split()[0] for line in file if not line.startswith("#"))
        return labels, context.keylog_filename == path


# Sessions


@of_each_version
def sessions_are_reused(context):
    # Its own server: sessions of one context do not serve another.
    server = AUTHORITY.server()
    session = None
    out = []
    for _ in range(3):
        with tls_pair(context, server, session=session) as (client, other):
            other.sendall(b"ticket, then data")
            out += [client.recv(20), client.session_reused, other.session_reused, client.session is not None]
            session = client.session
            out += [session.has_ticket, session.timeout]
    with tls_pair(context, server) as (client, _):
        out.append(outcome(setattr, client, "session", session))
        out.append(outcome(setattr, client, "session", "nonsense"))
    other = AUTHORITY.client(ssl.TLSVersion.TLSv1_2)
    with tls_pair(context, server, do_handshake_on_connect=True) as (client, _):
        out.append(outcome(setattr, client, "context", other))
    left, right = socket.socketpair()
    with left, right:
        out.append(outcome(other.wrap_socket, left, server_hostname="x.test", session=session))
    return out


@program
def sessions_and_statistics():
    server = AUTHORITY.server()
    with tls_pair(server=server) as (client, other):
        other.sendall(b"x")
        client.recv(1)
        session = client.session
    with tls_pair(server=server, session=session):
        pass
    stats = server.session_stats()
    return {name: stats[name] for name in ("accept", "accept_good", "hits")}


@program
def no_tickets():
    server = AUTHORITY.server()
    server.num_tickets = 0
    with tls_pair(server=server) as (client, other):
        other.sendall(b"x")
        return client.recv(1), client.session.has_ticket, server.num_tickets
