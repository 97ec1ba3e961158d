"""A small FTP server with a thread for each client, and TLS when it is asked for (RFC 4217)."""

from __future__ import annotations

import posixpath
import socket
import socketserver


class Session(socketserver.StreamRequestHandler):
    """RFC 959 with RFC 2428 (EPSV), RFC 3659 (MLSD, REST) and RFC 4217, as far as ftplib goes."""

    def answer(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def handle(self):
        self.folder, self.offset, self.user, self.renamed = "/", 0, "", ""
        self.private = self.welcome = False
        self.listener = None
        self.answer("220 ready")
        while line := self.rfile.readline():
            command, _, word = line.decode().strip().partition(" ")
            if command == "QUIT":
                self.answer("221 bye")
                break
            action = getattr(self, "do_" + command, None)
            if action is None:
                self.answer("502 what?")
            elif not self.welcome and command not in ("AUTH", "PBSZ", "USER", "PASS"):
                self.answer("530 who are you?")
            else:
                action(word)

    def finish(self):
        super().finish()
        if self.listener is not None:
            self.listener.close()
        self.connection.close()

    def do_AUTH(self, word):
        self.answer("234 go ahead")
        # What a client sends in plain text may not be taken for what comes after (RFC 4217, section 15.3).
        self.rfile.close()
        self.connection = self.request = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", 0)

    def do_USER(self, word):
        self.user = word
        self.answer("331 and the password?")

    def do_PASS(self, word):
        self.welcome = (self.user, word) == ("ada", "correct horse")
        self.answer("230 welcome" if self.welcome else "530 wrong")

    def do_PBSZ(self, word):
        self.answer("200 ok")

    def do_PROT(self, word):
        self.private = word == "P"
        self.answer("200 ok")

    def do_TYPE(self, word):
        self.answer("200 ok")

    def do_OPTS(self, word):
        self.answer("200 ok")

    def do_MKD(self, word):
        self.answer(f'257 "{word}" created')

    def do_CWD(self, word):
        self.folder = posixpath.join(self.folder, word)
        self.answer("250 ok")

    def do_REST(self, word):
        self.offset = int(word)
        self.answer("350 ok")

    def do_PASV(self, word):
        self.listener = socket.create_server((self.connection.getsockname()[0], 0))
        host, port = self.listener.getsockname()
        numbers = [*host.split("."), str(port >> 8), str(port & 255)]
        self.answer(f"227 ({','.join(numbers)})")

    def do_EPSV(self, word):
        name = self.connection.getsockname()[0]
        self.listener = socket.create_server((name, 0), family=self.connection.family)
        self.answer(f"229 (|||{self.listener.getsockname()[1]}|)")

    def data(self):
        """The connection for data, of TLS after PROT P."""
        self.answer("150 here it is")
        with self.listener:
            connection, _ = self.listener.accept()
        return self.server.context.wrap_socket(connection, server_side=True) if self.private else connection

    def hand_over(self, data):
        with self.data() as connection:
            connection.sendall(data)
            if self.private:
                connection.unwrap().close()
        self.answer("226 done")

    def path(self, word):
        return posixpath.join(self.folder, word)

    def names(self):
        return [path for path in self.server.files if posixpath.dirname(path) == self.folder]

    def do_STOR(self, word):
        with self.data() as connection, connection.makefile("rb") as stream:
            self.server.files[self.path(word)] = stream.read()
            if self.private:
                connection.unwrap().close()
        self.answer("226 done")

    def do_RETR(self, word):
        offset, self.offset = self.offset, 0
        if self.path(word) not in self.server.files:
            self.answer("550 no such file")
        else:
            self.hand_over(self.server.files[self.path(word)][offset:])

    def do_MLSD(self, word):
        files = self.server.files
        lines = [f"size={len(files[path])}; {posixpath.basename(path)}\r\n" for path in self.names()]
        self.hand_over("".join(lines).encode())

    def do_LIST(self, word):
        self.hand_over("".join(f"{posixpath.basename(path)}\r\n" for path in self.names()).encode())

    do_NLST = do_LIST

    def do_RNFR(self, word):
        self.renamed = self.path(word)
        self.answer("350 and the new name?")

    def do_RNTO(self, word):
        self.server.files[self.path(word)] = self.server.files.pop(self.renamed)
        self.answer("250 ok")

    def do_DELE(self, word):
        del self.server.files[self.path(word)]
        self.answer("250 ok")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def serve(context, port=21):
    with Server(("", port), Session) as server:
        server.context = context
        server.files = {}
        server.serve_forever()
