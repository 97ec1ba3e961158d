from hypothesis import given
from hypothesis import strategies as st

from glassnet.engine import Engine
from glassnet.network.rate_limit import RateLimit


def test_a_burst_and_then_the_rate() -> None:
    engine = Engine()
    limit = RateLimit(engine, rate=10, burst=3)
    assert [limit.allow() for _ in range(5)] == [True, True, True, False, False]
    engine.now += 99_999_999
    assert not limit.allow()
    engine.now += 1
    assert limit.allow()
    assert not limit.allow()
    engine.now += 3600 * 10**9
    assert [limit.allow() for _ in range(4)] == [True, True, True, False]


@given(st.lists(st.integers(0, 10**9), max_size=200))
def test_never_more_than_burst_and_rate_allow(pauses: list[int]) -> None:
    engine = Engine()
    limit = RateLimit(engine, rate=7, burst=2)
    allowed = 0
    for pause in pauses:
        engine.now += pause
        allowed += limit.allow()
        assert allowed <= 2 + engine.now * 7 / 10**9
