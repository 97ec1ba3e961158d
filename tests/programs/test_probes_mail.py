"""Mail: SMTP, IMAP and POP3."""

from __future__ import annotations

import mail_stores
import smtp_clients
import smtp_servers
from probes import probe


@probe(
    "aiosmtpd",
    "smtplib",
    did="a Controller in its thread took a mail of 300 kB for two recipients, and refused a third",
)
def test_aiosmtpd_takes_mail_from_smtplib(server, client):
    mailbox = server.start(smtp_servers.serve_in_a_thread, 2)
    refused, refusals = client.run(smtp_clients.send_with_smtplib, "server", 300_000)
    assert refused == ["nobody@mx.example"]
    assert refusals == {"nobody@mx.example": (550, b"5.1.1 no such mailbox")}
    mails = mailbox.result()
    assert [mail[:3] for mail in mails] == [
        ("192.0.2.2", "me@client.example", ("ada@mx.example", "grace@mx.example"))
    ] * 2
    assert mails[1][3] > 300_000
    return mails


@probe("aiosmtpd", "aiosmtplib", did="10 mails on 10 connections at once, and one with a refused recipient")
def test_aiosmtpd_takes_mail_from_aiosmtplib(server, client):
    mailbox = server.start(smtp_servers.serve_on_a_loop, 12)
    answers = client.run(smtp_clients.send_at_once_with_aiosmtplib, "server", 10)
    assert answers == ["2.0.0 taken"] * 10
    refused, answer = client.run(smtp_clients.send_with_aiosmtplib, "server", 300_000)
    assert (refused, answer) == (["nobody@mx.example"], "2.0.0 taken")
    mails = mailbox.result()
    assert max(size for *_, size in mails) > 300_000
    return mails


@probe("aiosmtpd", "smtplib", did="the server was killed while a client sent one mail after another")
def test_a_mail_server_dies(net, server, client):
    mailbox = server.start(smtp_servers.serve_on_a_loop, 1000)
    sender = client.start(smtp_clients.send_until_the_server_dies, "server")
    net.run(for_="10s")
    mailbox.kill()
    sent, kind, ended = sender.result()
    assert sent > 3
    assert kind in {"SMTPServerDisconnected", "ConnectionResetError", "BrokenPipeError"}
    return sent, kind, ended


@probe("poplib", "socketserver", did="three letters, 110 kB, fetched from a threaded POP3 server")
def test_poplib_reads_from_a_threaded_server(server, client):
    server.start(mail_stores.serve, mail_stores.Pop3, 110)
    wrong, size, letters, goodbye = client.run(mail_stores.read_pop3, "server")
    assert "-ERR" in wrong
    assert letters == mail_stores.LETTERS
    assert size == sum(map(len, letters))
    assert goodbye == b"+OK 1 gone"


@probe(
    "imaplib",
    "socketserver",
    did="three letters, 110 kB, searched, fetched and appended at a threaded server",
)
def test_imaplib_reads_from_a_threaded_server(server, client):
    server.start(mail_stores.serve, mail_stores.Imap, 143)
    wrong, found, letters, kept = client.run(mail_stores.read_imap, "server")
    assert "AUTHENTICATIONFAILED" in str(wrong)
    assert found == [b"2"]
    assert letters == mail_stores.LETTERS
    assert kept == "OK"


@probe(
    "aiosmtpd",
    "smtplib",
    did="STARTTLS, then AUTH and a mail of 300 kB; before it, mail was refused",
    repeats="sizes",
)
def test_aiosmtpd_takes_mail_after_starttls(server, client, tls):
    ours, theirs = tls.server(), tls.client()
    checks = {"authenticator": smtp_servers.check_password, "auth_required": True}
    mailbox = server.start(smtp_servers.serve_on_a_loop, 1, ours, **checks)
    assert client.run(smtp_clients.send_with_starttls, "server", theirs, 300_000) == (530, "TLSv1.3")
    [(peer, sender, _, size)] = mailbox.result()
    assert (peer, sender) == ("192.0.2.2", "me@client.example")
    assert size > 300_000


@probe("aiosmtpd", "aiosmtplib", did="5 mails at once, each after STARTTLS and AUTH", repeats="sizes")
def test_aiosmtpd_takes_aiosmtplib_mail_after_starttls(server, client, tls):
    ours, theirs = tls.server(), tls.client()
    checks = {"authenticator": smtp_servers.check_password, "auth_required": True}
    mailbox = server.start(smtp_servers.serve_on_a_loop, 5, ours, **checks)
    login = {"username": "ada", "password": "correct horse"}
    answers = client.run(smtp_clients.send_at_once_with_aiosmtplib, "server", 5, theirs, **login)
    assert answers == ["2.0.0 taken"] * 5
    assert len(mailbox.result()) == 5


@probe(
    "poplib",
    "imaplib",
    "ssl",
    did="POP3 and IMAP over blocking TLS, one thread for each caller",
    repeats="sizes",
)
def test_mail_is_read_over_tls(server, client, tls):
    ours, theirs = tls.server(), tls.client()
    server.start(mail_stores.serve, mail_stores.Pop3, 995, ours)
    server.start(mail_stores.serve, mail_stores.Imap, 993, ours)
    assert client.run(mail_stores.read_pop3, "server", theirs)[2] == mail_stores.LETTERS
    assert client.run(mail_stores.read_imap, "server", theirs)[2] == mail_stores.LETTERS


@probe(
    "aiosmtpd",
    "smtplib",
    "aiosmtplib",
    "ssl",
    did="mail over TLS from the first octet (SMTP_SSL): blocking, and 5 at once on asyncio",
    repeats="sizes",
)
def test_aiosmtpd_takes_mail_over_tls(server, client, tls):
    mailbox = server.start(smtp_servers.serve_tls, 6, tls.server())
    names = client.run(smtp_clients.send_over_tls, "server", tls.client(), 300_000)
    assert names == (("DNS", "server"),)
    answers = client.run(smtp_clients.send_at_once_over_tls, "server", 5, tls.client())
    assert answers == ["2.0.0 taken"] * 5
    assert max(size for *_, size in mailbox.result()) > 300_000
