"""TCP settings by the names of sysctl(8), and profiles of them."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

import glassnet
from glassnet.transport.tcp import TcpSettings
from glassnet.transport.tcp.sysctl import (
    NAMES,
    PROFILES,
    SYSCTLS,
    get_sysctl,
    profile,
    set_sysctl,
    tcp_settings,
)

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "packetdrill.md"


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_can_be_set(name):
    for settings in PROFILES.values():
        changed = profile("linux")
        set_sysctl(changed, f"net.ipv4.{name}", get_sysctl(settings, name))
        assert get_sysctl(changed, name) == get_sysctl(settings, name)


def test_every_field_has_a_name():
    named = {knob.field for knob in SYSCTLS.values()} | {"congestion_control"}
    buffers = {f"{way}_buffer{end}" for way in ("send", "receive") for end in ("", "_max")}
    assert {each.name for each in fields(TcpSettings)} == named | buffers | {"rto_fallback"}


@pytest.mark.parametrize(
    ("name", "value", "field", "number"),
    [
        ("tcp_sack", 0, "sack", False),
        ("tcp_sack", "1", "sack", True),
        ("tcp_fin_timeout", 30, "fin_timeout", 30 * 10**9),
        ("tcp_invalid_ratelimit", 500, "invalid_ratelimit", 500 * 10**6),
        ("tcp_rto_min_us", 50000, "rto_min", 50 * 10**6),
        ("tcp_initial_rto", 300, "rto_initial", 300 * 10**6),
        ("net.ipv4.tcp_retries2", 3, "retries", 3),
        ("tcp_congestion_control", "reno", "congestion_control", "reno"),
    ],
)
def test_units(name, value, field, number):
    settings = profile("linux")
    set_sysctl(settings, name, value)
    assert getattr(settings, field) == number


def test_buffers_are_half_for_data():
    settings = profile("linux")
    set_sysctl(settings, "net.ipv4.tcp_rmem", "4096 20000 80000")
    assert (settings.receive_buffer, settings.receive_buffer_max) == (10000, 40000)
    assert get_sysctl(settings, "tcp_rmem") == "4096 20000 80000"
    assert get_sysctl(profile("linux"), "tcp_rmem") == "4096 131072 6291456"
    assert get_sysctl(profile("linux"), "tcp_wmem") == "4096 2097152 4194304"


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("tcp_sakc", 1, "there is no such setting here; is it net.ipv4.tcp_sack?"),
        ("net.core.somaxconn", 1, "there is no such setting here"),
        ("tcp_sack", 2, "2: expected a number from 0 to 1"),
        ("tcp_sack", "yes", "'yes': expected a number"),
        ("tcp_sack", -1, "'-1': expected a number"),
        ("tcp_retries2", 256, "256: expected a number from 0 to 255"),
        ("tcp_congestion_control", "vegas", "'vegas': expected one of reno, cubic"),
        ("tcp_rmem", "1 2", "expected least, default and greatest size"),
        ("tcp_rmem", "4096 9000 8000", "expected least, default and greatest size"),
        ("tcp_rmem", "4096 x 8000", "'x': expected a number"),
    ],
)
def test_what_cannot_be_set(name, value, what):
    settings = profile("linux")
    with pytest.raises(ValueError, match=re.escape(what)):
        set_sysctl(settings, name, value)
    assert settings == profile("linux")


def test_profiles():
    rfc = tcp_settings("rfc")
    assert (rfc.congestion_control, rfc.sack, rfc.timestamps, rfc.rto_min) == ("reno", False, False, 10**9)
    assert tcp_settings({"profile": "rfc", "tcp_sack": 1}).timestamps is False
    assert tcp_settings({"tcp_sack": 0}, rfc).timestamps is False
    assert tcp_settings({"tcp_sack": 0}).timestamps is True
    assert tcp_settings(None) == TcpSettings()
    for bad, what in (("windows", "expected 'linux' or 'rfc'"), (7, "expected a profile")):
        with pytest.raises(ValueError, match=what):
            tcp_settings(bad)


def test_a_profile_is_a_copy():
    set_sysctl(profile("rfc"), "tcp_sack", 1)
    assert PROFILES["rfc"].sack is False


def test_networks_and_hosts():
    with glassnet.Network(tcp={"tcp_sack": 0}) as net:
        plain = net.host("plain")
        other = net.router("other", tcp={"tcp_timestamps": 0})
        old = net.host("old", tcp="rfc")
        assert [plain.sysctl("tcp_sack"), plain.sysctl("tcp_timestamps")] == [0, 1]
        assert [other.sysctl("tcp_sack"), other.sysctl("tcp_timestamps")] == [0, 0]
        assert old.sysctl("net.ipv4.tcp_congestion_control") == "reno"
        assert plain.sysctl("tcp_sack", 1) == 1
        assert other.sysctl("tcp_sack") == 0


def test_the_reference_has_every_setting():
    section = REFERENCE.read_text().split("\n## Settings\n")[1].split("\n## ")[0]
    assert re.findall(r"(?m)^\| `(\w+)` \|", section) == list(NAMES)
