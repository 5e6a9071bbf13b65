"""Volumes of one host: folders with a name, that outlive the containers they are mounted in."""

from engine.volumes.store import VolumeStore
from engine.volumes.volume import Quota, RemovedVolumes, Volume

__all__ = ["Quota", "RemovedVolumes", "Volume", "VolumeStore"]
