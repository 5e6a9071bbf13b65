"""What an action is about, as the audit log and operations name it."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Subject:
    """The object's kind (`container`), its id and its name as people know it."""

    kind: str
    id: str = ""
    name: str = ""


NOTHING = Subject("")


@runtime_checkable
class HasSubject(Protocol):
    """A model whose rows the audit log can name."""

    @property
    def subject(self) -> Subject:
        """What to call this row."""
