"""aiosmtpd servers that keep what they get."""

from __future__ import annotations

import asyncio
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult


class Mailbox:
    """A handler that keeps each mail, and refuses one recipient."""

    def __init__(self):
        self.mails = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        peer = session.peer[0]
        self.mails.append((peer, envelope.mail_from, tuple(envelope.rcpt_tos), len(envelope.content)))
        return "250 2.0.0 taken"


def serve_in_a_thread(count, port=25):
    """Take `count` mails, with the controller that runs its event loop in a thread."""
    mailbox = Mailbox()
    controller = Controller(mailbox, hostname="0.0.0.0", port=port, server_hostname="mx.example")
    controller.start()
    while len(mailbox.mails) < count:
        time.sleep(0.5)
    controller.stop()
    return mailbox.mails


def check_password(server, session, envelope, mechanism, login):
    return AuthResult(success=(login.login, login.password) == (b"ada", b"correct horse"))


async def serve_on_a_loop(count, context=None, port=25, host="0.0.0.0", **options):
    """Take `count` mails; with a TLS `context`, only after STARTTLS."""
    mailbox = Mailbox()

    def session():
        return SMTP(
            mailbox,
            hostname="mx.example",
            tls_context=context,
            require_starttls=context is not None,
            **options,
        )

    server = await asyncio.get_running_loop().create_server(session, host, port)
    async with server:
        while len(mailbox.mails) < count:
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
    return mailbox.mails


async def serve_tls(count, context, port=465):
    """Take `count` mails on connections that are TLS from the first octet."""
    mailbox = Mailbox()
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(mailbox, hostname="mx.example"), "0.0.0.0", port, ssl=context
    )
    async with server:
        while len(mailbox.mails) < count:
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
    return mailbox.mails
