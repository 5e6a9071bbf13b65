"""The image store of one host: what the engine does with images, each verb whole or not at all."""

import builtins
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from engine.errors import Conflict, Unreachable
from engine.images import cleaning, instructions, names, pruning, saving, unsynced
from engine.images.archives.loader import StagedImage, load_archive, load_root
from engine.images.catalog import Catalog, reference_of, registry_digest_of
from engine.images.committer import Addition, stage_commit
from engine.images.downloads import Downloads
from engine.images.holding import holding
from engine.images.image import Image, RemovedImage
from engine.images.inside import comparing, files, history
from engine.images.layers.loader import LayerLoader
from engine.images.layout import Layout
from engine.images.limits import DiskSpace, noticing_full_disk
from engine.images.pruning import Users
from engine.images.pulling import pull_image
from engine.images.pushing import push_image
from engine.images.reference import Reference
from engine.images.registry import RegistryClient
from engine.images.remote import access_to
from engine.images.reporter import Reporter
from engine.images.staging import Staging
from engine.images.tar.stream_out import TarStream
from engine.images.updates import check_update
from engine.images.upload import STALE_AFTER_S, Upload
from engine.spec.image import Descriptor, parse_platform
from engine.spec.image_files import Comparison, FilePage, FileQuery, HistoryStep, LayerFacts
from engine.spec.progress import IsCancelled, Progress
from engine.spec.pruning import ImagePruneFilters, PrunedImages
from engine.spec.registry import PushedImage, RegistryAccess, UpdateCheck


