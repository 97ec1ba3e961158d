"""The services and protocols that programs name: what /etc/services and /etc/protocols say on a host.

A table of its own, so that a program finds the same on every machine. Ports are those
of the IANA registry of service names and port numbers.
"""

from __future__ import annotations

__all__ = ["port_of", "protocol_of", "service_of"]

# Name and aliases, port, protocols. Where a port has two entries, the first names it.
_TABLE = """
tcpmux 1 tcp
echo 7 tcp udp
discard,sink,null 9 tcp udp
systat,users 11 tcp
daytime 13 tcp udp
netstat 15 tcp
qotd,quote 17 tcp
chargen,ttytst,source 19 tcp udp
ftp-data 20 tcp
ftp 21 tcp
ssh 22 tcp
telnet 23 tcp
smtp,mail 25 tcp
time,timserver 37 tcp udp
whois,nicname 43 tcp
tacacs 49 tcp udp
domain 53 tcp udp
bootps 67 udp
bootpc 68 udp
tftp 69 udp
gopher 70 tcp
finger 79 tcp
http,www 80 tcp
kerberos,kerberos5,krb5,kerberos-sec 88 tcp udp
iso-tsap,tsap 102 tcp
acr-nema,dicom 104 tcp
pop3,pop-3 110 tcp
sunrpc,portmapper 111 tcp udp
auth,authentication,tap,ident 113 tcp
nntp,readnews,untp 119 tcp
ntp 123 udp
epmap,loc-srv 135 tcp
netbios-ns 137 udp
netbios-dgm 138 udp
netbios-ssn 139 tcp
imap2,imap 143 tcp
snmp 161 tcp udp
snmp-trap,snmptrap 162 tcp udp
cmip-man 163 tcp udp
xdmcp 177 udp
bgp 179 tcp
irc 194 tcp udp
smux 199 tcp
imap3 220 tcp
ldap 389 tcp udp
svrloc 427 tcp udp
https 443 tcp udp
snpp 444 tcp
microsoft-ds 445 tcp udp
kpasswd 464 tcp udp
submissions,ssmtp,smtps,urd 465 tcp
saft 487 tcp
isakmp 500 udp
exec 512 tcp
biff,comsat 512 udp
login 513 tcp
who,whod 513 udp
shell,cmd,syslog 514 tcp
syslog 514 udp
printer,spooler 515 tcp
talk 517 udp
ntalk 518 udp
route,router,routed 520 udp
gdomap 538 tcp udp
uucp,uucpd 540 tcp
klogin 543 tcp
kshell,krcmd 544 tcp
dhcpv6-client 546 udp
dhcpv6-server 547 udp
afpovertcp 548 tcp
rtsp 554 tcp udp
nntps,snntp 563 tcp
submission 587 tcp
nqs 607 tcp
asf-rmcp 623 udp
ipp 631 tcp
ldaps 636 tcp udp
ldp 646 tcp udp
domain-s 853 tcp udp
rsync 873 tcp
ftps-data 989 tcp
ftps 990 tcp
telnets 992 tcp
imaps 993 tcp
pop3s 995 tcp
socks 1080 tcp
openvpn 1194 tcp udp
ms-sql-s 1433 tcp
ms-sql-m 1434 udp
l2f,l2tp 1701 udp
radius 1812 udp
radius-acct,radacct 1813 udp
nfs 2049 tcp udp
gris 2135 tcp
cvspserver 2401 tcp
iscsi-target 3260 tcp
mysql 3306 tcp
ms-wbt-server 3389 tcp
nut,ups 3493 tcp udp
svn,subversion 3690 tcp
epmd 4369 tcp
ipsec-nat-t 4500 udp
iax 4569 udp
sip 5060 tcp udp
sip-tls 5061 tcp udp
xmpp-client,jabber-client 5222 tcp
xmpp-server,jabber-server 5269 tcp
mdns 5353 udp
postgresql,postgres 5432 tcp
amqps 5671 tcp
amqp 5672 tcp udp sctp
x11,x11-0 6000 tcp
redis 6379 tcp
ircd 6667 tcp
ircs-u 6697 tcp
git 9418 tcp
http-alt,webcache 8080 tcp udp
"""

# Numbers of the IANA registry of protocol numbers.
_PROTOCOLS = {
    "ip": 0, "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": 6, "egp": 8, "igp": 9,
    "pup": 12, "udp": 17, "hmp": 20, "xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36,
    "ddp": 37, "idpr-cmtp": 38, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46,
    "gre": 47, "esp": 50, "ah": 51, "skip": 57, "ipv6-icmp": 58, "ipv6-nonxt": 59, "ipv6-opts": 60,
    "rspf": 73, "vmtp": 81, "eigrp": 88, "ospf": 89, "ax.25": 93, "ipip": 94, "etherip": 97,
    "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132,
    "fc": 133, "mobility-header": 135, "udplite": 136, "mpls-in-ip": 137, "manet": 138, "hip": 139,
    "shim6": 140, "wesp": 141, "rohc": 142, "ethernet": 143,
}  # fmt: skip

_ports: dict[tuple[str, str], int] = {}
_names: dict[tuple[int, str], str] = {}
for _line in _TABLE.split("\n"):
    if _line:
        _called, _port, *_spoken = _line.split()
        for _protocol in _spoken:
            _names.setdefault((int(_port), _protocol), _called.split(",")[0])
            for _name in _called.split(","):
                _ports.setdefault((_name, _protocol), int(_port))
_ANY = ("tcp", "udp", "sctp")


def port_of(service: str, protocol: str | None = None) -> int | None:
    """The port of a service over a protocol, or over the first that has it; None if it is not known."""
    for each in _ANY if protocol is None else (protocol,):
        port = _ports.get((service, each))
        if port is not None:
            return port
    return None


def service_of(port: int, protocol: str | None = None) -> str | None:
    """The name of a port over a protocol, or over the first that has it; None if it has none."""
    for each in _ANY if protocol is None else (protocol,):
        name = _names.get((port, each))
        if name is not None:
            return name
    return None


def protocol_of(name: str) -> int | None:
    """The number of an IP protocol by its name, in small letters or as the registry has it."""
    return _PROTOCOLS.get(name.lower())
