"""How a connection closes: the FINs of both ends, in either order and at once (RFC 9293, 3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glassnet.transport.tcp.state import State

if TYPE_CHECKING:
    from glassnet.transport.tcp.connection import Connection

__all__ = ["fin_acknowledged", "fin_came", "fin_sent"]


def fin_sent(connection: Connection) -> None:
    """Our FIN was sent for the first time."""
    if connection.state is State.ESTABLISHED:
        connection.enter(State.FIN_WAIT_1)
    elif connection.state is State.CLOSE_WAIT:
        connection.enter(State.LAST_ACK)


def fin_acknowledged(connection: Connection) -> None:
    """Something was acknowledged: perhaps our FIN with it."""
    sender = connection.sender
    if not connection.fin_sent or sender.outstanding or sender.unsent:
        return
    state = connection.state
    if state is State.FIN_WAIT_1:
        connection.enter(State.FIN_WAIT_2)
        if connection.orphan:
            connection.await_fin()
        connection.changed()
    elif state is State.CLOSING:
        connection.wait_out()
    elif state is State.LAST_ACK:
        connection.finish()


def fin_came(connection: Connection) -> None:
    """The peer's FIN is next in order."""
    receiver = connection.receiver
    receiver.next += 1
    if receiver.edge < receiver.next:
        receiver.edge = receiver.next  # a FIN takes no room: it may follow data that filled the window
    connection.output.acks_due = 2
    state = connection.state
    if state is State.ESTABLISHED:
        connection.enter(State.CLOSE_WAIT)
    elif state is State.FIN_WAIT_1:
        connection.enter(State.CLOSING)
    elif state is State.FIN_WAIT_2:
        connection.acknowledge()
        connection.wait_out()
    connection.changed()
