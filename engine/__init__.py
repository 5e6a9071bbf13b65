"""Moorage's container engine. Everything that anyone outside may import is here.

Names are looked up when they are first used: the launcher lives in this package too, and what it does not import is
paid for by no container.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself is large
if TYPE_CHECKING:
    from typing import Any

    from engine.capabilities import Capabilities
    from engine.container.attach import Attachment
    from engine.container.execution import Exec, ExecSession
    from engine.container.streams import Session
    from engine.errors import (
        Cancelled,
        CommandNotExecutable,
        CommandNotFound,
        Conflict,
        DamagedStore,
        EngineError,
        InvalidArchive,
        InvalidSpec,
        KernelError,
        LauncherUnavailable,
        NotFound,
        RateLimited,
        RegistryError,
        StorageFull,
        Unauthorized,
        Unreachable,
        Unsupported,
    )
    from engine.files import Files
    from engine.host import Engine
    from engine.images import Image, Reference, RemovedImage, TarStream, Upload
    from engine.logs import LogBatch, LogLine, LogReader, Output
    from engine.spec.backups import Backup, Retention
    from engine.spec.bootstrap import BootstrapSpec
    from engine.spec.browsing import AccessChange, Crumb, FileEntry, FileView, FolderPage, FolderQuery, Removable
    from engine.spec.container import (
        JOINABLE,
        CgroupNamespace,
        ContainerSpec,
        ContainerState,
        NetworkMode,
        Rlimit,
        Status,
    )
    from engine.spec.death import Death
    from engine.spec.devices import Device
    from engine.spec.exec import ExecSpec, ExecState
    from engine.spec.files import Change, ChangeKind, PathStat
    from engine.spec.image import Platform, parse_platform
    from engine.spec.image_files import (
        Comparison,
        ConfigDifference,
        FileChange,
        FilePage,
        FileQuery,
        HistoryStep,
        LayerCounts,
        LayerFacts,
    )
    from engine.spec.life import Condition, HealthCheck, Restart, RestartPolicy
    from engine.spec.logs import LogConfig, LogDriver, LogMode
    from engine.spec.mounts import Mount, MountType, Propagation, RecursiveReadOnly, Relabel
    from engine.spec.network import Endpoint, EndpointSpec, Network, NetworkSpec, Pool, PublishedPort
    from engine.spec.privileges import outlets, privileges
    from engine.spec.processes import ContainerProcess, ProcessTable
    from engine.spec.progress import Step
    from engine.spec.pruning import ImagePruneFilters, Pruned, PrunedImage, PrunedImages, PruneFilters
    from engine.spec.registry import Credentials, PushedImage, RegistryAccess, RemoteImage, UpdateCheck
    from engine.spec.resources import Resources, ResourcesChange, ThrottleDevice, WeightDevice
    from engine.spec.runtime import ConsoleSize, IoPriority, Scheduler, TimeOffset
    from engine.spec.stats import Stats
    from engine.spec.update import Update
    from engine.spec.volumes import VolumeSpec, reaches_host
    from engine.sys.process import raise_nofile
    from engine.volumes import Quota, RemovedVolumes, Volume

_HOMES = {
    "engine.capabilities": ["Capabilities"],
    "engine.errors": [
        "Cancelled",
        "CommandNotExecutable",
        "CommandNotFound",
        "Conflict",
        "DamagedStore",
        "EngineError",
        "InvalidArchive",
        "InvalidSpec",
        "KernelError",
        "LauncherUnavailable",
        "NotFound",
        "RateLimited",
        "RegistryError",
        "StorageFull",
        "Unauthorized",
        "Unreachable",
        "Unsupported",
    ],
    "engine.files": ["Files"],
    "engine.host": ["Engine"],
    "engine.images": ["Image", "Reference", "RemovedImage", "TarStream", "Upload"],
    "engine.logs": ["LogBatch", "LogLine", "LogReader", "Output"],
    "engine.spec.backups": ["Backup", "Retention"],
    "engine.spec.bootstrap": ["BootstrapSpec"],
    "engine.spec.browsing": [
        "AccessChange",
        "Crumb",
        "FileEntry",
        "FileView",
        "FolderPage",
        "FolderQuery",
        "Removable",
    ],
    "engine.spec.container": [
        "CgroupNamespace",
        "ContainerSpec",
        "ContainerState",
        "JOINABLE",
        "NetworkMode",
        "Rlimit",
        "Status",
    ],
    "engine.container.attach": ["Attachment"],
    "engine.container.execution": ["Exec", "ExecSession"],
    "engine.container.streams": ["Session"],
    "engine.spec.exec": ["ExecSpec", "ExecState"],
    "engine.spec.death": ["Death"],
    "engine.spec.devices": ["Device"],
    "engine.spec.files": ["Change", "ChangeKind", "PathStat"],
    "engine.spec.image": ["Platform", "parse_platform"],
    "engine.spec.image_files": [
        "Comparison",
        "ConfigDifference",
        "FileChange",
        "FilePage",
        "FileQuery",
        "HistoryStep",
        "LayerCounts",
        "LayerFacts",
    ],
    "engine.spec.life": ["Condition", "HealthCheck", "Restart", "RestartPolicy"],
    "engine.spec.logs": ["LogConfig", "LogDriver", "LogMode"],
    "engine.spec.mounts": ["Mount", "MountType", "Propagation", "RecursiveReadOnly", "Relabel"],
    "engine.spec.privileges": ["outlets", "privileges"],
    "engine.spec.processes": ["ContainerProcess", "ProcessTable"],
    "engine.spec.progress": ["Step"],
    "engine.spec.pruning": ["ImagePruneFilters", "PruneFilters", "Pruned", "PrunedImage", "PrunedImages"],
    "engine.spec.registry": ["Credentials", "PushedImage", "RegistryAccess", "RemoteImage", "UpdateCheck"],
    "engine.spec.runtime": ["ConsoleSize", "IoPriority", "Scheduler", "TimeOffset"],
    "engine.spec.resources": ["Resources", "ResourcesChange", "ThrottleDevice", "WeightDevice"],
    "engine.spec.stats": ["Stats"],
    "engine.spec.update": ["Update"],
    "engine.spec.volumes": ["VolumeSpec", "reaches_host"],
    "engine.sys.process": ["raise_nofile"],
    "engine.spec.network": ["Endpoint", "EndpointSpec", "Network", "NetworkSpec", "Pool", "PublishedPort"],
    "engine.volumes": ["Quota", "RemovedVolumes", "Volume"],
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "JOINABLE",
    "AccessChange",
    "Attachment",
    "Backup",
    "BootstrapSpec",
    "Cancelled",
    "Capabilities",
    "CgroupNamespace",
    "Change",
    "ChangeKind",
    "CommandNotExecutable",
    "CommandNotFound",
    "Comparison",
    "Condition",
    "ConfigDifference",
    "Conflict",
    "ConsoleSize",
    "ContainerProcess",
    "ContainerSpec",
    "ContainerState",
    "Credentials",
    "Crumb",
    "DamagedStore",
    "Death",
    "Device",
    "Endpoint",
    "EndpointSpec",
    "Engine",
    "EngineError",
    "Exec",
    "ExecSession",
    "ExecSpec",
    "ExecState",
    "FileChange",
    "FileEntry",
    "FilePage",
    "FileQuery",
    "FileView",
    "Files",
    "FolderPage",
    "FolderQuery",
    "HealthCheck",
    "HistoryStep",
    "Image",
    "ImagePruneFilters",
    "InvalidArchive",
    "InvalidSpec",
    "IoPriority",
    "KernelError",
    "LauncherUnavailable",
    "LayerCounts",
    "LayerFacts",
    "LogBatch",
    "LogConfig",
    "LogDriver",
    "LogLine",
    "LogMode",
    "LogReader",
    "Mount",
    "MountType",
    "Network",
    "NetworkMode",
    "NetworkSpec",
    "NotFound",
    "Output",
    "PathStat",
    "Platform",
    "Pool",
    "ProcessTable",
    "Propagation",
    "PruneFilters",
    "Pruned",
    "PrunedImage",
    "PrunedImages",
    "PublishedPort",
    "PushedImage",
    "Quota",
    "RateLimited",
    "RecursiveReadOnly",
    "Reference",
    "RegistryAccess",
    "RegistryError",
    "Relabel",
    "RemoteImage",
    "Removable",
    "RemovedImage",
    "RemovedVolumes",
    "Resources",
    "ResourcesChange",
    "Restart",
    "RestartPolicy",
    "Retention",
    "Rlimit",
    "Scheduler",
    "Session",
    "Stats",
    "Status",
    "Step",
    "StorageFull",
    "TarStream",
    "ThrottleDevice",
    "TimeOffset",
    "Unauthorized",
    "Unreachable",
    "Unsupported",
    "Update",
    "UpdateCheck",
    "Upload",
    "Volume",
    "VolumeSpec",
    "WeightDevice",
    "outlets",
    "parse_platform",
    "privileges",
    "raise_nofile",
    "reaches_host",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = __import__(_HOME_OF[name], fromlist=[name])
    return getattr(module, name)
