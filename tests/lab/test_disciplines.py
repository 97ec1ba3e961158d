"""Queueing disciplines in lab files."""

from __future__ import annotations

import pytest

import glassnet
from glassnet.lab.checking import load
from glassnet.lab.problems import LabError


def test_a_discipline_is_a_name_or_a_table(run):
    session, _ = run(
        lab_toml="""
        for = "2s"
        [host.web]
        [host.pc]
        [router.gate]
        [cable.slow]
        between = ["gate", "web"]
        rate = "10Mbps"
        discipline = { name = "codel", target = "10ms", ecn = false }
        towards.gate = { discipline = "fq_codel" }
        [cable.other]
        between = ["gate", "pc"]
        rate = "10Mbps"
        [cable.other.discipline]
        name = "red"
        max = "60kB"
        [[event]]
        at = "1s"
        set = "other"
        discipline = "tail_drop"
        """
    )
    slow, other = session.network.cables
    assert slow.towards("web").lane.conditions.discipline == glassnet.CoDel(target="10ms", ecn=False)
    assert slow.towards("gate").lane.conditions.discipline == glassnet.FqCoDel()
    assert [lane.conditions.discipline for lane in other.lanes] == [glassnet.TailDrop()] * 2
    session.network.close()


def test_on_a_lan_it_is_for_each_cable(write):
    lab = load(write(lab_toml='[lan.home]\nhosts = ["a", "b"]\nrate = "1Gbps"\ndiscipline = "threshold"\n'))
    cables = lab.built.network.cables
    lab.built.network.close()
    assert {lane.conditions.discipline for cable in cables for lane in cable.lanes} == {glassnet.Threshold()}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            '"codle"',
            "3:1: error: lan.home.discipline: 'codle': expected one of tail_drop, threshold, red, codel",
        ),
        (
            '{ name = "codel", goal = 1 }',
            "lan.home.discipline: codel has no 'goal'; it has target, interval, ecn",
        ),
        ('{ name = "codel", target = "x" }', "lan.home.discipline: CoDel: target: 'x': expected a duration"),
        ('"unlimited"', "lan.home.discipline: 'unlimited': expected one of tail_drop"),
    ],
)
def test_nonsense_is_told_with_its_place(write, value, message):
    with pytest.raises(LabError) as caught:
        load(write(lab_toml=f'[lan.home]\nhosts = ["a", "b"]\ndiscipline = {value}\n'))
    assert message in str(caught.value)
