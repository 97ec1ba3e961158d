"""Files carried with ftplib and aioftp."""

from __future__ import annotations

import asyncio
import ftplib
import io

import aioftp

BOOK = b"".join(b"%06d all work and no play\r\n" % n for n in range(10_000))


def carry_with_ftplib(host, passive=True, context=None, facts=()):
    """Upload, look, fetch back, rename, delete; returns what was seen.

    With `facts` the server is told which to list: some do not know how to choose, others
    would tell the time of a real file.
    """
    ftp = ftplib.FTP(timeout=60) if context is None else ftplib.FTP_TLS(timeout=60, context=context)
    with ftp:
        welcome = ftp.connect(host, 21)
        ftp.login("ada", "correct horse")
        if context is not None:
            ftp.prot_p()
        ftp.set_pasv(passive)
        seen = [welcome[:3], ftp.mkd("/papers"), ftp.cwd("/papers")[:3]]
        seen.append(ftp.storbinary("STOR book.txt", io.BytesIO(BOOK))[:3])
        seen.append([(name, known["size"]) for name, known in ftp.mlsd(facts=list(facts))])
        back = io.BytesIO()
        seen.append(ftp.retrbinary("RETR book.txt", back.write)[:3])
        seen.append(back.getvalue() == BOOK)
        part = io.BytesIO()
        ftp.retrbinary("RETR book.txt", part.write, rest=len(BOOK) - 100)
        seen.append(part.getvalue() == BOOK[-100:])
        ftp.rename("book.txt", "novel.txt")
        names = []
        ftp.retrlines("NLST" if facts else "LIST", names.append)
        seen.append([name.split()[-1] for name in names])
        ftp.delete("novel.txt")
        try:
            ftp.retrbinary("RETR novel.txt", back.write)
        except ftplib.error_perm as error:
            seen.append(str(error)[:3])
    return seen


def refuse_with_ftplib(host):
    with ftplib.FTP(timeout=60) as ftp:
        ftp.connect(host, 21)
        try:
            ftp.login("ada", "wrong")
        except ftplib.error_perm as error:
            return str(error)[:3]
    return None


async def carry_with_aioftp(host, context=None):
    async with aioftp.Client.context(host, 21, "ada", "correct horse", ssl=context) as client:
        await client.make_directory("papers")
        async with client.upload_stream("papers/book.txt") as stream:
            await stream.write(BOOK)
        names = [str(path) async for path, info in client.list("papers")]
        async with client.download_stream("papers/book.txt") as stream:
            back = b"".join([block async for block in stream.iter_by_block()])
        size = (await client.stat("papers/book.txt"))["size"]
        await client.remove("papers")
        gone = not await client.exists("papers/book.txt")
    return names, int(size), back == BOOK, gone


async def carry_at_once_with_aioftp(host, count):
    """`count` clients, each with a connection and a file of its own."""

    async def carry(number):
        async with aioftp.Client.context(host, 21, "ada", "correct horse") as client:
            async with client.upload_stream(f"{number}.txt") as stream:
                await stream.write(BOOK[: 1000 * number])
            async with client.download_stream(f"{number}.txt") as stream:
                return len(await stream.read())

    return await asyncio.gather(*(carry(number) for number in range(count)))
