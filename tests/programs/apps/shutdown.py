"""A client with a request under way while its server is told to stop."""

from __future__ import annotations

import httpx


def slow_page(url):
    with httpx.Client(timeout=20) as client:
        return client.get(url + "/slow").text


def refused(url):
    try:
        httpx.get(url)
    except httpx.ConnectError as error:
        return type(error).__name__
