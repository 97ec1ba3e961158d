"""What a host lets an administrator choose about TCP; the names are Linux's where it has one."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TcpSettings"]

MS = 10**6
S = 10**9


@dataclass(slots=True)
class TcpSettings:
    """One host's TCP settings. Times are in nanoseconds, sizes in bytes."""

    window_scaling: bool = True
    timestamps: bool = True
    send_buffer: int = 1 << 20
    receive_buffer: int = 1 << 20
    initial_window: int = 10  # segments (RFC 6928)
    rto_initial: int = 1 * S  # RFC 6298, 2.1
    rto_fallback: int = 3 * S  # RFC 6298, 5.7: after a SYN was lost
    rto_min: int = 200 * MS  # RFC 6298, 2.4 says 1 s; every deployed stack uses less
    rto_max: int = 120 * S
    syn_retries: int = 6  # 127 s in all
    synack_retries: int = 5
    retries: int = 15  # R2 of RFC 9293, 3.8.3: about 15 minutes
    orphan_retries: int = 8
    delayed_ack: int = 40 * MS  # RFC 9293, 3.8.6.3: at most 0.5 s
    time_wait: int = 60 * S  # 2 MSL
    fin_timeout: int = 60 * S  # FIN-WAIT-2 without a process
    keepalive_time: int = 7200 * S
    keepalive_interval: int = 75 * S
    keepalive_probes: int = 9
    syn_backlog: int = 4096
    invalid_ratelimit: int = 500 * MS  # between ACKs in answer to what does not fit

    def patience(self, first: int, retries: int) -> int:
        """How long `retries` retransmissions with exponential backoff from `first` take (RFC 9293, 3.8.3)."""
        return sum(min(first << step, self.rto_max) for step in range(retries + 1))
