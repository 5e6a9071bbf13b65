"""supervisord in the foreground: each line of output behind its process's name, each unexpected end told."""

import os
import signal
import sys
from pathlib import Path

from supervisor import events
from supervisor.medusa.asyncore_25 import ExitNow
from supervisor.options import ServerOptions
from supervisor.supervisord import Supervisor

NAME_WIDTH = 12
LONGEST_LINE_BYTES = 64 * 1024
COLOURS = (36, 33, 32, 35, 34, 96, 93)


class Foreground(Supervisor):  # type: ignore[misc]  # supervisor is not typed
    """The supervisor of one panel.

    A program's output comes through supervisord's own event of it, heard in this process: that costs no listener
    process and leaves the program's own pipes, process id and signals as they are.
    """

    def runforever(self) -> None:
        """Listen, then supervise until a signal asks for the end."""
        self.output = Output(sys.stdout.fileno(), is_coloured=sys.stdout.isatty())
        events.subscribe(events.ProcessLogStdoutEvent, self.print_output)
        for end in (events.ProcessStateExitedEvent, events.ProcessStateBackoffEvent, events.ProcessStateStoppedEvent):
            events.subscribe(end, self.end_of_process)
        events.subscribe(events.ProcessStateFatalEvent, self.print_fatal)
        wake = Wake()
        self.options.get_socket_map()[wake.fd] = wake
        super().runforever()

    def print_output(self, event: events.ProcessLogStdoutEvent) -> None:
        """Pass on what a program wrote."""
        self.output.write(event.process.config.name, event.data)

    def end_of_process(self, event: events.ProcessStateEvent) -> None:
        """End what a program left behind, and say so if it ended without being asked to.

        What the launcher started must live on.
        """
        config = event.process.config
        if config.killasgroup and event.process.pid:
            kill_group(event.process.pid)
        if config.autorestart and not isinstance(event, events.ProcessStateStoppedEvent):
            self.output.write("moorage", f"{config.name} ended unexpectedly and is started again\n".encode())

    def print_fatal(self, event: events.ProcessStateFatalEvent) -> None:
        """Say that a program is not started any more."""
        if not self.stopping:
            self.output.write("moorage", f"{event.process.config.name} could not be started; given up\n".encode())


class Wake:
    """Ends supervisord's wait for input as soon as a signal arrives; by itself it looks at signals once a second.

    The first wait, before any program is started, ends at once.

    It sits in supervisord's map of sockets, so it has the methods that are called there.
    """

    def __init__(self) -> None:
        self.fd, sender = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(sender, warn_on_full_buffer=False)
        os.write(sender, b"\0")

    def readable(self) -> bool:
        """Always waited for."""
        return True

    def writable(self) -> bool:
        """Never written to by supervisord."""
        return False

    def handle_read_event(self) -> None:
        """Forget which signals it were: supervisord's own handlers know."""
        os.read(self.fd, 4096)


class Output:
    """Lines of several programs on one file descriptor, whole and behind their program's name."""

    def __init__(self, fd: int, *, is_coloured: bool) -> None:
        self.fd = fd
        self.is_coloured = is_coloured
        self.rests: dict[str, bytes] = {}
        self.colours: dict[str, int] = {}

    def write(self, name: str, data: bytes) -> None:
        """Write the lines that are complete; keep the rest until its end arrives."""
        *lines, rest = (self.rests.get(name, b"") + data).split(b"\n")
        if len(rest) > LONGEST_LINE_BYTES:
            lines, rest = [*lines, rest], b""
        self.rests[name] = rest
        if lines:
            text = b"".join(self.prefix(name) + line + b"\n" for line in lines)
            while text:
                text = text[os.write(self.fd, text) :]

    def prefix(self, name: str) -> bytes:
        """The program's name as a column, in a colour of its own on a terminal."""
        label = f"{name:{NAME_WIDTH}} |"
        if self.is_coloured:
            colour = self.colours.setdefault(name, COLOURS[len(self.colours) % len(COLOURS)])
            label = f"\x1b[{colour}m{label}\x1b[0m"
        return f"{label} ".encode()


def kill_group(leader: int) -> None:
    """End every process of a group whose leader is gone; none left is fine."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def supervise(configuration: Path) -> None:
    """Run supervisord with this configuration file until SIGTERM, SIGINT or SIGQUIT; containers stay."""
    options = ServerOptions()
    options.realize(["-n", "-c", str(configuration)])
    options.first, options.test = True, False
    try:
        Foreground(options).main()
    except ExitNow:
        options.close_httpservers()
        options.close_logger()
