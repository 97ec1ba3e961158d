"""What a host lets an administrator choose about TCP; the names are Linux's where it has one."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TcpSettings"]

MS = 10**6
S = 10**9


@dataclass(slots=True)
class TcpSettings:
    """One host's TCP settings: by default what Linux does. Times are in nanoseconds, sizes in bytes.

    Buffers hold that much payload, half of what Linux's `tcp_rmem`, `tcp_wmem` and SO_RCVBUF
    say: its other half is for the books. They grow by themselves to their `max`.
    """

    congestion_control: str = "cubic"
    window_scaling: bool = True
    timestamps: bool = True
    sack: bool = True
    dsack: bool = True
    ecn: int = 2  # 0 never, 1 ask for it and agree to it, 2 agree only (RFC 3168)
    frto: bool = True
    rack: bool = True  # RFC 8985; without it RFC 6675's count of duplicates
    tlp: bool = True
    reordering: int = 3  # duplicates that mean a loss where RACK cannot be used
    slow_start_after_idle: bool = True
    send_buffer: int = 1 << 20
    send_buffer_max: int = 2 << 20
    receive_buffer: int = 65536
    receive_buffer_max: int = 3 << 20
    initial_window: int = 10  # segments (RFC 6928)
    rto_initial: int = 1 * S  # RFC 6298, 2.1
    rto_fallback: int = 3 * S  # RFC 6298, 5.7: after a SYN was lost
    rto_min: int = 200 * MS  # RFC 6298, 2.4 says 1 s; every deployed stack uses less
    rto_max: int = 120 * S
    syn_retries: int = 6  # 127 s in all
    synack_retries: int = 5
    retries_r1: int = 3  # R1 of RFC 9293, 3.8.3: then the path is doubted
    retries: int = 15  # R2 of RFC 9293, 3.8.3: about 15 minutes
    orphan_retries: int = 8
    max_orphans: int = 8192
    max_time_wait: int = 16384
    delayed_ack: int = 40 * MS  # RFC 9293, 3.8.6.3: at most 0.5 s
    quick_acks: int = 16  # segments acknowledged at once at the start, while the window opens
    time_wait: int = 60 * S  # 2 MSL
    fin_timeout: int = 60 * S  # FIN-WAIT-2 without a process
    keepalive_time: int = 7200 * S
    keepalive_interval: int = 75 * S
    keepalive_probes: int = 9
    syn_backlog: int = 4096
    syn_cookies: int = 1  # 0 never, 1 when the backlog is full, 2 always (RFC 4987)
    fast_open: int = 1  # 1 client, 2 server (RFC 7413)
    mtu_probing: int = 0  # 0 never, 1 after a black hole was found, 2 always (RFC 4821)
    base_mss: int = 1024  # where probing starts
    probe_floor: int = 48  # as far as a black hole lets segments shrink
    probe_threshold: int = 8  # bytes between what passes and what does not, when the search ends
    least_mss: int = 48  # of what segments carry, whatever peer and path say
    probe_interval: int = 600 * S  # between searches for a larger MSS
    invalid_ratelimit: int = 500 * MS  # between ACKs in answer to what does not fit, of one connection
    challenge_ack_limit: int = 1000  # such ACKs of the host in a second (RFC 5961, 7)
    rfc1337: bool = True  # a RST does not end TIME-WAIT

    def patience(self, first: int, retries: int) -> int:
        """How long `retries` retransmissions with exponential backoff from `first` take (RFC 9293, 3.8.3)."""
        return sum(min(first << step, self.rto_max) for step in range(retries + 1))
