"""What the registry answers instead of doing what was asked, each with its word of the specification and its status.

They are refusals like those of any other area, so the pages and REST say them too. `word` and `status` are what a
client of `/v2/` gets (OCI distribution specification 1.1, "Error Codes").
"""

from panel.errors import Conflicting, Invalid, Missing, Refused


class NameInvalid(Invalid):
    """No repository can be called that."""

    word, status = "NAME_INVALID", 400


class TagInvalid(Invalid):
    """No tag can be called that."""

    word, status = "MANIFEST_INVALID", 400


class TooManyTags(Invalid):
    """One request gives a manifest only so many tags."""

    word, status = "MANIFEST_INVALID", 414


class DigestInvalid(Invalid):
    """It is no digest, or not the digest of what came."""

    word, status = "DIGEST_INVALID", 400


class SizeInvalid(Invalid):
    """More or fewer bytes came than were announced."""

    word, status = "SIZE_INVALID", 400


class ManifestInvalid(Invalid):
    """The document is not a manifest, or not the one its sender says it is."""

    word, status = "MANIFEST_INVALID", 400


class ManifestTooLarge(Invalid):
    """A manifest has a bounded size."""

    word, status = "MANIFEST_INVALID", 413


class ReferenceMissing(Invalid):
    """A manifest refers to a blob or a manifest that its repository does not have."""

    word, status = "MANIFEST_BLOB_UNKNOWN", 400


class NameUnknown(Missing):
    """There is no such repository, or not for this visitor."""

    word, status = "NAME_UNKNOWN", 404


class ManifestUnknown(Missing):
    """The repository has no such tag or manifest."""

    word, status = "MANIFEST_UNKNOWN", 404


class BlobUnknown(Missing):
    """The repository has no such blob."""

    word, status = "BLOB_UNKNOWN", 404


class UploadUnknown(Missing):
    """There is no such upload, or it is somebody else's."""

    word, status = "BLOB_UPLOAD_UNKNOWN", 404


class UploadBusy(Conflicting):
    """Another request writes the same upload right now."""

    word, status = "BLOB_UPLOAD_INVALID", 409


class RangeInvalid(Refused):
    """A chunk does not follow what came before: `length` bytes are here."""

    code = "conflict"
    word, status = "BLOB_UPLOAD_INVALID", 416

    def __init__(self, message: str, *, length: int) -> None:
        super().__init__(message)
        self.length = length


class InUse(Conflicting):
    """Something else needs it, or a rule protects it."""

    word, status = "DENIED", 409


class StorageFull(Refused):
    """The registry's disk has no room for it."""

    code = "storage-full"
    word, status = "UNKNOWN", 507
