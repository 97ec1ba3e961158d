"""Objects between hosts with multiprocessing.connection: a listener with a thread for each caller."""

from __future__ import annotations

import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Listener, wait

SECRET = b"correct horse"


def serve(port=6000):
    with Listener(("", port), "AF_INET", backlog=16, authkey=SECRET) as listener:
        while True:
            try:
                connection = listener.accept()
            except AuthenticationError:
                continue
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection):
    with connection:
        while True:
            try:
                words = connection.recv()
            except EOFError:
                return
            connection.send({"count": len(words), "last": words[-1]})


def ask(host, questions, port=6000):
    try:
        Client((host, port), "AF_INET", authkey=b"battery staple")
    except AuthenticationError as error:
        refused = str(error)
    connections = [Client((host, port), "AF_INET", authkey=SECRET) for _ in range(3)]
    for connection in connections:
        connection.send(questions)
    waiting = list(connections)
    answers = []
    while waiting:
        for connection in wait(waiting, timeout=10):
            answers.append(connection.recv())
            waiting.remove(connection)
    for connection in connections:
        connection.close()
    return refused, answers
