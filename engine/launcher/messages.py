"""Every step of the handshake between engine, launcher, shim and the container's first process, by name.

    launcher  ── fork ──▶ shim ── fork ──▶ birth      (both stand ready)
    engine    ── START, with the plan's memfd and the shim's lock ──▶ launcher
    launcher  ── START, with these and the engine's socket ──▶ birth      (which mounts the root meanwhile)
    engine    ── GO ──▶ birth      (control groups and the record of the start are there)
    birth     ── clone ──▶ first process
    process   ── CONSOLE, with the terminal's master ──▶ birth      (terminal mode only)
    process   ── HOOKS phase pid old-root ──▶ birth ──▶ helper      (only where a bundle has hooks)
    helper    ── GO or FAILED ──▶ birth ── GO ──▶ process
    process   ── FAILED syscall errno path ──▶ birth, or the socket just closes at execve: it runs
    birth     ── ADOPT ──▶ shim ── GO ──▶ birth      (where another runtime leaves the first process behind)
    birth     ── HOLD pid kinds, with plan, pidfd, log and id locks and streams ──▶ launcher  (and records it)
    birth     ── STARTED pid kinds care, with plan, shim lock, root, pidfd, log and id locks, streams ──▶ shim
    birth     ── STARTED pid, FAILED or OTHER_VERSION ──▶ engine  (and ends: the first process is now the shim's child)
    launcher  ── EXITED status ──▶ shim      (only to one that took over from a killed shim)
    shim      ── DONE ──▶ launcher

When the restart policy wants another run, the shim of the run that ended is what the engine was: it sends START, with
plan, shim lock and log lock, then GO, and is not DONE before it has heard STARTED. So the locks are never open.

Streams are the shim's ends of the program's input and output, `kinds` a letter for each: see `STDIN` and the following.

Whoever wants to write to a program's input, or to size its terminal, asks the launcher, which has copies of them all:

    engine    ── ATTACH pid, `keep` or `take` ──▶ launcher
    launcher  ── ATTACHED, with the terminal's master or the input's end if there is one, or UNKNOWN ──▶ engine
    launcher  ── TAKEN ──▶ shim      (the input's only end was given away: when that closes, the input has ended)

And for one more program in a container that runs:

    engine    ── EXEC, with the entry's memfd, a pidfd of the first process and the program's ends ──▶ launcher
    launcher  ── fork ──▶ exec shim      (once there was a first, the next stands ready)
    launcher  ── EXEC, with the same and the engine's socket ──▶ exec shim ── clone ──▶ program's process, or entering
    entering  ── clone ──▶ program's process, a child of the exec shim
    entering  ── BORN pid, with pidfd ──▶ exec shim      (and ends)
    exec shim ── HOLD_EXEC pid, with entry, both pidfds and the engine's socket ──▶ launcher
    exec shim ── GO ──▶ process
    process   ── CONSOLE or FAILED, as above, or the socket just closes at execve ──▶ exec shim
    exec shim ── STARTED pid, with the terminal's master, or FAILED ──▶ engine
    exec shim ── EXITED status ──▶ engine, when the program has ended
    exec shim ── DONE ──▶ launcher

Code of two versions meets after an update: shims outlive it. What is packed says with which version it was; the rest of
the handshake stays as it is, and grows at the end of a message only. A plan of another version still says for which
run of which container it is (`Turn`), and `understand` takes the plan that the engine compiled anew for that. Where
there is none yet the answer is OTHER_VERSION: the shim tries again until there is, the engine raises
LauncherUnavailable.

Messages travel on SOCK_SEQPACKET sockets: one word, then fields, separated by NUL bytes. A plan is marshalled, not
written as JSON: both ends are root on one host, and every page of memory that a decoder in Python touches is paid for
once per container.
"""

from __future__ import annotations

import marshal
import os

from engine.launcher.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

START, GO, HOLD, PING = b"start", b"go", b"hold", b"ping"
STARTED, FAILED, PONG = b"started", b"failed", b"pong"
CONSOLE, EXITED, DONE, ADOPT, HOOKS = b"console", b"exited", b"done", b"adopt", b"hooks"
ATTACH, ATTACHED, UNKNOWN, TAKEN = b"attach", b"attached", b"unknown", b"taken"
EXEC, BORN, HOLD_EXEC = b"exec", b"born", b"hold-exec"
OTHER_VERSION = b"other-version"

