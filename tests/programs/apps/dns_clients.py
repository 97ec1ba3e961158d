"""Lookups by dnspython, which reads the host's /etc/resolv.conf, and by the C library's functions."""

from __future__ import annotations

import asyncio
import socket

import dns.asyncresolver
import dns.resolver


def look_up(name):
    answer = dns.resolver.Resolver().resolve(name, "A")
    return answer.canonical_name.to_text(), [each.address for each in answer]


def look_up_nobody(name):
    try:
        dns.resolver.Resolver().resolve(name, "A")
    except dns.resolver.NXDOMAIN as error:
        return str(error)
    return None


async def look_up_all(names):
    resolver = dns.asyncresolver.Resolver()
    answers = await asyncio.gather(*(resolver.resolve(name, "AAAA") for name in names))
    return [[each.address for each in answer] for answer in answers]


def get_address(name):
    return [entry[4][0] for entry in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)]
