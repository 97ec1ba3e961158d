from glassnet.engine import Drop, Drops, Engine


def test_counted_by_reason_without_observers() -> None:
    drops = Drops(Engine(), "web")
    drops("ipv4: header checksum", b"x")
    drops("ipv4: header checksum")
    drops("tcp: out of window")
    assert drops.counts == {"ipv4: header checksum": 2, "tcp: out of window": 1}


def test_told_to_observers_with_time_place_and_bytes() -> None:
    engine = Engine()
    drops = Drops(engine, "web")
    seen: list[Drop] = []
    off = engine.events.on(Drop, seen.append)
    engine.at(42, lambda _: drops("udp: port unreachable", b"frame"))
    engine.run()
    off()
    drops("udp: port unreachable", b"unseen")
    assert seen == [Drop(42, "web", "udp: port unreachable", b"frame")]
    assert drops.counts == {"udp: port unreachable": 2}
