from dataclasses import dataclass

from glassnet.engine import Events


@dataclass(frozen=True, slots=True)
class Rang:
    bell: str


@dataclass(frozen=True, slots=True)
class Opened:
    door: str


def test_observers_are_told_of_their_kind_in_the_order_they_came() -> None:
    events = Events()
    told: list[tuple[int, object]] = []
    events.on(Rang, lambda event: told.append((1, event)))
    events.on(Rang, lambda event: told.append((2, event)))
    events.on(Opened, lambda event: told.append((3, event)))
    events.tell(Rang("front"))
    assert told == [(1, Rang("front")), (2, Rang("front"))]


def test_nothing_is_wanted_when_nobody_observes() -> None:
    events = Events()
    assert Rang not in events.wanted
    off = events.on(Rang, print)
    assert Rang in events.wanted
    off()
    assert Rang not in events.wanted
    events.tell(Rang("unheard"))


def test_the_same_observer_twice_is_ended_one_at_a_time() -> None:
    events = Events()
    told: list[Rang] = []
    first = events.on(Rang, told.append)
    second = events.on(Rang, told.append)
    first()
    first()
    events.tell(Rang("once"))
    assert told == [Rang("once")]
    second()
    assert Rang not in events.wanted


def test_an_observer_may_end_itself_while_told() -> None:
    events = Events()
    told: list[str] = []

    def once(event: Rang) -> None:
        told.append(event.bell)
        off()

    off = events.on(Rang, once)
    events.on(Rang, lambda event: told.append("other"))
    events.tell(Rang("a"))
    events.tell(Rang("b"))
    assert told == ["a", "other", "other"]