VERSION = 5
"""Of all that is packed here, and of what steps and settings named in it mean; one more whenever something changes."""

COMPILED = "compiled"
"""The file in a container's folder that holds what it was made from, a packed plan, and more, marshalled as a tuple."""


STDIN, STDOUT, STDERR, TERMINAL = "0", "1", "2", "t"
"""Kinds of streams. A terminal is input and output in one."""


class Process(NamedTuple):
    """What is executed, as whom, with which rights; capability sets are bit masks, rlimits `(number, soft, hard)`.

    `terminal_size` is rows and columns. `settings` are what else is set of the process before it loses its rights, each
    `[name, *arguments]` of a function in `program.py`'s `SETTINGS`. `filter_flags` are seccomp(2)'s. The program
    inherits `preserved_fds` descriptors above stderr.
    """

    args: list[str]
    env: list[str]
    cwd: str
    uid: int
    gid: int
    groups: list[int]
    rlimits: list[list[int]]
    bounding: int
    effective: int
    permitted: int
    inheritable: int
    last_cap: int
    no_new_privileges: bool
    oom_score_adj: int | None
    is_terminal: bool
    terminal_size: list[int]
    ambient: int
    settings: list[list[Any]]
    filter_flags: int
    preserved_fds: int


class Root(NamedTuple):
    """What the root is made of: an overlay of the layers `lower` (top-most first), all of them somewhere in `layers`.

    `folder` holds its `upper` and `work`, and the empty `rootfs` it is attached at. Without `folder` the root is the
    one folder `lower` names and everything mounted within; `propagation` is how its mounts are cut off from the host's
    (`MS_PRIVATE`, `MS_SLAVE`). `by_context` says how the kernel wants an overlay described (`engine/sys/overlay.py`).
    `has_quota`: what is written must count against the quota of the file system below.
    """

    lower: list[str]
    layers: str
    folder: str
    by_context: bool
    propagation: int
    has_quota: bool


class Birth(NamedTuple):
    """All the first process needs, and forgets at execve.

    `rootfs` is the folder where the root is attached. `steps` is the list of things to do in it before the old one
    goes, each `[name, *arguments]` of a function in `steps.py`. `join` are files that the process writes `0` to
    (cgroup v1 `tasks`), `unshare` is CLONE_NEWCGROUP if it is to see those groups as roots, or 0. `seccomp` is the
    filter program, empty for none.
    """

    rootfs: str
    machine: str
    hostname: str
    steps: list[list[Any]]
    join: list[str]
    unshare: int
    process: Process
    seccomp: bytes


class Turn(NamedTuple):
    """What of a plan every version can read: the container's folder, and what tells one run from the next."""

    folder: str
    run: int
    restarts: int
    restart_ms: int
    oom_kills: int


class Plan(NamedTuple):
    """All a shim needs for one run of a container, computed beforehand by the engine.

    `root` is how the root is mounted. `cgroup_v2` is the folder the first process is cloned into, which belongs to root
    inside where the plan `delegates_group`; `cgroups` are those removed at the end, `oom_file` counts `oom_kill`,
    `memory_limits` are files that `room.make` takes,
    `evidence` is what is kept of the groups (`certificate.gather`).
    `opens_stdin` says whether standard input is a pipe rather than /dev/null, `log` how output is kept
    (`engine/logs/opening.py`).
    `restarts` counts the runs that the restart policy brought, `restart_ms` is how long it waited before this one, and
    `oom_kills` what `oom_file` said by then. `sources` are what of the host is mounted inside, opened while still
    outside: each `[path, subpath, is_recursive, changes]`, where `subpath` is resolved without leaving `path` (for an
    image, the list of its layers, top-most first), and a change is `[attr_set, attr_clr, propagation, is_recursive]` of
    mount_setattr(2); one with maps of its own has three items more: `uid_map`, `gid_map`, and whether they count
    within. A step names one by its place in the list.
    `devices` are nodes to make in the `/dev` that stands ready, as `sandbox.add_device` takes them.
    `joins` are namespaces of others, each `[CLONE_NEW*, place]`, the place being a namespace's file or the folder of a
    container; a user namespace comes first. `endpoints` are its places in networks, each `[bridge, mtu, mac,
    is_isolated, has_hairpin, alias, messages]`: whose port its outer end becomes, what is said of that, and what is
    sent inside, as `engine/sys/netlink.py` makes it; `unpublish` takes its ports back (`engine/sys/nfnetlink.py`).
    `time_offsets` are lines for a new time namespace's clocks, `None` for no such namespace. `deadline` is when its
    time to live is over, seconds since 1970, 0 for never. `care` is a packed `Care`, empty for a container that needs
    none. `other_runtime` is the command that runs it in place of this engine, empty for none. `hooks` are those of
    `hook_forms.py`, packed, empty for none. `birth` is a packed `Birth`: opened by the first process only, so the shim
    stays small.
    """

    id: str
    run: int
    folder: str
    observed: str
    clone_flags: int
    is_terminal: bool
    opens_stdin: bool
    search_path: str
    cgroup_v2: str
    delegates_group: bool
    cgroups: list[str]
    oom_file: str
    memory_limits: list[str]
    evidence: list[list[str]]
    restarts: int
    restart_ms: int
    oom_kills: int
    log: list[Any]
    root: Root
    sources: list[list[Any]]
    devices: list[list[Any]]
    joins: list[list[Any]]
    endpoints: list[list[Any]]
    unpublish: list[bytes]
    time_offsets: str | None
    deadline: float
    care: bytes
    other_runtime: list[str]
    hooks: bytes
    birth: bytes


