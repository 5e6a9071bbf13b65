"""Images of distributions, made from their packages: no registry needed."""

from engine.bootstrap.bootstrap import bootstrap, repair

__all__ = ["bootstrap", "repair"]
