"""`struct tcp_info` by the names of its fields, as the code of scripts has them."""

from __future__ import annotations

from struct import Struct

__all__ = ["CONSTANTS", "unpack_tcp_info"]

_TABLE = """
B state ca_state retransmits probes backoff options wscales flags
I rto ato snd_mss rcv_mss unacked sacked lost retrans fackets
I last_data_sent last_ack_sent last_data_recv last_ack_recv
I pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans
Q pacing_rate max_pacing_rate bytes_acked bytes_received
I segs_out segs_in notsent_bytes min_rtt data_segs_in data_segs_out
Q delivery_rate busy_time rwnd_limited sndbuf_limited
I delivered delivered_ce
Q bytes_sent bytes_retrans
I dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash
H total_rto total_rto_recoveries
I total_rto_time
"""
_FIELDS = [(name, line[0]) for line in _TABLE.splitlines() for name in line[1:].split()]
_LAYOUT = Struct("".join(code for _, code in _FIELDS))

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
    values = _LAYOUT.unpack(data[: _LAYOUT.size].ljust(_LAYOUT.size, b"\0"))
    found = {f"tcpi_{name}": value for (name, _), value in zip(_FIELDS, values, strict=True)}
    scales, flags = found.pop("tcpi_wscales"), found.pop("tcpi_flags")
    found["tcpi_snd_wscale"], found["tcpi_rcv_wscale"] = scales & 15, scales >> 4
    found["tcpi_delivery_rate_app_limited"] = flags & 1
    found["tcpi_fastopen_client_fail"] = flags >> 1 & 3
    return found
