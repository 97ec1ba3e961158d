"""Well-known programs on the kernel's side: curl, nginx, iperf3."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import random
import urllib.request
from pathlib import Path

import pytest

BYTES = int(os.environ.get("GLASSNET_INTEROP_BYTES", "2000000"))
OURS = {4: "192.0.2.1", 6: "[2001:db8::1]"}
THEIRS = {4: "192.0.2.2", 6: "[2001:db8::2]"}
VERSIONS = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])


class Files(http.server.BaseHTTPRequestHandler):
    """Gives the one file that there is, and takes what is put."""

    protocol_version = "HTTP/1.1"
    content = b""
    put = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def do_PUT(self) -> None:
        type(self).put = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def content() -> bytes:
    return random.Random(3).randbytes(BYTES)


@VERSIONS
def test_curl_gets_from_and_puts_to_our_server(kernel, program, content, tmp_path, tshark, version):
    curl = program("curl", "curl")
    there = kernel()
    handler = type("Handler", (Files,), {"content": content})

    class Server(http.server.ThreadingHTTPServer):
        address_family = 2 if version == 4 else 10

    def serve() -> None:
        with Server(("", 8000), handler) as server:
            server.serve_forever()

    there.host.start(serve)
    there.net.run(for_="1ms")
    got, given = tmp_path / "got", tmp_path / "given"
    given.write_bytes(content[::-1])
    url = f"http://{OURS[version]}:8000/file"
    options = ["--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "50"]
    capture = tmp_path / "curl.pcapng"
    with there.net.capture(capture, there.host):
        there.ended(there.namespace.start(curl, *options, "--output", got, url))
        there.ended(there.namespace.start(curl, *options, "--upload-file", given, url))
    assert got.read_bytes() == content
    assert handler.put == content[::-1]
    assert tshark.faults(capture) == []
    capture.unlink()


NGINX = """
daemon off; master_process off; error_log stderr; pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size 0;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 80; listen [::]:80; root {folder}; location / {{ dav_methods PUT; }} }}
}}
"""


@VERSIONS
def test_our_client_gets_from_and_puts_to_nginx(kernel, program, content, tmp_path: Path, tshark, version):
    nginx = program("nginx", "nginx")
    there = kernel()
    # Its workers may be another user than the one who runs the tests.
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "nginx.conf").write_text("user root;" + NGINX.format(folder=tmp_path))
    there.namespace.start(nginx, "-c", tmp_path / "nginx.conf", "-p", tmp_path, "-e", "stderr")
    agent = there.agent()
    there.await_listener(agent, 80)

    def client() -> tuple[str, int]:
        url = f"http://{THEIRS[version]}/"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url + "file") as answer:
            digest = hashlib.sha256(answer.read()).hexdigest()
        putting = urllib.request.Request(url + "given", data=content[::-1], method="PUT")
        with opener.open(putting) as answer:
            return digest, answer.status

    capture = tmp_path / "nginx.pcapng"
    with there.net.capture(capture, there.host):
        digest, status = there.result(there.host.start(client))
    assert digest == hashlib.sha256(content).hexdigest()
    assert status == 201
    assert (tmp_path / "given").read_bytes() == content[::-1]
    assert tshark.faults(capture) == []
    capture.unlink()


@VERSIONS
@pytest.mark.parametrize("reverse", [False, True], ids=["sending", "receiving"])
def test_iperf3_serves_our_client(kernel, program, iperf_module, reverse, version):
    iperf3 = program("iperf3", "iperf3")
    there = kernel()
    server = there.namespace.start(iperf3, "--server", "--one-off", "--json", "--port", "5201")
    agent = there.agent()
    there.await_listener(agent, 5201)
    address = THEIRS[version].strip("[]")
    said = there.result(there.host.start(iperf_module.client, address, 5201, BYTES, reverse))
    report = json.loads(there.ended(server))
    assert "error" not in report, report["error"]
    assert said["ours"] >= BYTES
    if reverse:
        assert said["theirs"] >= said["ours"]
    else:
        assert 0 < said["theirs"] <= said["ours"]  # it stops counting when it hears of the end


@VERSIONS
@pytest.mark.parametrize("reverse", [False, True], ids=["receiving", "sending"])
def test_our_server_serves_iperf3(kernel, program, iperf_module, reverse, version):
    iperf3 = program("iperf3", "iperf3")
    there = kernel()
    process = there.host.start(iperf_module.server, OURS[version].strip("[]"), 5201)
    there.net.run(for_="1ms")
    options = ["--client", OURS[version].strip("[]"), "--port", "5201", "--bytes", str(BYTES), "--json"]
    report = json.loads(
        there.ended(there.namespace.start(iperf3, *options, *(["--reverse"] if reverse else [])))
    )
    assert "error" not in report, report["error"]
    said = there.result(process)
    assert said["theirs"] >= BYTES
    if reverse:
        assert said["ours"] >= said["theirs"]  # the client stops when it has enough
    else:
        assert BYTES <= said["ours"] <= said["theirs"]  # the server stops at what was ordered
    assert report["end"]["sum_received"]["bytes"] == (said["theirs"] if reverse else said["ours"])
