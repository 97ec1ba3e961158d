"""`struct tcp_info` by the names of its fields, as the code of scripts has them."""

from __future__ import annotations

from glassnet.host.sockets.tcp_info import FIELDS, LAYOUT

__all__ = ["CONSTANTS", "unpack_tcp_info"]

_STATES = (
    "ESTABLISHED SYN_SENT SYN_RECV FIN_WAIT1 FIN_WAIT2 TIME_WAIT CLOSE CLOSE_WAIT LAST_ACK LISTEN CLOSING"
)
CONSTANTS = {
    **{f"TCP_{name}": number for number, name in enumerate(_STATES.split(), 1)},
    "TCP_CA_Open": 0,
    "TCP_CA_Disorder": 1,
    "TCP_CA_CWR": 2,
    "TCP_CA_Recovery": 3,
    "TCP_CA_Loss": 4,
    "TCPI_OPT_TIMESTAMPS": 1,
    "TCPI_OPT_SACK": 2,
    "TCPI_OPT_WSCALE": 4,
    "TCPI_OPT_ECN": 8,
    "TCPI_OPT_ECN_SEEN": 16,
    "TCPI_OPT_SYN_DATA": 32,
    "TCP_INFINITE_SSTHRESH": 0x7FFFFFFF,
}
"""What the code of scripts may name beside the fields (linux/tcp.h, netinet/tcp.h)."""


def unpack_tcp_info(data: bytes) -> dict[str, int]:
    """The fields that `data` holds, each as `tcpi_NAME`; those of single bits too."""
    values = LAYOUT.unpack(data[: LAYOUT.size].ljust(LAYOUT.size, b"\0"))
    found = {f"tcpi_{name}": value for name, value in zip(FIELDS, values, strict=True)}
    scales, flags = found.pop("tcpi_wscales"), found.pop("tcpi_flags")
    found["tcpi_snd_wscale"], found["tcpi_rcv_wscale"] = scales & 15, scales >> 4
    found["tcpi_delivery_rate_app_limited"] = flags & 1
    found["tcpi_fastopen_client_fail"] = flags >> 1 & 3
    return found
