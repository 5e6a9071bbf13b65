"""An image of a distribution's packages, for hosts that reach a mirror but no registry.

debootstrap(8) fetches and unpacks; the packages' own scripts, which configure them, run in a container without network,
with ids and rights as any other, never on the host.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.bootstrap import first_stage
from engine.container import create, export, log_reading, remove, start, waiting
from engine.container.runtime import Runtime
from engine.errors import Conflict, NotFound
from engine.images import Image, Reference, Reporter, TarStream
from engine.images.tar.pack import Packer
from engine.images.tar.streams import Chunks
from engine.rootfs.ids import Ids
from engine.rootfs.walk import Found, walk
from engine.spec.bootstrap import BootstrapSpec
from engine.spec.container import ContainerSpec
from engine.spec.life import Condition
from engine.spec.progress import IsCancelled, Progress

LABEL = "moorage.bootstrap"
"""What the container that configures packages is known by; its value is the name of the bootstrap's scratch folder."""
_UNFINISHED = "moorage.invalid/bootstrap"  # no registry can have this name (RFC 2606)
_MOUNTED = (b"proc", b"sys", b"dev")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CHANGES = (f"ENV PATH={_PATH}", 'CMD ["bash"]')
# What a crash leaves of it nobody would use, so dpkg need not wait for the disk; the finished image is brought there.
_CONFIGURE = """
echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/bootstrap
/debootstrap/debootstrap --second-stage || { tail -n 20 /debootstrap/debootstrap.log; exit 1; }
apt-get clean
rm -rf /debootstrap /etc/dpkg/dpkg.cfg.d/bootstrap /var/lib/apt/lists/* /var/log/bootstrap.log
rm -rf /var/cache/ldconfig/aux-cache
"""
_POLL_S = 0.5
_LAST_LINES = 8


def bootstrap(
    runtime: Runtime, spec: BootstrapSpec, *, progress: Progress | None, is_cancelled: IsCancelled | None
) -> Image:
    """Make the image `spec.reference`, of one layer.

    Raises InvalidSpec, Unsupported where the host lacks a program, Conflict telling what debootstrap said, StorageFull,
    Cancelled; nothing stays on the disk then.
    """
    spec.validate()
    Reference.parse(spec.reference)
    first_stage.check(spec)
    reporter = Reporter(progress, is_cancelled)
    with runtime.images.scratch() as folder:
        root = folder / "root"
        root.mkdir(0o755)
        first_stage.run(spec, root, reporter)
        with _unfinished(runtime, root, folder.name, reporter) as base, _configured(runtime, base, reporter) as tar:
            return runtime.images.import_rootfs(
                io.BufferedReader(Chunks(tar)), reference=spec.reference, changes=_CHANGES, reporter=reporter
            )


def repair(runtime: Runtime) -> None:
    """Take away what a bootstrap that was killed left; after the image store's own repair."""
    for image in runtime.images.list():
        for reference in image.references:
            name, _, scratch = reference.partition(":")
            if name == _UNFINISHED and not runtime.images.has_scratch(scratch):
                _remove(runtime, scratch, reference)


@contextmanager
def _unfinished(runtime: Runtime, root: Path, scratch: str, reporter: Reporter) -> Iterator[Image]:
    """The unpacked packages as an image, for as long as it takes to configure them."""
    reference = f"{_UNFINISHED}:{scratch}"
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        packed = io.BufferedReader(Chunks(_packed(fd)))
        image = runtime.images.import_rootfs(packed, reference=reference, reporter=reporter)
    finally:
        os.close(fd)
    try:
        yield image
    finally:
        _remove(runtime, scratch, reference)


def _packed(root: int) -> Iterator[bytes]:
    """Without /proc, /sys and /dev, which every container is given."""
    packer = Packer(Ids())
    for found in walk(root, enters=_is_kept):
        if _is_kept(found):
            yield from packer.entry(found.path, found)
    yield packer.end()


def _is_kept(found: Found) -> bool:
    return found.path not in _MOUNTED


@contextmanager
def _configured(runtime: Runtime, image: Image, reporter: Reporter) -> Iterator[TarStream]:
    """The root of a container in which the packages have configured themselves."""
    scratch = image.references[0].rpartition(":")[2]
    container_id = container_of(scratch)
    step = reporter.plan("configure packages", unit="")
    with reporter.step(step):
        _configure(runtime, container_id, image, scratch, reporter)
    with export.export(runtime, container_id) as tar:
        yield tar


def _configure(runtime: Runtime, container_id: str, image: Image, scratch: str, reporter: Reporter) -> None:
    # `container=lxc` tells debootstrap that /proc, /sys and /dev are there already and no devices can be made.
    env = (f"PATH={_PATH}", "container=lxc", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "HOME=/root")
    spec = ContainerSpec(
        name=f"bootstrap-{scratch[:8]}",
        image=image.id,
        command=("sh", "-c", _CONFIGURE),
        env=env,
        labels={LABEL: scratch},
    )
    create.create(runtime, container_id, spec)
    start.start(runtime, container_id)
    ended = None
    while ended is None:
        reporter.check()
        ended = waiting.wait(runtime, container_id, Condition.NOT_RUNNING, timeout_s=_POLL_S)
    if ended.exit_code != 0:
        raise Conflict(
            f"the packages could not be configured ({ended.exit_code}): {_last_lines(runtime, container_id)}",
            hint="A package that was asked for may need more than a container without network has.",
        )


def _last_lines(runtime: Runtime, container_id: str) -> str:
    batches = log_reading.reader(runtime, container_id).read(tail=_LAST_LINES)
    lines = [line.text.decode(errors="replace") for batch in batches for line in batch.lines]
    return ascii("; ".join(lines)[-600:])[1:-1]


def _remove(runtime: Runtime, scratch: str, reference: str) -> None:
    with suppress(NotFound):
        remove.remove(runtime, container_of(scratch), force=True)
    with suppress(NotFound):
        runtime.images.remove(reference, users=dict)


def container_of(scratch: str) -> str:
    """The id of the container that configures the packages: it follows from the scratch folder's name."""
    return scratch.replace("-", "") * 2