class ImageStore:
    """Images below `home/images`. Several processes and threads may use one store at once."""

    def __init__(self, home: Path) -> None:
        self._layout = Layout(home / "images")
        self._catalog = Catalog(self._layout)

    def list(self) -> list[Image]:
        """Every image, newest first."""
        return [*self._catalog.images()]

    def get(self, name: str) -> Image:
        """The image by reference (short or full), id, or unique beginning of an id.

        Raises NotFound; Conflict for a beginning that several ids have; InvalidSpec for what cannot be a name.
        """
        return self._catalog.find(name)

    def layer_paths(self, image: Image) -> builtins.list[Path]:
        """The unpacked layers, topmost first."""
        return [self._layout.layer(layer.chain_id) / "diff" for layer in reversed(image.layers)]

    def lower_layers(self, image: Image) -> builtins.list[Path]:
        """What a container's root is made of, topmost first: the image's layers, and below them places for mounts."""
        self._layout.prepare()
        return [*self.layer_paths(image), self._layout.base]

    def largest_id(self, image: Image) -> int:
        """The largest user or group id that a file of the image belongs to, as far as its layers were looked at."""
        files = (self._layout.layer(layer.chain_id) / "largest-id" for layer in image.layers)
        return max((int(file.read_text()) for file in files if file.exists()), default=0)

    def load(
        self, archive: BinaryIO, *, progress: Progress | None = None, is_cancelled: IsCancelled | None = None
    ) -> builtins.list[Image]:
        """Load every image of a `docker save` or OCI archive; the archive may be a file or a pipe, gzip or zstd.

        Raises InvalidArchive, StorageFull, Cancelled; nothing stays on the disk then.
        """
        reporter = Reporter(progress, is_cancelled)
        with noticing_full_disk(self._layout.root), Staging(self._layout) as staging:
            loaded = load_archive(archive, staging, DiskSpace(self._layout.root), reporter)
            self._publish(staging, loaded, reporter)
        return [self.get(image_id) for image_id in dict.fromkeys(image.id for image in loaded)]

    def import_rootfs(
        self,
        tarball: BinaryIO,
        *,
        reference: str,
        changes: Sequence[str] = (),
        reporter: Reporter | None = None,
    ) -> Image:
        """Make an image of one layer out of a root filesystem's tarball, plain, gzip or zstd.

        `changes` are Dockerfile instructions (`CMD`, `ENV` …). Raises InvalidSpec for reference and changes, else as
        `load`.
        """
        name = _tag_reference(reference)
        config = instructions.apply(changes, {})
        reporter = reporter or Reporter(None, None)
        with noticing_full_disk(self._layout.root), Staging(self._layout) as staging:
            image = load_root(tarball, name, config, staging, DiskSpace(self._layout.root), reporter)
            self._publish(staging, [image], reporter)
        return self.get(image.id)

    def pull(
        self,
        reference: str,
        *,
        access: RegistryAccess | None = None,
        platform: str = "",
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Image:
        """Bring an image here from its registry, for `platform` (`linux/arm64/v8`) or for this host.

        Raises InvalidSpec for reference, platform and an access to another registry, and as `pull_image`.
        """
        wanted, chosen = Reference.parse(reference), parse_platform(platform)
        reporter = Reporter(progress, is_cancelled)
        client = RegistryClient(access_to(wanted, access))
        with client, Staging(self._layout) as staging:
            layers = LayerLoader(staging, DiskSpace(self._layout.root), reporter)
            downloads = Downloads(client, wanted, self._layout, staging, reporter)
            with downloads, noticing_full_disk(self._layout.root):
                image = pull_image(client, wanted, chosen, layers, downloads)
                self._publish(staging, [image], reporter)
        return self.get(image.id)

    def push(
        self,
        name: str,
        *,
        reference: str = "",
        access: RegistryAccess | None = None,
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> PushedImage:
        """Bring an image to the registry of `reference`, or of `name` where that is a reference.

        Raises InvalidSpec as `pull`, NotFound, and as `push_image`.
        """
        target = _tag_reference(reference or name)
        reporter = Reporter(progress, is_cancelled)
        client = RegistryClient(access_to(target, access))
        with client, holding(self._layout, self._catalog, [name]) as (held,):
            pushed = push_image(client, self._layout, held, target, reporter)
            with self._layout.locked():
                known = [f"{target.repository}@{pushed.digest}"]
                self._layout.replace_descriptors(names.remembered(self._layout.descriptors(), held.manifest, known))
        reporter.tell()
        return pushed

    def check_update(
        self, reference: str, *, access: RegistryAccess | None = None, known: UpdateCheck | None = None
    ) -> UpdateCheck:
        """Whether the tag has moved at its registry. See `engine.images.updates`.

        The registry itself is asked, since a mirror may be late; its mirrors only where it cannot be reached from here.
        """
        named, image = Reference.parse(reference), self.get(reference)
        reached = access_to(named, access)
        try:
            with RegistryClient(replace(reached, mirrors=())) as client:
                return check_update(client, named, image, known)
        except Unreachable:
            if not reached.mirrors:
                raise
        with RegistryClient(reached) as client:
            return check_update(client, named, image, known)

    def save(self, names: Sequence[str], *, form: str) -> TarStream:
        """Images as one archive, `docker` or `oci`. See `engine.images.saving`."""
        return saving.save(self._layout, self._catalog, names, form)

    def config(self, image: Image) -> dict[str, Any]:
        """The image's configuration, as the document it is."""
        value: dict[str, Any] = json.loads(self._layout.blob(image.id).read_bytes())
        return value

    def commit(
        self,
        base: Image,
        addition: Addition,
        *,
        reference: str | None,
        progress: Progress | None = None,
        is_cancelled: IsCancelled | None = None,
    ) -> Image:
        """Make an image that is `base` with `addition`, nameless where `reference` is None.

        Raises InvalidSpec for the reference, Conflict, StorageFull, Cancelled; nothing stays on the disk then.
        """
        names_given = () if reference is None else (str(_tag_reference(reference)),)
        reporter = Reporter(progress, is_cancelled)
        with noticing_full_disk(self._layout.root), Staging(self._layout) as staging:
            layers = LayerLoader(staging, DiskSpace(self._layout.root), reporter)
            stored = self._catalog.stored(base.manifest_digest)
            staged = stage_commit(stored, self.config(base), addition, layers, reporter)
            self._publish(staging, [replace(staged, references=names_given)], reporter)
        return self.get(staged.id)

    def tag(self, name: str, reference: str) -> Image:
        """Give an image one more name; another image that had it loses it."""
        new_name = str(_tag_reference(reference))
        with self._layout.locked():
            image = self.get(name)
            descriptors = self._layout.descriptors()
            manifest = next(d for d in descriptors if d.digest == image.manifest_digest)
            self._layout.replace_descriptors(names.named(descriptors, manifest, [new_name]))
        return self.get(image.id)

    @contextmanager
    def held(self) -> Iterator[None]:
        """No image goes meanwhile: around everything from finding an image to being counted among its users."""
        with self._layout.locked(is_shared=True):
            yield

    def remove(self, name: str, *, users: Users, force: bool = False) -> RemovedImage:
        """Take a name away, and with the last name the image; `users` is asked while no new user can come.

        By id, an image with several names goes only with `force`. One that containers use loses its last name only with
        `force`, and stays as a nameless image until they are gone. To take away what a registry has it as is only to
        forget that. Raises NotFound, Conflict.
        """
        with self._layout.locked():
            image = self.get(name)
            if image.references and (digest := image.digest_meant(name)):
                kept = names.without(self._layout.descriptors(), lambda one: registry_digest_of(one) == digest)
                self._layout.replace_descriptors(kept)
                return RemovedImage((digest,), (), 0)
            reference = image.reference_meant(name)
            if reference is not None and len(image.references) > 1:
                return RemovedImage(self._untag(image, [str(reference)]), (), 0)
            containers = users().get(image.id, ())
            _check_removable(image, name if reference is None else "", containers, force)
            if containers:
                return RemovedImage(self._untag(image, image.references), (), 0)
            self._layout.replace_descriptors(self._without(image))
            freed = cleaning.remove_unreferenced(self._layout, self._catalog)
        return RemovedImage(image.references + image.digests, (image.id,), freed)

    def prune(self, filters: ImagePruneFilters, *, users: Users, dry_run: bool) -> PrunedImages:
        """Remove the images that nobody needs. See `engine.images.pruning`."""
        return pruning.prune(self._layout, self._catalog, filters, users, dry_run=dry_run)

    def history(self, name: str) -> builtins.list[HistoryStep]:
        """How the image was made, step by step. Raises NotFound, Conflict."""
        return history.steps(self.get(name))

    def layers(self, name: str) -> builtins.list[LayerFacts]:
        """Its layers, lowest first: what each takes, does, and is shared with. Raises NotFound, Conflict."""
        with holding(self._layout, self._catalog, [name]) as (held,):
            return history.layers(self._layout, held.image, held.stored, self._catalog.images())

    def files(self, name: str, query: FileQuery) -> FilePage:
        """What its layers do to the files. See `engine.images.inside.files`."""
        with holding(self._layout, self._catalog, [name]) as (held,):
            return files.layer_files(self._folders(held.image), query)

    def compare(self, before: str, after: str) -> Comparison:
        """How two images differ in layers and configuration. Raises NotFound, Conflict."""
        return comparing.compare(self.get(before), self.get(after))

    def compare_files(self, before: str, after: str, query: FileQuery) -> FilePage:
        """How their files differ. See `engine.images.inside.files`."""
        with holding(self._layout, self._catalog, [before, after]) as (old, new):
            return files.compared_files(self._folders(old.image), self._folders(new.image), query)

    def _folders(self, image: Image) -> builtins.list[Path]:
        return [*reversed(self.layer_paths(image))]

    def open_upload(self, upload_id: str) -> Upload:
        """An upload to write, to read or to abort. Raises InvalidSpec for an id that is no UUID."""
        self._layout.prepare()
        return Upload(self._layout.incoming, upload_id)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder of its own name on the store's disk, gone afterwards; after a kill with the next `repair`."""
        with noticing_full_disk(self._layout.root), Staging(self._layout) as staging:
            yield staging.root

    def has_scratch(self, name: str) -> bool:
        """Whether the scratch folder of that name is there."""
        return (self._layout.staging / name).exists()

    def repair(self) -> None:
        """Remove what killed loads, removals and uploads left, as long as no image is damaged."""
        with self._layout.locked():
            unsynced.settle(self._layout)
            cleaning.remove_abandoned(self._layout)
            cleaning.remove_stale_uploads(self._layout, STALE_AFTER_S)
            cleaning.remove_stale_downloads(self._layout, STALE_AFTER_S)
            cleaning.remove_unreferenced(self._layout, self._catalog)

    def _publish(self, staging: Staging, loaded: Sequence[StagedImage], reporter: Reporter) -> None:
        """Make staged images part of the store; the new index is the moment from which they are there."""
        step = reporter.plan("store", unit="")
        with reporter.step(step):
            noted = unsynced.note(self._layout, staging.names())
            with self._layout.locked():
                try:
                    staging.publish()
                    descriptors = self._layout.descriptors()
                    for image in loaded:
                        descriptors = names.named(descriptors, image.manifest, image.references)
                        descriptors = names.remembered(descriptors, image.manifest, image.digests)
                    self._layout.replace_descriptors(self._without_doubles(descriptors))
                except BaseException:
                    cleaning.remove_unreferenced(self._layout, self._catalog)
                    raise
                finally:
                    unsynced.sync_soon(self._layout, noted)
        reporter.tell()

    def _untag(self, image: Image, references: Sequence[str]) -> tuple[str, ...]:
        """Take these names away; what is gone, with the digests that went with them."""
        self._layout.replace_descriptors(names.untagged(self._layout.descriptors(), references))
        return (*references, *(set(image.digests) - set(self.get(image.id).digests)))

    def _without(self, image: Image) -> tuple[Descriptor, ...]:
        return names.without(self._layout.descriptors(), lambda descriptor: self._catalog.id_of(descriptor) == image.id)

    def _without_doubles(self, descriptors: tuple[Descriptor, ...]) -> tuple[Descriptor, ...]:
        """One image can come with several manifests, by other compressions: a nameless one adds nothing then.

        What registries have it as stays known, of a manifest that has a name.
        """
        named = [descriptor for descriptor in descriptors if reference_of(descriptor)]
        homes = {self._catalog.id_of(d): d for d in named} | {d.digest: d for d in named}
        homes.pop("", None)
        kept = []
        for one in descriptors:
            home = homes.get(one.digest) or homes.get(self._catalog.id_of(one))
            if registry_digest_of(one) and home is not None:
                kept.append(replace(home, annotations=one.annotations))
            elif home is None or reference_of(one):
                kept.append(one)
        return tuple(kept)


def _tag_reference(text: str) -> Reference:
    return Reference.parse(text).without_digest()


def _check_removable(image: Image, given_id: str, containers: Sequence[str], force: bool) -> None:
    if force:
        return
    if given_id and len(image.references) > 1:
        raise Conflict(
            f"image {given_id} has several names: {', '.join(image.references)}",
            hint="Remove it by name, or by force.",
        )
    if containers:
        shown = (image.references or (image.id[:19],))[0]
        raise Conflict(
            f"image {shown} is used by {', '.join(sorted(containers))}",
            hint="Remove these containers first; with force the image only loses its name.",
        )
