"""The engine of one host: opens the state folder and ties images, containers, control groups and logs together."""

import hashlib
import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from engine import bootstrap, capabilities
from engine.capabilities import Capabilities
from engine.cgroups import CgroupManager
from engine.container import (
    attach,
    commit,
    copy_in,
    copy_out,
    create,
    deaths,
    diff,
    exec_records,
    execute,
    export,
    health,
    image_mounts,
    log_reading,
    networks,
    pause,
    prune,
    reap,
    remove,
    rename,
    repair,
    start,
    state,
    stats,
    stop,
    top,
    trees,
    update,
    volume_backups,
    volumes,
    waiting,
)
from engine.container.asked import Asker
from engine.container.attach import Attachment
from engine.container.execution import Exec
from engine.container.runtime import Runtime
from engine.errors import NotFound
from engine.files import Files
from engine.images import Image, ImageStore, RemovedImage, Reporter, TarStream, Upload, check_registry, resolve
from engine.launcher import client
from engine.logs import LogReader
from engine.net import NetworkStore, Published
from engine.spec import detach_keys as keys
from engine.spec.backups import Backup
from engine.spec.bootstrap import BootstrapSpec
from engine.spec.container import ContainerSpec, ContainerState
from engine.spec.exec import ExecSpec, ExecState
from engine.spec.files import Change, PathStat
from engine.spec.image_files import Comparison, FilePage, FileQuery, HistoryStep, LayerFacts
from engine.spec.life import Condition
from engine.spec.network import Network, NetworkSpec
from engine.spec.processes import ProcessTable
from engine.spec.progress import IsCancelled, Progress
from engine.spec.pruning import ImagePruneFilters, Pruned, PrunedImages, PruneFilters
from engine.spec.registry import PushedImage, RegistryAccess, RemoteImage, UpdateCheck
from engine.spec.runtime import ConsoleSize
from engine.spec.stats import Stats
from engine.spec.update import Update
from engine.spec.volumes import VolumeSpec
from engine.volumes import RemovedVolumes, Volume, VolumeStore


