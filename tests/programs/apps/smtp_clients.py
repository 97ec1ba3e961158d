"""Mail sent with smtplib and aiosmtplib."""

from __future__ import annotations

import asyncio
import smtplib
import time
from email import policy
from email.message import EmailMessage

import aiosmtplib

FRIENDS = ["ada@mx.example", "grace@mx.example"]


def letter(size=100):
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = "me@client.example"
    message["To"] = ", ".join(FRIENDS)
    message["Subject"] = "Grüße"
    message["Date"] = "Mon, 01 Jan 2024 00:00:00 +0000"
    message.set_content("Dear all,\n.\n" + "a line of text that is just long enough\n" * (size // 40))
    return message


def send_with_smtplib(host, size=100):
    with smtplib.SMTP(host, 25, local_hostname="client.example", timeout=30) as session:
        session.send_message(letter())
        refused = session.sendmail(
            "me@client.example", [*FRIENDS, "nobody@mx.example"], letter(size).as_bytes()
        )
        try:
            session.sendmail("me@client.example", ["nobody@mx.example"], b"hello")
        except smtplib.SMTPRecipientsRefused as error:
            return sorted(refused), error.recipients
    return None


def send_with_starttls(host, context, size=100):
    with smtplib.SMTP(host, 25, local_hostname="client.example", timeout=30) as session:
        try:
            session.send_message(letter())
        except smtplib.SMTPSenderRefused as error:
            before = error.smtp_code
        session.starttls(context=context)
        session.login("ada", "correct horse")
        session.send_message(letter(size))
        return before, session.sock.version()


def send_over_tls(host, context, size=100):
    with smtplib.SMTP_SSL(host, 465, local_hostname="client.example", context=context, timeout=30) as session:
        session.send_message(letter(size))
        return session.sock.getpeercert()["subjectAltName"]


def send_until_the_server_dies(host):
    """Returns how many mails got through, what went wrong then, and when."""
    sent = 0
    try:
        with smtplib.SMTP(host, 25, local_hostname="client.example", timeout=30) as session:
            while True:
                session.send_message(letter(20_000))
                sent += 1
                time.sleep(0.1)
    except (smtplib.SMTPException, OSError) as error:
        return sent, type(error).__name__, time.monotonic()


async def send_with_aiosmtplib(host, size=100):
    async with aiosmtplib.SMTP(
        hostname=host, port=25, local_hostname="client.example", start_tls=False
    ) as session:
        await session.send_message(letter())
        refused, answer = await session.sendmail(
            "me@client.example", [*FRIENDS, "nobody@mx.example"], letter(size).as_bytes()
        )
        return sorted(refused), answer


async def send_at_once_with_aiosmtplib(host, count, context=None, **login):
    """`count` mails, each on a connection of its own, all at the same time."""

    def send(number):
        return aiosmtplib.send(
            letter(1000 * number),
            hostname=host,
            port=25,
            local_hostname="client.example",
            start_tls=context is not None,
            tls_context=context,
            **login,
        )

    answers = await asyncio.gather(*(send(number) for number in range(count)))
    await asyncio.sleep(5)  # aiosmtplib does not wait until TLS has said goodbye
    return [answer for _, answer in answers]


async def send_at_once_over_tls(host, count, context):
    def send(number):
        return aiosmtplib.send(
            letter(1000 * number),
            hostname=host,
            port=465,
            local_hostname="client.example",
            use_tls=True,
            tls_context=context,
        )

    answers = await asyncio.gather(*(send(number) for number in range(count)))
    await asyncio.sleep(5)  # aiosmtplib does not wait until TLS has said goodbye
    return [answer for _, answer in answers]
