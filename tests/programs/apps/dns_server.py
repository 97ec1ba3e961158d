"""A small name server over UDP and TCP, which can be told to misbehave for some names."""

from __future__ import annotations

import socket
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset

LONGEST_CHAIN = 20


def parse(lines):
    """Records by name and type, of lines such as `www.example. A 192.0.2.1`."""
    records = {}
    for line in lines.splitlines():
        if line.strip():
            name, kind, text = line.split(None, 2)
            kind = dns.rdatatype.from_text(kind)
            data = dns.rdata.from_text(dns.rdataclass.IN, kind, text)
            records.setdefault(dns.name.from_text(name), {}).setdefault(kind, []).append(data)
    return records


class Server:
    """Answers from `records`; `faults` says for which names, in text with their final dot, it does what."""

    def __init__(self, lines, faults=None):
        self.records = parse(lines)
        self.faults = faults or {}
        self.log = []
        self.seen = {}

    def answer(self, wire, over):
        """The answers to send to a query: usually one."""
        query = dns.message.from_wire(wire)
        [question] = query.question
        kind = dns.rdatatype.to_text(question.rdtype)
        self.log.append((over, question.name.to_text(), kind))
        fault = self.faults.get(question.name.to_text())
        if isinstance(fault, dict):
            fault = fault.get(kind)
        count = self.seen[question.name, kind, over] = self.seen.get((question.name, kind, over), 0) + 1
        if fault == "silent" or (fault == "silent at first" and count == 1):
            return []
        if isinstance(fault, bytes):
            return [wire[:2] + fault]
        if fault == "wrong questions":
            other = dns.message.make_query("wrong.example.", question.rdtype, id=query.id)
            forged = dns.message.make_response(other)
            forged.answer.append(dns.rrset.from_text("wrong.example.", 60, "IN", "A", "192.0.2.66"))
            return [forged.to_wire(), self.reply(query).to_wire()]
        reply = self.reply(query)
        if fault == "wrong ids":
            data = reply.to_wire(want_shuffle=False)
            return [struct.pack("!H", query.id ^ 0x5555) + data[2:], data]
        if fault == "a query back":
            return [wire, reply.to_wire(want_shuffle=False)]
        if fault == "loop":
            names = [question.name, dns.name.from_text("loop.example.")]
            reply.answer = [
                dns.rrset.from_text(one, 60, "IN", "CNAME", other.to_text())
                for one, other in (names, names[::-1])
            ]
        elif fault in ("SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"):
            reply.answer.clear()
            reply.set_rcode(dns.rcode.from_text(fault))
        elif over == "UDP" and (fault == "truncated" or len(reply.to_wire(want_shuffle=False)) > 512):
            reply.answer.clear()
            reply.flags |= dns.flags.TC
        return [reply.to_wire(want_shuffle=False)]

    def reply(self, query):
        """What the records say."""
        [question] = query.question
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA | dns.flags.AA
        name = question.name
        for _ in range(LONGEST_CHAIN):
            held = self.records.get(name)
            if held is None:
                if not any(other.is_subdomain(name) for other in self.records):
                    reply.set_rcode(dns.rcode.NXDOMAIN)
                break
            kind = question.rdtype if question.rdtype in held else dns.rdatatype.CNAME
            if kind in held:
                reply.answer.append(dns.rrset.from_rdata_list(name, 60, held[kind]))
            if kind == question.rdtype or kind not in held:
                break
            name = held[kind][0].target
        return reply

    def serve_udp(self, server):
        """Answer datagrams for ever."""
        while True:
            wire, peer = server.recvfrom(65535)
            for answer in self.answer(wire, "UDP"):
                server.sendto(answer, peer)

    def serve_tcp(self, server):
        """Answer over connections for ever, one after the other."""
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as stream:
                while len(prefix := stream.read(2)) == 2:
                    wire = stream.read(struct.unpack("!H", prefix)[0])
                    for answer in self.answer(wire, "TCP"):
                        connection.sendall(struct.pack("!H", len(answer)) + answer)

    def run(self, family=socket.AF_INET, address="", port=53):
        """Serve both ways."""
        with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family) as tcp:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for each in (udp, tcp):
                each.bind((address, port))
            tcp.listen()
            threading.Thread(target=self.serve_tcp, args=(tcp,), daemon=True).start()
            self.serve_udp(udp)