class Check(NamedTuple):
    """How often a container's health is looked at; see `engine.spec.life.HealthCheck`."""

    interval_s: float
    timeout_s: float
    retries: int
    start_period_s: float
    start_interval_s: float


class Care(NamedTuple):
    """What a shim does beside guarding, and how it ends the container if it has to: `stop_signal` and its name.

    `check` is None for a container whose health is not looked at, else `entry` is the packed `Entry` of its check;
    `restarts_unhealthy` says that it is ended when it is unhealthy, to be started again.
    """

    stop_signal: int
    stop_signal_name: str
    stop_timeout_s: float
    restarts_unhealthy: bool
    check: Check | None
    entry: bytes


class Way(NamedTuple):
    """All the entering process needs to become one more program in a container.

    `namespaces` are the CLONE_NEW* flags of those that the container has of its own, a user namespace aside, which
    `has_user_namespace` tells. `join` are files that the program's process writes `0` to (cgroup v1 `tasks`).
    `attached` says which of standard input, output and error are among the descriptors sent along; the others are the
    container's /dev/null. `drops_late` is true where rights can be dropped only in the process that is seen inside: the
    filter forbids clone(2), or a setting takes a /proc with it in.
    """

    machine: str
    namespaces: int
    has_user_namespace: bool
    join: list[str]
    attached: list[bool]
    process: Process
    seccomp: bytes
    drops_late: bool


class Entry(NamedTuple):
    """One more program in a container, computed beforehand by the engine.

    `folder` is where its records go, `boot` the id of this boot for them, `cgroup_v2` the folder of the group that the
    entering process is cloned into. `way` is a packed `Way`.
    """

    folder: str
    boot: str
    search_path: str
    cgroup_v2: str
    way: bytes


_ROOT = Plan._fields.index("root")
_PROCESS = Way._fields.index("process")
_CHECK = Care._fields.index("check")

MAXIMUM_MESSAGE = 65536
"""Bytes; anything longer (a plan) travels in a memfd beside the message."""


class OtherVersion(Exception):
    """What was packed cannot be read by this version; `place` is the folder it is about."""

    def __init__(self, version: int, place: str) -> None:
        super().__init__(f"packed by version {version}, which is not {VERSION}: {place}")
        self.place = place


def pack_birth(birth: Birth) -> bytes:
    """What `unpack_birth` takes."""
    *fields, process, seccomp = birth
    parts: tuple[Any, ...] = (*fields, tuple(process), seccomp)
    return marshal.dumps(parts)


def unpack_birth(data: bytes) -> Birth:
    """What `pack_birth` was given."""
    *fields, process, seccomp = marshal.loads(data)  # noqa: S302 - written by root on this host, see above
    return Birth(*fields, Process(*process), seccomp)  # type: ignore[call-arg] # the number of fields is the writer's


