"""Looks around in a shop with requests, one thing after another on one connection, and orders something."""

from __future__ import annotations

import time

import requests

__all__ = ["main"]


def main(shop: str) -> None:
    """Visit the shop at this URL."""
    with requests.Session() as session:
        page = session.get(shop, timeout=60)
        print(f"{shop}: {page.status_code} {page.reason}, {len(page.content)} bytes")
        for name in session.get(f"{shop}/goods", timeout=60).json():
            started = time.perf_counter()
            photo = session.get(f"{shop}/photos/{name}", timeout=60)
            took = time.perf_counter() - started
            print(f"photo of the {name}: {len(photo.content)} bytes in {took * 1000:.0f} ms")
        order = session.post(f"{shop}/orders", json={"what": "teapot", "count": 1}, timeout=60)
        print(f"ordered a teapot: {order.status_code} {order.reason}, number {order.json()['number']}")


if __name__ == "__main__":
    main("http://localhost")
