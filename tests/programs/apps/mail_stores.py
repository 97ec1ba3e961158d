"""A small IMAP4rev1 server, a small POP3 server, and the standard library's clients of both."""

from __future__ import annotations

import imaplib
import poplib
import re
import socketserver

LETTERS = [
    b"From: ada@mx.example\r\nSubject: short\r\n\r\nHello.\r\n",
    b"From: grace@mx.example\r\nSubject: long\r\n\r\n" + b"All work and no play.\r\n" * 5000,
    b"From: alan@mx.example\r\nSubject: dots\r\n\r\n.\r\n..leading\r\n.\r\n",
]


class Pop3(socketserver.StreamRequestHandler):
    """RFC 1939, as far as poplib goes."""

    letters = LETTERS

    def answer(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        deleted = set()
        self.answer("+OK ready")
        while line := self.rfile.readline():
            command, *words = line.decode().split()
            match command.upper():
                case "USER" | "NOOP":
                    self.answer("+OK")
                case "PASS" if words == ["correct-horse"]:
                    self.answer("+OK welcome")
                case "STAT":
                    self.answer(f"+OK {len(self.letters)} {sum(map(len, self.letters))}")
                case "LIST":
                    self.answer("+OK")
                    for number, letter in enumerate(self.letters, 1):
                        self.answer(f"{number} {len(letter)}")
                    self.answer(".")
                case "RETR":
                    self.answer("+OK")
                    self.wfile.write(re.sub(rb"^\.", b"..", self.letters[int(words[0]) - 1], flags=re.M))
                    self.answer(".")
                case "DELE":
                    deleted.add(int(words[0]))
                    self.answer("+OK")
                case "QUIT":
                    self.answer(f"+OK {len(deleted)} gone")
                    return
                case _:
                    self.answer("-ERR what?")


class Imap(socketserver.StreamRequestHandler):
    """RFC 3501, as far as imaplib goes."""

    letters = LETTERS

    def answer(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        letters = list(self.letters)
        self.answer("* OK [CAPABILITY IMAP4rev1] ready")
        while line := self.rfile.readline():
            tag, command, *words = line.decode().split()
            match command.upper():
                case "CAPABILITY":
                    self.answer("* CAPABILITY IMAP4rev1")
                case "LOGIN":
                    if words[1].strip('"') != "correct-horse":
                        self.answer(f"{tag} NO [AUTHENTICATIONFAILED] wrong")
                        continue
                case "SELECT":
                    self.answer(f"* {len(letters)} EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen)")
                case "SEARCH":
                    wanted = words[-1].strip('"').encode()
                    found = [n for n, letter in enumerate(letters, 1) if b"From: " + wanted in letter]
                    self.answer("* SEARCH " + " ".join(map(str, found)))
                case "FETCH":
                    letter = letters[int(words[0]) - 1]
                    self.wfile.write(b"* %s FETCH (RFC822 {%d}\r\n" % (words[0].encode(), len(letter)))
                    self.wfile.write(letter + b")\r\n")
                case "APPEND":
                    size = int(words[-1].strip("{}"))
                    self.answer("+ go ahead")
                    letters.append(self.rfile.read(size))
                    self.rfile.readline()
                    self.answer(f"* {len(letters)} EXISTS")
                case "LOGOUT":
                    self.answer("* BYE")
                    self.answer(f"{tag} OK")
                    return
                case "CLOSE" | "NOOP":
                    pass
                case _:
                    self.answer(f"{tag} BAD what?")
                    continue
            self.answer(f"{tag} OK done")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def serve(handler, port, context=None):
    with Server(("", port), handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()


def read_pop3(host, context=None):
    if context is None:
        box = poplib.POP3(host, timeout=60)
    else:
        box = poplib.POP3_SSL(host, context=context, timeout=60)
    try:
        box.user("ada")
        try:
            box.pass_("wrong")
        except poplib.error_proto as error:
            wrong = str(error)
        box.pass_("correct-horse")
        count, size = box.stat()
        letters = [b"\r\n".join(box.retr(number)[1]) + b"\r\n" for number in range(1, count + 1)]
        box.dele(1)
    finally:
        goodbye = box.quit()
    return wrong, size, letters, goodbye


def read_imap(host, context=None):
    if context is None:
        box = imaplib.IMAP4(host, timeout=60)
    else:
        box = imaplib.IMAP4_SSL(host, ssl_context=context, timeout=60)
    with box:
        try:
            box.login("ada", "wrong")
        except imaplib.IMAP4.error as error:
            wrong = error.args[0]
        box.login("ada", "correct-horse")
        count = int(box.select("INBOX")[1][0])
        found = box.search(None, "FROM", '"grace@mx.example"')[1]
        letters = [box.fetch(str(n), "(RFC822)")[1][0][1] for n in range(1, count + 1)]
        kept = box.append("INBOX", None, None, letters[1])[0]
        box.close()
    return wrong, found, letters, kept
