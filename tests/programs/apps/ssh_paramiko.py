"""An SSH server and a client, with paramiko: one thread for each connection, and blocking calls."""

from __future__ import annotations

import io
import socket
import threading
import time

import paramiko


class Door(paramiko.ServerInterface):
    def check_auth_password(self, username, password):
        right = (username, password) == ("ada", "correct horse")
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username):
        return "password"

    def check_channel_request(self, kind, chanid):
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_UNKNOWN_CHANNEL_TYPE

    def check_channel_exec_request(self, channel, command):
        threading.Thread(target=self.run, args=(channel, command), daemon=True).start()
        return True

    def run(self, channel, command):
        # paramiko says yes to the request only after the method above has returned.
        time.sleep(0.05)
        match command.split():
            case [b"greet", name]:
                channel.sendall(b"hello, " + name)
                channel.send_exit_status(0)
            case [b"upper"]:
                for data in iter(lambda: channel.recv(32768), b""):
                    channel.sendall(data.upper())
                channel.send_exit_status(0)
            case _:
                channel.sendall_stderr(b"what?")
                channel.send_exit_status(3)
        channel.close()


def serve(key, port=22):
    host_key = paramiko.Ed25519Key.from_private_key(io.StringIO(key))
    with socket.create_server(("", port)) as listener:
        transports = []
        while True:
            connection, _ = listener.accept()
            transport = paramiko.Transport(connection)
            transport.add_server_key(host_key)
            transport.start_server(event=threading.Event(), server=Door())
            transports.append(transport)


def run_commands(host, key, data):
    """`key` is the server's public key, as the text of a line in known_hosts."""
    entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{host} {key}")
    seen = []
    with paramiko.SSHClient() as client:
        client.get_host_keys().add(host, entry.key.get_name(), entry.key)
        try:
            client.connect(host, username="ada", password="wrong", allow_agent=False, look_for_keys=False)
        except paramiko.AuthenticationException as error:
            seen.append(type(error).__name__)
    with paramiko.SSHClient() as client:
        client.get_host_keys().add(host, entry.key.get_name(), entry.key)
        client.connect(host, username="ada", password="correct horse", allow_agent=False, look_for_keys=False)
        _, output, _ = client.exec_command("greet world", timeout=60)
        seen += [output.read(), output.channel.recv_exit_status()]
        _, output, error = client.exec_command("dance", timeout=60)
        seen += [error.read(), output.channel.recv_exit_status()]
        given, output, _ = client.exec_command("upper", timeout=60)

        def give():
            given.write(data)
            given.channel.shutdown_write()

        writer = threading.Thread(target=give)
        writer.start()
        seen.append(output.read() == data.upper())
        writer.join()
    return seen
