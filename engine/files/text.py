"""What the bytes of a file are: text in some encoding, a picture, or neither."""

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, which it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\b\x1b")
_IMAGES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
)


def decode(data: bytes, *, is_whole: bool) -> tuple[str, str] | None:
    """The text and its encoding as Python names it; None for what is no text. Of a part the last character may lack."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding, is_whole)
    if b"\0" in data:
        return None
    if (found := _decoded(data, "utf-8", is_whole)) is not None:
        return found if not _CONTROLS.intersection(data[:4096]) else None
    return (data.decode("latin-1"), "latin-1") if not _CONTROLS.intersection(data) else None


def _decoded(data: bytes, encoding: str, is_whole: bool) -> tuple[str, str] | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=is_whole), encoding
    except UnicodeDecodeError:
        return None


def image_type(data: bytes) -> str:
    """The media type of a picture that every browser draws, by how it begins; never one that may hold a script."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return next((kind for beginning, kind in _IMAGES if data.startswith(beginning)), "")
