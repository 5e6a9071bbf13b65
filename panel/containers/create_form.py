"""The form a container is created with: what nearly everyone fills in, and the rest in sections that unfold."""

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from panel.containers.forms import MIB, CommandField, LimitsForm
from panel.hosts.forms import HostChoice, without_needless_host
from panel.pages.asking import lines

_MOUNT = re.compile(r"mounts\[(\d+)\]")


@dataclass(frozen=True)
class Section:
    """Rows of fields under one heading; it is open when something in it is filled in or wrong."""

    title: str | Promise
    hint: str | Promise
    rows: tuple[tuple[forms.BoundField, ...], ...]
    is_open: bool


def _mount(line: str) -> dict[str, Any]:
    """A line as `docker run -v` reads it: `source:target[:ro]`, or a target alone for a volume without a name."""
    source, colon, rest = line.partition(":")
    if not colon:
        return {"type": "volume", "target": line}
    target, _, mode = rest.partition(":")
    kind = "bind" if source.startswith("/") else "volume"
    mount = {"type": kind, "source": source, "target": target}
    return (
        mount if not mode or mode == "rw" else mount | {"read_only": True} if mode == "ro" else mount | {"target": rest}
    )


def _image_mount(line: str) -> dict[str, Any]:
    """An image's name may have colons in it; a path begins with the last that a slash follows."""
    source, colon, target = line.rpartition(":/")
    return {"type": "image", "source": source, "target": f"/{target}" if colon else line}


def _memory_mount(line: str) -> dict[str, Any]:
    return {"type": "tmpfs", "target": line}