class Engine:
    """All verbs of one host. `home` holds what must last, `run` the sockets; making an Engine touches neither.

    Any number of Engines, in any number of processes, may work on the same folders: each verb takes the container's
    lock.
    """

    def __init__(self, home: Path, run: Path) -> None:
        self._images = ImageStore(home)
        # Two panels with folders of their own keep their groups apart.
        parent = f"moorage/{hashlib.sha256(str(home).encode()).hexdigest()[:8]}"
        self._runtime = Runtime(
            home / "containers",
            self._images,
            VolumeStore(home / "volumes"),
            NetworkStore(home / "networks", table=parent.replace("/", "-")),
            CgroupManager(parent),
            run / "launcher.sock",
            run / "observed.sock",
        )

    def capabilities(self) -> Capabilities:
        """What this host can do."""
        return capabilities.probe()

    def ping_launcher(self) -> None:
        """Raise LauncherUnavailable unless the launcher answers."""
        with client.connect(str(self._runtime.launcher)) as launcher:
            launcher.ping()

    # Containers

    def create(self, container_id: str, spec: ContainerSpec) -> ContainerState:
        """Make a container; the same request again changes nothing. See `engine.container.create`."""
        return create.create(self._runtime, container_id, spec)

    def start(self, container_id: str) -> ContainerState:
        """Run its program. See `engine.container.start`."""
        return start.start(self._runtime, container_id)

    def stop(
        self, container_id: str, *, signal: str | None = None, timeout_s: float | None = None, asked_by: str = ""
    ) -> ContainerState:
        """End it: stop signal, grace period, kill. See `engine.container.stop`."""
        asker = Asker("stop", asked_by)
        return stop.stop(self._runtime, container_id, signal=signal, timeout_s=timeout_s, asker=asker)

    def kill(self, container_id: str, *, signal: str = "KILL", asked_by: str = "") -> ContainerState:
        """Send a signal to its first process. See `engine.container.stop`."""
        return stop.kill(self._runtime, container_id, signal=signal, asker=Asker("kill", asked_by))

    def pause(self, container_id: str) -> ContainerState:
        """Let all of it stand still. See `engine.container.pause`."""
        return pause.pause(self._runtime, container_id)

    def unpause(self, container_id: str) -> ContainerState:
        """Let it run on. See `engine.container.pause`."""
        return pause.unpause(self._runtime, container_id)

    def update(self, container_id: str, change: Update) -> ContainerState:
        """Give it other limits. See `engine.container.update`."""
        return update.update(self._runtime, container_id, change)

    def stats(self, container_id: str) -> Stats:
        """What it uses at this moment. See `engine.container.stats`."""
        return stats.stats(self._runtime, container_id)

    def stats_stream(self, container_id: str, *, interval_s: float = 1.0) -> AsyncGenerator[Stats, None]:
        """The same again and again, with rates, until its run ends. See `engine.container.stats`."""
        return stats.stream(self._runtime, container_id, interval_s=interval_s)

    def top(self, container_id: str, *, ps_args: str = "-ef") -> ProcessTable:
        """Its processes, laid out as ps(1) does. See `engine.container.top`."""
        return top.top(self._runtime, container_id, ps_args=ps_args)

    def restart(self, container_id: str, *, timeout_s: float | None = None, asked_by: str = "") -> ContainerState:
        """Stop it if it runs, then start it."""
        asker = Asker("restart", asked_by)
        stop.stop(self._runtime, container_id, signal=None, timeout_s=timeout_s, asker=asker)
        return self.start(container_id)

    def exec(self, container_id: str, spec: ExecSpec, *, exec_id: str | None = None) -> Exec:
        """Run one more program in it. See `engine.container.execute`."""
        return execute.execute(self._runtime, container_id, spec, exec_id=exec_id)

    def attach(
        self, container_id: str, *, stdin: bool = False, replay: bool = False, detach_keys: str = keys.DEFAULT
    ) -> Attachment:
        """Join its program, on the running event loop. See `engine.container.attach`."""
        return attach.attach(self._runtime, container_id, stdin=stdin, replay=replay, keys=detach_keys)

    def resize(self, container_id: str, size: ConsoleSize) -> None:
        """Tell its terminal how many character cells it has. Raises Conflict when it does not run or has none."""
        attach.resize(self._runtime, container_id, size)

    def kill_exec(self, container_id: str, exec_id: str, *, signal: str = "KILL") -> None:
        """Send a signal to a program that `exec` started. Raises NotFound, Conflict when it has ended."""
        execute.kill(self._runtime, container_id, exec_id, signal=signal)

    def exec_state(self, container_id: str, exec_id: str) -> ExecState:
        """What is known of a program that `exec` started in the current run. Raises NotFound."""
        return exec_records.load(self._runtime.folder(container_id), exec_id)

    def exec_states(self, container_id: str) -> list[ExecState]:
        """Every one of them that runs, or ended in the last minutes. Raises NotFound for the container."""
        return exec_records.load_all(self._runtime.folder(container_id))

    def remove(self, container_id: str, *, force: bool = False, with_volumes: bool = False, asked_by: str = "") -> None:
        """Leave nothing of it. See `engine.container.remove`."""
        remove.remove(self._runtime, container_id, force=force, with_volumes=with_volumes, asked_by=asked_by)

    def reap(self, container_id: str | None = None) -> list[str]:
        """Remove it, or every container, if its time is over or it was to go after its end; the ids of what went."""
        if container_id is None:
            return reap.reap(self._runtime)
        return [container_id] if reap.reap_one(self._runtime, container_id) else []

    def rename(self, container_id: str, name: str) -> ContainerState:
        """Give it another name. See `engine.container.rename`."""
        return rename.rename(self._runtime, container_id, name)

    def prune(self, filters: PruneFilters | None = None, *, dry_run: bool = False, asked_by: str = "") -> list[Pruned]:
        """Remove what does not run; tells what goes and its bytes. See `engine.container.prune`."""
        return prune.prune(self._runtime, filters or PruneFilters(), dry_run=dry_run, asked_by=asked_by)

    def wait(
        self, container_id: str, condition: Condition = Condition.NOT_RUNNING, *, timeout_s: float | None = None
    ) -> ContainerState | None:
        """Block until it has come to that; None when the time is over. See `engine.container.waiting`."""
        return waiting.wait(self._runtime, container_id, condition, timeout_s=timeout_s)

    async def wait_async(self, container_id: str, condition: Condition = Condition.NOT_RUNNING) -> ContainerState:
        """The same on the running event loop."""
        return await waiting.wait_async(self._runtime, container_id, condition)

    def state(self, container_id: str) -> ContainerState:
        """What is known of it now. Raises NotFound."""
        return state.load(self._runtime.folder(container_id))

    def states(self) -> list[ContainerState]:
        """Every container of this host."""
        found = []
        for container_id in self._runtime.ids():
            try:
                found.append(self.state(container_id))
            except NotFound:
                continue  # removed while this list was made
        return found

    def inspect(self, container_id: str) -> dict[str, Any]:
        """`{"state", "spec", "config", "volumes", "networks", "ports", "health", "deaths"}`.

        What is known, what was asked, the OCI bundle's configuration, the names of volumes by the place they are
        mounted on, its places in networks, the ports of this host that lead to it (or did in its last run), the last
        checks of its health (None without a check), and how its last runs ended, the newest first.
        """
        folder = self._runtime.folder(container_id)
        current, record = state.load(folder), state.load_record(folder)
        files = {name: json.loads((folder / f"{name}.json").read_bytes()) for name in ("spec", "config")}
        return {
            "state": current.to_json(),
            **files,
            "volumes": dict(record.volumes),
            "networks": [self._runtime.networks.endpoint(one, container_id).to_json() for one in record.networks],
            "ports": [asdict(port) for port in self.published(container_id)],
            "health": health.read(folder),
            "deaths": [death.to_json() for death in deaths.read(folder)],
        }

    def diff(self, container_id: str) -> Iterator[Change]:
        """What it changed in its image's files. See `engine.container.diff`."""
        return diff.diff(self._runtime, container_id)

    def export(self, container_id: str) -> TarStream:
        """Its whole root as a tar. See `engine.container.export`."""
        return export.export(self._runtime, container_id)

    def stat_path(self, container_id: str, path: str) -> PathStat:
        """What it has under `path`. See `engine.container.copy_out`."""
        return copy_out.stat_path(self._runtime, container_id, path)

    def copy_out(self, container_id: str, path: str) -> tuple[PathStat, TarStream]:
        """What it has under `path`, as a tar. See `engine.container.copy_out`."""
        return copy_out.copy_out(self._runtime, container_id, path)

    def copy_in(
        self,
        container_id: str,
        path: str,
        tar: BinaryIO,
        *,
        no_overwrite_dir_non_dir: bool = False,
        copy_uid_gid: bool = False,
    ) -> None:
        """Unpack a tar into its folder at `path`. See `engine.container.copy_in`."""
        copy_in.copy_in(
            self._runtime,
            container_id,
            path,
            tar,
            no_overwrite_dir_non_dir=no_overwrite_dir_non_dir,
            copy_uid_gid=copy_uid_gid,
        )

    def container_files(self, container_id: str) -> Files:
        """Its files, to be looked at and changed. See `engine.files`."""
        return trees.of_container(self._runtime, container_id)

    def commit(
        self,
        container_id: str,
        reference: str | None = None,
        *,
        changes: Sequence[str] = (),
        author: str = "",
        message: str = "",
        pause: bool = True,
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Image:
        """Make an image of it. See `engine.container.commit`."""
        return commit.commit(
            self._runtime,
            container_id,
            reference,
            changes=changes,
            author=author,
            message=message,
            pause=pause,
            progress=progress,
            is_cancelled=is_cancelled,
        )

    def logs(self, container_id: str) -> LogReader:
        """A reader of its log. Raises NotFound, Conflict for a container that keeps none."""
        return log_reading.reader(self._runtime, container_id)

    def repair(self) -> list[ContainerState]:
        """Finish or undo what was half done, in images and containers; then every state."""
        self._images.repair()
        bootstrap.repair(self._runtime)
        self._runtime.networks.repair(self._runtime.ids())
        states = repair.repair(self._runtime)
        networks.republish(self._runtime, states)
        volumes.repair(self._runtime, {state.id for state in states})
        volume_backups.repair(self._runtime)
        return states

    # Networks

    def create_network(self, spec: NetworkSpec) -> Network:
        """Make a network. Raises InvalidSpec, Conflict for a name that another has."""
        return self._runtime.networks.create(spec)

    def networks(self) -> list[Network]:
        """Every network of this host, by name."""
        return self._runtime.networks.list()

    def network(self, name: str) -> Network:
        """The network of this name or id. Raises NotFound."""
        return self._runtime.networks.get(name)

    def published(self, container_id: str) -> list[Published]:
        """Ports of this host that lead to the container, or did when it last ran."""
        return self._runtime.networks.published(container_id)

    def remove_network(self, name: str) -> None:
        """Take a network away. Raises NotFound, Conflict naming the containers that are in it."""
        self._runtime.networks.remove(name)

    # Volumes

    def create_volume(
        self, name: str = "", spec: VolumeSpec | None = None, *, labels: Mapping[str, str] | None = None
    ) -> Volume:
        """A volume of this name, made unless it is there; an anonymous one without.

        `labels` are for those who ask for nothing else. Raises InvalidSpec, Unsupported, Conflict for one that is there
        with other options.
        """
        return volumes.create(self._runtime, name, spec or VolumeSpec(labels=labels or {}))

    def resize_volume(self, name: str, size_bytes: int) -> Volume:
        """Let the volume hold so much, at once. Raises NotFound, InvalidSpec, Conflict telling why it cannot."""
        return volumes.resize(self._runtime, name, size_bytes)

    def measure_volumes(self, *, older_than_s: float = 0.0) -> list[str]:
        """Measure what volumes take whose trees alone tell, where the last time is that long ago; their names."""
        return volumes.measure(self._runtime, older_than_s=older_than_s)

    def volumes(self) -> list[Volume]:
        """Every volume of this host, by name."""
        return volumes.listed(self._runtime)

    def volume(self, name: str) -> Volume:
        """The volume. Raises NotFound."""
        return volumes.get(self._runtime, name)

    def volume_files(self, name: str) -> Files:
        """Its files, to be looked at and changed. See `engine.files`."""
        return trees.of_volume(self._runtime, name)

    def remove_volume(self, name: str, *, force: bool = False) -> None:
        """Take a volume away. Raises Conflict naming the containers that use it; NotFound unless `force`."""
        volumes.remove(self._runtime, name, is_missing_ok=force)

    def rename_volume(self, name: str, new_name: str) -> Volume:
        """Call it, and its backups, something else. Raises NotFound, InvalidSpec, Conflict while it is used."""
        return volume_backups.rename(self._runtime, name, new_name)

    def clone_volume(
        self,
        name: str,
        new_name: str,
        *,
        size_bytes: int | None = None,
        freeze: bool = False,
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Volume:
        """Make a volume of all that another holds. See `engine.container.volume_backups`."""
        return volume_backups.clone(
            self._runtime,
            name,
            new_name,
            size_bytes=size_bytes,
            freeze=freeze,
            progress=progress,
            is_cancelled=is_cancelled,
        )

    def back_up_volume(
        self,
        name: str,
        *,
        freeze: bool = False,
        is_scheduled: bool = False,
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Backup:
        """Keep what it holds in a file of the host. See `engine.container.volume_backups`."""
        return volume_backups.back_up(
            self._runtime,
            name,
            freeze=freeze,
            is_scheduled=is_scheduled,
            progress=progress,
            is_cancelled=is_cancelled,
        )

    def volume_backups(self, name: str = "") -> list[Backup]:
        """Every backup, or those of one volume, which need not be there any more; newest first."""
        return volume_backups.listed(self._runtime, name)

    def remove_volume_backup(self, name: str, backup_id: str) -> None:
        """Take a backup away. Raises NotFound, InvalidSpec."""
        volume_backups.remove(self._runtime, name, backup_id)

    def open_volume_backup(self, name: str, backup_id: str) -> BinaryIO:
        """The file of a backup, a tar in zstd, to be closed by the caller. Raises NotFound, InvalidSpec."""
        return volume_backups.open_file(self._runtime, name, backup_id)

    def volume_archive(self, name: str) -> TarStream:
        """The volume's files as they are while they are read, as a tar in zstd. Raises NotFound."""
        return volume_backups.archive(self._runtime, name)

    def restore_volume(
        self,
        name: str,
        source: tuple[str, str] | BinaryIO,
        *,
        replace: bool = False,
        takes_devices: bool = False,
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Volume:
        """Make it hold what a backup (volume and id) or an archive does. See `engine.container.volume_backups`."""
        return volume_backups.restore(
            self._runtime,
            name,
            source,
            replace=replace,
            takes_devices=takes_devices,
            progress=progress,
            is_cancelled=is_cancelled,
        )

    def unused_volumes(self, *, with_named: bool = False) -> list[Volume]:
        """What pruning would take: volumes no container uses, those with a name of their own only if `with_named`."""
        return volumes.unused(self._runtime, with_named=with_named)

    def prunable_volumes(self, *, with_named: bool = False) -> list[Pruned]:
        """The same with the bytes each of them takes on the disk now."""
        return volumes.prunable(self._runtime, with_named=with_named)

    def prune_volumes(self, names: Sequence[str]) -> RemovedVolumes:
        """Remove those of the named volumes that no container uses now."""
        return volumes.prune(self._runtime, names)

    # Images

    def images(self) -> list[Image]:
        """Every image of this host."""
        return self._images.list()

    def image(self, name: str) -> Image:
        """By reference, id or unique id prefix. Raises NotFound."""
        return self._images.get(name)

    def load_image(
        self, archive: BinaryIO, *, progress: Progress | None = None, is_cancelled: IsCancelled | None = None
    ) -> list[Image]:
        """Take in a Docker or OCI archive. Raises InvalidArchive, Cancelled."""
        return self._images.load(archive, progress=progress, is_cancelled=is_cancelled)

    def import_rootfs(
        self,
        tarball: BinaryIO,
        *,
        reference: str,
        changes: Sequence[str] = (),
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Image:
        """Make an image of one layer from a root file system. Raises InvalidArchive, InvalidSpec, Cancelled."""
        reporter = Reporter(progress, is_cancelled)
        return self._images.import_rootfs(tarball, reference=reference, changes=changes, reporter=reporter)

    def bootstrap(
        self, spec: BootstrapSpec, *, progress: Progress | None = None, is_cancelled: IsCancelled | None = None
    ) -> Image:
        """Make an image of a distribution's packages. See `engine.bootstrap`."""
        return bootstrap.bootstrap(self._runtime, spec, progress=progress, is_cancelled=is_cancelled)

    def tag_image(self, name: str, reference: str) -> Image:
        """Give an image one more name."""
        return self._images.tag(name, reference)

    def remove_image(self, name: str, *, force: bool = False) -> RemovedImage:
        """Take a name, or the image, away. Raises Conflict naming the containers that use it."""
        return self._images.remove(name, users=self._image_users, force=force)

    def prune_images(self, filters: ImagePruneFilters | None = None, *, dry_run: bool = False) -> PrunedImages:
        """Remove images that no container uses; tells which go and the bytes that come free. Raises InvalidSpec."""
        return self._images.prune(filters or ImagePruneFilters(), users=self._image_users, dry_run=dry_run)

    def image_history(self, name: str) -> list[HistoryStep]:
        """How an image was made, step by step. Raises NotFound."""
        return self._images.history(name)

    def image_layers(self, name: str) -> list[LayerFacts]:
        """Its layers, lowest first: what each takes and does, and which images share it. Raises NotFound."""
        return self._images.layers(name)

    def image_files(self, name: str, query: FileQuery) -> FilePage:
        """What its layers add, change and delete. Raises NotFound, also for a layer; InvalidSpec."""
        return self._images.files(name, query)

    def compare_images(self, before: str, after: str) -> Comparison:
        """How two images differ in layers and configuration. Raises NotFound."""
        return self._images.compare(before, after)

    def compare_image_files(self, before: str, after: str, query: FileQuery) -> FilePage:
        """How the files of two images differ. Raises NotFound, InvalidSpec."""
        return self._images.compare_files(before, after, query)

    def save(self, names: Sequence[str], *, format: str = "docker") -> TarStream:  # noqa: A002  # the word for it
        """Images as one archive, `docker` or `oci`, made while it is read.

        Those named by a reference carry it. Raises NotFound, InvalidSpec, DamagedStore.
        """
        return self._images.save(names, form=format)

    def pull(
        self,
        reference: str,
        *,
        access: RegistryAccess | None = None,
        platform: str = "",
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Image:
        """Bring an image from its registry. See `engine.images.store`."""
        return self._images.pull(
            reference, access=access, platform=platform, progress=progress, is_cancelled=is_cancelled
        )

    def push(
        self,
        name: str,
        *,
        reference: str = "",
        access: RegistryAccess | None = None,
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> PushedImage:
        """Bring an image to a registry. See `engine.images.store`."""
        return self._images.push(name, reference=reference, access=access, progress=progress, is_cancelled=is_cancelled)

    def resolve(self, reference: str, *, access: RegistryAccess | None = None) -> RemoteImage:
        """What a reference stands for at its registry now; nothing is pulled."""
        return resolve(reference, access=access)

    def check_registry(self, access: RegistryAccess) -> None:
        """Sign in at a registry, and nothing else. Raises Unauthorized, Unreachable, RegistryError."""
        check_registry(access)

    def check_update(
        self, reference: str, *, access: RegistryAccess | None = None, known: UpdateCheck | None = None
    ) -> UpdateCheck:
        """Whether a tag has moved at its registry since its image came here; `known` is what was found before."""
        return self._images.check_update(reference, access=access, known=known)

    def open_upload(self, upload_id: str) -> Upload:
        """A file for bytes on their way in."""
        return self._images.open_upload(upload_id)

    def _image_users(self) -> dict[str, list[str]]:
        return image_mounts.users(self._runtime)
