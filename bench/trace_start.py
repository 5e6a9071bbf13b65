"""Where the time of a start goes: `python -m bench.trace_start`, by the moments at which it makes a few of its calls.

strace stops the processes at these calls only, which makes a start a millisecond or two longer; shares count, not sums.
Engine and birth work at the same time: the way of the one is told, then that of the other.
"""

import itertools
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.host import host, spec_of
from bench.programs import compile_static, rootfs_tar

STARTS = 40
QUIET_S = 0.05
MARK = "/moorage-bench-start"
TRACED = (
    "access,sendmsg,recvmsg,open_tree,setns,pipe2,clone3,rt_sigaction,setsid,pivot_root,umask,sethostname,seccomp,execve,"
    "set_tid_address"
)
_LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)")


@dataclass(frozen=True)
class Call:
    """A line of the trace: who made the call, seconds since 1970, and the call as strace writes it."""

    pid: int
    at_s: float
    text: str


Way = Sequence[tuple[str, str]]
"""What ends with a call, and how the line of that call begins, in order; the first is where the way begins."""

ENGINE: Way = (
    ("", f'access("{MARK}"'),
    ("engine: lock and records read, plan sent", 'sendmsg(.*"start"'),
    ("engine: record of the start written, control groups made", 'sendmsg(.*"go"'),
)
BIRTH: Way = (
    ("", f'access("{MARK}"'),
    ("engine and launcher: plan on its way, read, locks taken", "open_tree("),
    ("birth: root with shifted ids", "setns(.*NEWNS"),
    ("birth: files of /etc", "pipe2("),
    ("birth: pipes", "setns(.*NEWUSER"),
    ("birth: namespaces entered, groups waited for", "clone3("),
    ("clone into new pid and mount namespace", "rt_sigaction(SIGPIPE"),
    ("first process: control groups joined", "setsid("),
    ("first process: own mounts, new root", "pivot_root("),
    ("first process: mounts, masks", "umask(022"),
    ("first process: old root gone", "sethostname("),
    ("first process: rights dropped", "seccomp("),
    ("first process: filter", "execve("),
    ("execve, up to the first thing its C library does", "set_tid_address("),
)


def main() -> None:
    """Trace some starts and print how long each part took."""
    with tempfile.TemporaryDirectory(prefix="mb-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        out = Path(folder, "trace")
        inner = [sys.executable, "-m", "bench.trace_start", folder]
        strace = ["strace", "-f", "--seccomp-bpf", "-ttt", "-s", "16", "-e", f"trace={TRACED}", "-o", str(out)]
        subprocess.run([*strace, *inner], check=True, stderr=subprocess.DEVNULL)
        traces = [list(trace) for trace in starts(parse(out.read_text()))]
    for way in (ENGINE, BIRTH):
        parts = [times for trace in traces if (times := follow(trace, way))]
        print(f"\n  median   least  ms, {len(parts)} starts")
        for (what, _), took in zip(way[1:], zip(*parts, strict=True), strict=True):
            print(f"{statistics.median(took):8.2f}{min(took):8.2f}  {what}")


def parse(trace: str) -> Iterator[Call]:
    """The trace line by line."""
    for line in trace.splitlines():
        if found := _LINE.match(line):
            yield Call(int(found[1]), float(found[2]), found[3])


def starts(calls: Iterator[Call]) -> Iterator[list[Call]]:
    """From each mark to the next."""
    trace: list[Call] = []
    for call in calls:
        if MARK in call.text:
            yield trace
            trace = []
        trace.append(call)
    yield trace


def follow(trace: list[Call], way: Way) -> list[float]:
    """Milliseconds of each part; nothing for what is no whole start."""
    times, left = [], iter(trace)
    for _, begins in way:
        name, _, inside = begins.partition(".*")
        found = next((call for call in left if call.text.startswith(name) and inside in call.text), None)
        if found is None:
            return []
        times.append(found.at_s)
    return [(later - earlier) * 1000 for earlier, later in itertools.pairwise(times)]


def start_some(folder: Path) -> None:
    """What is traced: starts of a program that ends at once, each behind a mark."""
    program = compile_static("stamp", folder)
    with host(folder) as engine:
        image = engine.import_rootfs(rootfs_tar(program), reference="stamp:bench")
        container = secrets.token_hex(32)
        engine.create(container, spec_of(image, "stamp", "/stamp"))
        for _ in range(STARTS):
            time.sleep(QUIET_S)
            os.access(MARK, os.F_OK)
            engine.start(container)
            engine.wait(container)


if __name__ == "__main__":
    start_some(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