class CreateForm(LimitsForm):
    """What is asked of a new container. `to_spec` is `engine.ContainerSpec` as JSON; the service checks its values.

    `is_trusted` shows what gives a container more of its host, `may_pull` when its image is pulled.
    """

    image = forms.CharField(label=_("Image"), help_text=_("A reference or an id of an image on the host."))
    host = HostChoice()
    name = forms.CharField(label=_("Name"), required=False, help_text=_("Left empty, it gets a friendly one."))
    command = CommandField(label=_("Command"), required=False, help_text=_("Replaces the image's command."))
    pull_policy = forms.ChoiceField(
        label=_("Pull the image"),
        required=False,
        choices=[
            ("missing", _("If it is missing")),
            ("always", _("Always: there may be a newer one")),
            ("never", _("Never")),
        ],
        help_text=_("The images it mounts as well."),
    )
    start = forms.BooleanField(label=_("Start it now"), required=False, initial=True)

    entrypoint = CommandField(label=_("Entrypoint"), required=False, help_text=_("Replaces the image's entrypoint."))
    env = forms.CharField(
        label=_("Environment"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "NAME=value"}),
        help_text=_("One NAME=value a line, added to the image's own."),
    )
    cwd = forms.CharField(label=_("Working directory"), required=False)
    user = forms.CharField(label=_("User"), required=False, help_text=_("Name or number, with :group if wanted."))
    hostname = forms.CharField(label=_("Host name"), required=False)
    tty = forms.BooleanField(label=_("Terminal"), required=False, help_text=_("Give its programs a terminal."))
    init = forms.BooleanField(
        label=_("Reaping first process"), required=False, help_text=_("For programs that leave children behind.")
    )

    auto_remove = forms.BooleanField(label=_("Remove it after its end"), required=False)
    ttl_minutes = forms.FloatField(
        label=_("Remove it after (minutes)"), required=False, help_text=_("Running or not; empty is never.")
    )
    health_command = forms.CharField(
        label=_("Health check"), required=False, help_text=_("A command of a shell inside it; 0 means that it is well.")
    )
    health_interval_s = forms.FloatField(label=_("Every (seconds)"), required=False)
    health_retries = forms.IntegerField(
        label=_("Failures until unhealthy"), required=False, help_text=_("In a row; 3 unless said otherwise.")
    )
    restart_when_unhealthy = forms.BooleanField(
        label=_("End it when it is unhealthy"), required=False, help_text=_("So that it is started again.")
    )

    mounts = forms.CharField(
        label=_("Volumes"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "data:/var/lib/data"}),
        help_text=_("One NAME:/path a line, with :ro if it is only read."),
    )
    volumes_from = forms.CharField(
        label=_("Volumes of other containers"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "database:ro"}),
        help_text=_("One name or id a line, with :ro if they are only read."),
    )
    images = forms.CharField(
        label=_("Other images"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "tools:1.0:/opt/tools"}),
        help_text=_("One IMAGE:/path a line: what the image holds, to be read there."),
    )
    tmpfs = forms.CharField(
        label=_("Folders in memory"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "/run"}),
        help_text=_("One /path a line; what is in them is gone with each run."),
    )
    shm_mib = forms.IntegerField(
        label=_("Shared memory (MiB)"), required=False, help_text=_("64 unless said otherwise.")
    )
    read_only = forms.BooleanField(label=_("Read-only root"), required=False)

    NETWORKS = [
        ("none", _("None: only loopback")),
        ("bridge", _("Bridge: addresses of its own, and a way out")),
        ("host", _("Host: the host's own network")),
    ]
    network = forms.ChoiceField(label=_("Network"), choices=NETWORKS, initial="none")
    extra_hosts = forms.CharField(
        label=_("Known hosts"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "db:10.0.0.5"}),
        help_text=_("One name:address a line, for /etc/hosts."),
    )
    cap_drop = forms.CharField(
        label=_("Capabilities taken away"), required=False, help_text=_("Names with spaces between them, or ALL.")
    )
    cap_add = forms.CharField(label=_("Further capabilities"), required=False, help_text=_("Such as SYS_PTRACE."))
    userns_host = forms.BooleanField(
        label=_("The host's user ids"), required=False, help_text=_("Its root is then root on the host.")
    )
    privileged = forms.BooleanField(
        label=_("Privileged"),
        required=False,
        help_text=_("Takes nearly every guard away: it can do what the host can."),
    )

    BASIC = ("image", "pull_policy", "host", "name", "command")
    TRUSTED = ("cap_add", "userns_host", "privileged")
    # title, hint, and rows of fields that stand side by side
    SECTIONS: tuple[tuple[Any, Any, tuple[tuple[str, ...], ...]], ...] = (
        (
            _("Program"),
            _("environment, user, terminal"),
            (("env",), ("entrypoint", "cwd", "user", "hostname"), ("tty", "init")),
        ),
        (_("Limits"), _("memory, processors, processes"), (tuple(LimitsForm.LIMITS.values()),)),
        (
            _("Life"),
            _("restarts, health check, time to live"),
            (
                ("restart", "restart_retries"),
                ("health_command",),
                ("health_interval_s", "health_retries", "restart_when_unhealthy"),
                ("ttl_minutes", "auto_remove"),
            ),
        ),
        (
            _("Files"),
            _("volumes, images, memory, read-only root"),
            (("mounts",), ("volumes_from",), ("images",), ("tmpfs",), ("shm_mib", "read_only")),
        ),
        (
            _("Network and rights"),
            _("network, known hosts, capabilities"),
            (("network",), ("extra_hosts",), ("cap_drop", "cap_add"), ("userns_host", "privileged")),
        ),
    )
    MOUNTS = {"mounts": _mount, "images": _image_mount, "tmpfs": _memory_mount}
    """The fields of which each line is a mount, in their order in the specification."""
    typed = (
        *("image", "name", "command", "entrypoint", "env", "cwd", "user", "hostname", "health_command", "mounts"),
        *("volumes_from", "images"),
    )
    mono = (
        "command",
        "entrypoint",
        "env",
        "cwd",
        "health_command",
        "mounts",
        "volumes_from",
        "images",
        "tmpfs",
        "extra_hosts",
    )
    places = LimitsForm.PLACES | {
        "restart": "restart",
        "shm_size_bytes": "shm_mib",
        "ttl_s": "ttl_minutes",
        "health.interval_s": "health_interval_s",
        "health.retries": "health_retries",
        "health": "health_command",
        "userns": "userns_host",
    }

    def __init__(self, *args: Any, is_trusted: bool = False, may_pull: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        without_needless_host(self.fields)
        if not may_pull:
            del self.fields["pull_policy"]
        if is_trusted:
            self.fields["mounts"].help_text = _("One NAME:/path or /path/of/host:/path a line, with :ro if only read.")
        else:
            self._leave_out_trust()
        self.fields["image"].widget.attrs |= {"list": "images"}

    def _leave_out_trust(self) -> None:
        """Not asked of everyone. Who sends it all the same is refused by the service, which writes that down."""
        for name in self.TRUSTED:
            del self.fields[name]
        network = self.fields["network"]
        assert isinstance(network, forms.ChoiceField)  # noqa: S101 - it is, a few lines above
        network.choices = [choice for choice in self.NETWORKS if choice[0] != "host"]

    def place(self, field: str) -> str:
        """Mounts are asked for by three fields, a line each."""
        if not (found := _MOUNT.match(field)):
            return super().place(field)
        asked = [name for name in self.MOUNTS for _line in lines(self.cleaned_data[name])]
        return asked[int(found[1])]

    def basic_fields(self) -> list[forms.BoundField]:
        """What nearly everyone fills in."""
        return [self[name] for name in self.BASIC if name in self.fields]

    def sections(self) -> list[Section]:
        """The rest."""
        return [Section(title, hint, *self._rows(rows)) for title, hint, rows in self.SECTIONS]

    def _rows(self, rows: tuple[tuple[str, ...], ...]) -> tuple[tuple[tuple[forms.BoundField, ...], ...], bool]:
        """The fields there are, and whether one of them was touched."""
        bound = tuple(tuple(self[name] for name in row if name in self.fields) for row in rows)
        return tuple(row for row in bound if row), self._is_touched({name for row in rows for name in row})

    def _is_touched(self, names: set[str]) -> bool:
        return self.is_bound and bool(names & ({*self.changed_data, *self.errors} - {"network", "restart"}))

    def pull(self) -> str:
        """When its image is pulled; never for who may not, and where nothing was said."""
        return (self.cleaned_data["pull_policy"] or "never") if "pull_policy" in self.fields else "never"

    def to_spec(self) -> dict[str, Any]:
        """What was asked, under the specification's names; what was left empty is not in it."""
        given: dict[str, Any] = {"cap_add": "", "userns_host": False, "privileged": False} | self.cleaned_data
        spec = {name: given[name] for name in ("image", "name", "command", "entrypoint", "cwd", "user", "hostname")}
        spec |= {name: given[name] for name in ("tty", "init", "read_only", "network", "privileged", "auto_remove")}
        spec |= {name: lines(given[name]) for name in ("env", "extra_hosts", "volumes_from")}
        spec |= {name: given[name].replace(",", " ").split() for name in ("cap_add", "cap_drop")}
        spec["userns"] = "host" if given["userns_host"] else ""
        spec["resources"] = {name: value for name, value in self.limits().items() if value is not None}
        spec["restart"] = self.restart_policy()
        spec["restart_when_unhealthy"] = given["restart_when_unhealthy"]
        spec["health"] = self._health()
        spec["mounts"] = [read(line) for name, read in self.MOUNTS.items() for line in lines(given[name])]
        if given["shm_mib"] is not None:
            spec["shm_size_bytes"] = given["shm_mib"] * MIB
        if given["ttl_minutes"] is not None:
            spec["ttl_s"] = given["ttl_minutes"] * 60
        return {name: value for name, value in spec.items() if value not in ("", [], {})}

    def _health(self) -> dict[str, Any]:
        given = self.cleaned_data
        health = {"interval_s": given["health_interval_s"], "retries": given["health_retries"]}
        if given["health_command"]:
            health["test"] = ["CMD-SHELL", given["health_command"]]
        return {name: value for name, value in health.items() if value is not None}