def pack_plan(plan: Plan) -> bytes:
    """What `unpack_plan` takes."""
    turn = (plan.folder, plan.run, plan.restarts, plan.restart_ms, plan.oom_kills)
    return marshal.dumps((VERSION, turn, (*plan[:_ROOT], tuple(plan.root), *plan[_ROOT + 1 :])))


def unpack_plan(data: bytes) -> Plan:
    """What `pack_plan` was given. Raises OtherVersion."""
    version, turn, fields = marshal.loads(data)  # noqa: S302 - as above
    if version != VERSION:
        raise OtherVersion(version, turn[0])
    return Plan(*fields[:_ROOT], Root(*fields[_ROOT]), *fields[_ROOT + 1 :])  # type: ignore[call-arg] # as above


def write_plan(plan: Plan) -> int:
    """A memfd that holds the plan. The caller closes it."""
    return _write("plan", pack_plan(plan))


def read_plan(fd: int) -> Plan:
    """What `write_plan` wrote. Raises OtherVersion."""
    return unpack_plan(_read(fd))


def understand(fd: int) -> tuple[Plan, int]:
    """The plan in a memfd of any version, and a memfd of this one. Raises OtherVersion until there is such a plan."""
    try:
        return read_plan(fd), fd
    except OtherVersion:
        plan = _compiled_anew(Turn(*marshal.loads(_read(fd))[1]))  # noqa: S302 - as above
    return plan, write_plan(plan)


def _compiled_anew(turn: Turn) -> Plan:
    try:
        compiled = os.open(f"{turn.folder}/{COMPILED}", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise OtherVersion(0, turn.folder) from None
    try:
        plan = unpack_plan(marshal.loads(_read(compiled))[1])  # noqa: S302 - as above
    finally:
        os.close(compiled)
    return plan._replace(**turn._asdict())


def pack_care(care: Care) -> bytes:
    """What `unpack_care` takes."""
    parts: tuple[Any, ...] = tuple(care._replace(check=None))
    return marshal.dumps((*parts[:_CHECK], care.check and tuple(care.check), *parts[_CHECK + 1 :]))


def unpack_care(data: bytes) -> Care:
    """What `pack_care` was given."""
    fields = marshal.loads(data)  # noqa: S302 - as above
    check = fields[_CHECK] and Check(*fields[_CHECK])
    return Care(*fields[:_CHECK], check, *fields[_CHECK + 1 :])  # type: ignore[call-arg] # as above


def pack_way(way: Way) -> bytes:
    """What `unpack_way` takes."""
    return marshal.dumps((*way[:_PROCESS], tuple(way.process), *way[_PROCESS + 1 :]))


def unpack_way(data: bytes) -> Way:
    """What `pack_way` was given."""
    fields = marshal.loads(data)  # noqa: S302 - as above
    return Way(*fields[:_PROCESS], Process(*fields[_PROCESS]), *fields[_PROCESS + 1 :])  # type: ignore[call-arg]


def pack_entry(entry: Entry) -> bytes:
    """What `unpack_entry` takes."""
    return marshal.dumps((VERSION, (entry.folder, entry.boot), tuple(entry)))


def unpack_entry(data: bytes) -> Entry:
    """What `pack_entry` was given. Raises OtherVersion."""
    version, place, fields = marshal.loads(data)  # noqa: S302 - as above
    if version != VERSION:
        raise OtherVersion(version, place[0])
    return Entry(*fields)


def write_entry(entry: Entry) -> int:
    """A memfd that holds the entry. The caller closes it."""
    return _write("entry", pack_entry(entry))


def read_entry(fd: int) -> Entry:
    """What `write_entry` wrote. Raises OtherVersion."""
    return unpack_entry(_read(fd))


def place_of_entry(fd: int) -> tuple[str, str]:
    """Folder and boot of an entry of whatever version."""
    folder, boot = marshal.loads(_read(fd))[1]  # noqa: S302 - as above
    return folder, boot


def _write(name: str, data: bytes) -> int:
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    os.write(fd, data)
    return fd


def _read(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def pack(word: bytes, *fields: object) -> bytes:
    """One message."""
    return b"\0".join([word, *(str(field).encode("utf-8", "surrogateescape") for field in fields)])


def unpack(message: bytes) -> tuple[bytes, list[str]]:
    """The word and the fields of one message."""
    word, *fields = message.split(b"\0")
    return word, [field.decode("utf-8", "surrogateescape") for field in fields]
