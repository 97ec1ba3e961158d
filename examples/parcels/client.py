"""Sends parcels to an office, one a second: client.py URL COUNT."""

import json
import os
import socket
import sys
import time
import urllib.request


def send(url, parcel):
    request = urllib.request.Request(f"{url}/parcels", json.dumps(parcel).encode())
    for attempt in range(1, 6):
        try:
            with urllib.request.urlopen(request, timeout=2) as answer:
                return json.load(answer)
        except OSError as error:
            print(f"attempt {attempt}: {error}", file=sys.stderr)
            time.sleep(1)
    sys.exit("the office does not answer")


def main(url, count):
    branch = os.environ.get("BRANCH", socket.gethostname())
    for number in range(int(count)):
        began = time.monotonic()
        parcel = send(url, {"from": branch, "number": number})
        print(f"{parcel['label']} after {time.monotonic() - began:.3f} s")
        time.sleep(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
