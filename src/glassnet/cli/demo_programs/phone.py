"""Looks around in a shop with httpx and asyncio, everything at the same time, and orders something."""

from __future__ import annotations

import asyncio
import time

import httpx

__all__ = ["main"]


async def main(shop: str) -> None:
    """Visit the shop at this URL."""
    async with httpx.AsyncClient(base_url=shop, timeout=60) as client:
        names = (await client.get("/goods")).json()
        print(f"the shop has {', '.join(names)}")
        started = time.perf_counter()
        photos = [asyncio.create_task(client.get(f"/photos/{name}")) for name in names]
        for finished in asyncio.as_completed(photos):
            photo = await finished
            print(f"{photo.url.path}: {photo.status_code}, {len(photo.content)} bytes")
        print(f"{len(photos)} photos in {(time.perf_counter() - started) * 1000:.0f} ms")
        order = await client.post("/orders", json={"what": "cup", "count": 6})
        print(f"ordered 6 cups: {order.status_code} {order.reason_phrase}, number {order.json()['number']}")


if __name__ == "__main__":
    asyncio.run(main("http://localhost"))
