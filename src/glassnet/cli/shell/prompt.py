"""The prompt: reads command lines, runs what they ask for on a host, and shows what comes of it."""

from __future__ import annotations

import argparse
import cmd
import shlex
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any

from rich.console import Console

from glassnet.cli.screen import Screen
from glassnet.cli.shell import dig, get, ping, ss, sysctl, traceroute
from glassnet.cli.shell.console import PythonConsole
from glassnet.cli.shell.ip import ip
from glassnet.cli.shell.watch import Watch
from glassnet.cli.voices import Line
from glassnet.engine.quantity import duration
from glassnet.errors import GlassnetError
from glassnet.host.interpreter import Interpreter
from glassnet.host.interrupts import orderly
from glassnet.host.process import Process
from glassnet.lab.output import Said
from glassnet.lab.problems import suggestion
from glassnet.lab.session import Session
from glassnet.topology.host import Host

__all__ = ["Prompt"]

_CLEANING_UP = 5 * 10**9


class Prompt(cmd.Cmd):
    """A prompt on one host of a running lab. `status` is how the last command ended."""

    doc_header = "Commands (help COMMAND tells more):"
    use_rawinput = True

    def __init__(
        self, session: Session, host: str, console: Console, labels: dict[tuple[str, str], str]
    ) -> None:
        super().__init__()
        self.session = session
        self.network = session.network
        self.host: Host = self.network.hosts[host]
        self.status = 0
        self._console = console
        self._labels = labels
        self._screen = Screen(console, self.network, dict.fromkeys(labels.values(), "cyan"))
        self._python: dict[str, PythonConsole] = {}
        self._set_prompt()

    def _set_prompt(self) -> None:
        self.prompt = f"{self.host.name} {self.network.now:.3f} s> "

    # What is shown

    def tell(self, said: Said) -> None:
        """Show a line: a tool's own as it is, a program's with time and host."""
        label = self._labels.get((said.host, said.program))
        if label is None:
            self._show(said.text)
        else:
            self._screen.tell(Line(said.time, label, said.text, said.error))

    def _show(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._show(line)

    # Running

    def onecmd(self, line: str) -> bool:
        """Run one line. What a user does wrong is told, and ends nothing."""
        self.status = 0
        try:
            return bool(super().onecmd(line))
        except (GlassnetError, ValueError, OSError) as error:
            self._fail(str(error))
        except SystemExit as leaving:  # argparse has said what it had to say
            self.status = leaving.code if isinstance(leaving.code, int) else 1
        except KeyboardInterrupt:
            self._fail("interrupted", 130)
        finally:
            self._set_prompt()
        return False

    def postcmd(self, stop: bool, line: str) -> bool:
        """Where the prompt stands now."""
        self._set_prompt()
        return stop

    def emptyline(self) -> bool:
        """Nothing: an empty line does not repeat the last command."""
        return False

    def default(self, line: str) -> None:
        """Say that there is no such command."""
        if line == "EOF":
            return
        known = [name[3:] for name in self.get_names() if name.startswith("do_")]
        self._fail(f"{line.split()[0]}: no such command{suggestion(line.split()[0], known)}", 127)

    def _fail(self, what: str, status: int = 1) -> None:
        self.status = status
        self._show(what)

    def settle(self) -> None:
        """Let happen what is due now."""
        self.advance(0)

    def advance(self, nanoseconds: int) -> None:
        """Let the network go on for so long."""
        engine = self.network.engine
        until = engine.now + nanoseconds
        with orderly(engine) as interrupts:
            while engine.run(until) and engine.now < until and not interrupts.asked:
                pass  # the end of a program pauses the engine: go on

    def run(self, tool: Callable[..., int], *arguments: Any) -> None:
        """Run a tool on the host, as a program of its own."""
        name = tool.__name__
        process = self.host.system.start(_guarded, tool, arguments, name=name)
        output = self.session.output
        process.interpreter = Interpreter(
            (name, *map(str, arguments)),
            self.session.folder,
            output.stream(process, error=False),
            output.stream(process, error=True),
            {},
        )
        process.on_exit.append(lambda: output.finish(process))
        process.on_exit.append(self.network.pause)
        try:
            if not self.run_until(lambda: not process.alive):
                self.tell_waiting(process)
        except KeyboardInterrupt:
            if process.alive:
                process.send_signal(signal.SIGINT)
                self.advance(_CLEANING_UP)
            self.status = 130
        finally:
            if process.alive:
                process.kill()
            output.drain()
        if not self.status:
            self.status = process.returncode or 0

    def run_until(self, done: Callable[[], bool]) -> bool:
        """Run the network until `done()`; False if nothing is left to happen before."""
        engine = self.network.engine
        with orderly(engine) as interrupts:
            while not done() and not interrupts.asked:
                if not engine.run():
                    return done()
        return True

    def tell_waiting(self, process: Process) -> None:
        """Say that a process waits for what cannot happen, and end it."""
        self._fail(f"nothing is left to happen, and {process.name} waits: {process.main.describe()}")
        process.kill()
        self.settle()

    # Tools

    def do_ping(self, line: str) -> None:
        """ping [-c COUNT] [-i SECONDS] [-s SIZE] [-t TTL] [-W SECONDS] [-4|-6] HOST"""
        self.run(ping.ping, *_words(ping.parser(), line))

    def do_traceroute(self, line: str) -> None:
        """traceroute [-m HOPS] [-q PROBES] [-w SECONDS] [-n] [-4|-6] HOST"""
        self.run(traceroute.traceroute, *_words(traceroute.parser(), line))

    def do_get(self, line: str) -> None:
        """get [-i] [-v] [-X METHOD] [-d DATA] [-H HEADER] [-k] [-L] URL"""
        self.run(get.get, *_words(get.parser(), line))

    def do_dig(self, line: str) -> None:
        """dig [@SERVER] NAME [TYPE] [+short] [+tcp], or dig -x ADDRESS"""
        servers = [str(server) for server in self.host.system.resolv.nameservers]

        def dig_(*words: str) -> int:
            return dig.dig(servers, *words)

        dig_.__name__ = "dig"
        self.run(dig_, *_words(dig.parser(), line))

    def do_ip(self, line: str) -> None:
        """ip [-4|-6] addr|link|route|neigh [INTERFACE]"""
        self._lines(ip(self.host, shlex.split(line)))

    def do_ss(self, line: str) -> None:
        """ss [-t] [-u] [-l] [-a] [-p]: sockets; without -l or -a those that are connected"""
        self._lines(ss.ss(self.host, ss.parser().parse_args(shlex.split(line))))

    def do_sysctl(self, line: str) -> None:
        """sysctl [-a] [-q] [NAME[=VALUE]]...: TCP settings, as net.ipv4.tcp_sack=0"""
        self._lines(sysctl.sysctl(self.host, sysctl.parser().parse_args(shlex.split(line))))

    def do_watch(self, line: str) -> None:
        """watch [5s|10] [FILTER] [-- COMMAND]: show frames at this host's interfaces.

        For so long, for so many frames, or while a command runs:
        watch 5s tcp port 80      watch 10 icmp      watch -- ping -c 1 server
        A filter has arp, ip, ip6, icmp, icmp6, tcp, udp, host NAME, port NUMBER, and, or, not.
        """
        before, dashes, command = line.partition("--")
        with Watch(self.host, shlex.split(before), self._addresses_of, self._show) as watch:
            if dashes:
                self.onecmd(command.strip())
            elif watch.length is not None:
                self.advance(watch.length)
            elif watch.count is not None:
                engine = self.network.engine
                with orderly(engine):
                    while watch.count > 0 and engine.run():
                        pass
            else:
                raise ValueError("watch: for how long? As in: watch 5s, watch 10, or watch -- ping server")
        self._show(f"{watch.seen} frames")

    def _addresses_of(self, name: str) -> tuple[bytes, ...]:
        with suppress(ValueError):
            return (ip_address(name).packed,)
        return self.host.hosts.addresses(name) or self.network.names.addresses(name)

    def do_python(self, line: str) -> None:
        """python [STATEMENT]: run Python on this host; without a statement, until Ctrl-D or exit()"""
        if line.startswith(("-c ", "-m ")) or line.partition(" ")[0].endswith(".py"):
            raise ValueError(
                "python takes a statement, as in: python 1 + 1; "
                "a program is started by the lab file (run = ...)"
            )
        console = self._python.get(self.host.name)
        if console is None or not console.alive:
            console = self._python[self.host.name] = PythonConsole(self)
        if line:
            console.feed(line)
        else:
            console.interact()
        self.status = console.status

    # The lab

    def do_wait(self, line: str) -> None:
        """wait 5s: let the network go on for so long"""
        self.advance(duration(line.strip()))

    def do_run(self, line: str) -> None:
        """run for 5s: the same as wait 5s"""
        word, _, length = line.partition(" ")
        if word != "for":
            raise ValueError("usage: run for 5s")
        self.do_wait(length)

    def do_hosts(self, line: str) -> None:
        """hosts: the hosts, their state, addresses and programs"""
        width = max(map(len, self.network.hosts))
        for host in self.network.hosts.values():
            programs = ", ".join(process.name for process in host.system.processes.values())
            text = f"{host.name:{width}}  {host.state:8}  {', '.join(host.addresses)}"
            self._show(f"{text}  {programs}".rstrip())

    def do_on(self, line: str) -> None:
        """on HOST [COMMAND]: go to another host, or run one command there"""
        name, _, command = line.strip().partition(" ")
        host = self.network.hosts.get(name)
        if host is None:
            raise ValueError(f"on: there is no host {name!r}{suggestion(name, self.network.hosts)}")
        here, self.host = self.host, host
        if command:
            try:
                self.onecmd(command)
            finally:
                self.host = here

    def do_events(self, line: str) -> None:
        """events: what the lab file lets happen, and when"""
        for event in self.session.lab.events:
            done = "done" if event.at < self.network.engine.now else "due"
            self._show(f"{event.at / 1e9:10.6f}  {done:4}  {event.action} {', '.join(event.targets)}")

    def do_cut(self, line: str) -> None:
        """cut CABLE: cut a cable, or all of a LAN"""
        for cable in self.session.cables(line.strip()):
            cable.cut()

    def do_mend(self, line: str) -> None:
        """mend CABLE: mend what was cut"""
        for cable in self.session.cables(line.strip()):
            cable.mend()

    def do_exit(self, line: str) -> bool:
        """exit: leave (Ctrl-D as well)"""
        return True

    do_quit = do_exit

    def do_EOF(self, line: str) -> bool:  # the name that cmd gives it
        """Ctrl-D: leave"""
        if sys.stdin.isatty():
            self._show("")
        return True


def _words(parser: argparse.ArgumentParser, line: str) -> list[str]:
    """The words of a line, which `parser` takes; it leaves with SystemExit for those that it does not."""
    words = shlex.split(line)
    parser.parse_args(words)
    return words


def _guarded(tool: Callable[..., int], arguments: tuple[Any, ...]) -> None:
    """Run a tool; what goes wrong on the network is told in one line, as tools do."""
    try:
        sys.exit(tool(*arguments))
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        print(f"{tool.__name__}: {what}", file=sys.stderr)
        sys.exit(1)
