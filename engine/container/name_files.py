"""Writes a container's own `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`, as Docker makes them."""

import ipaddress
import json
import os
from collections.abc import Sequence
from pathlib import Path

from engine.spec.container import ContainerSpec, NetworkMode
from engine.spec.name_lookup import host_entry

FILES = ("hosts", "hostname", "resolv.conf")
_MADE = "names.json"
"""What was last written into the files, to tell whether the container has changed them since; made at that time."""
_OWN = "own"
"""In that file: the last lines of `hosts`, the container's own addresses."""
_MODE = 0o644
_HOSTS = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::\tip6-localnet
ff00::\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


def write(
    folder: Path, spec: ContainerSpec, hostname: str, addresses: Sequence[str] = (), *, host_etc: Path = Path("/etc")
) -> None:
    """Write the three files into the container's folder, from where they are mounted. `addresses` are its own."""
    own = "".join(f"{address}\t{hostname}\n" for address in addresses)
    texts = {
        "hosts": _hosts(spec, host_etc) + own,
        "hostname": f"{hostname}\n",
        "resolv.conf": _resolver(spec, host_etc),
    }
    for name in FILES:
        _fill(folder / name, texts[name])
    _fill(folder / _MADE, json.dumps(texts | {_OWN: own}))


def refresh(folder: Path, *, host_etc: Path = Path("/etc")) -> None:
    """Bring the files up to date where the host's changed since, and the container did not change its own.

    The container must not run.
    """
    if _changed_at(folder / _MADE) > max(_changed_at(host_etc / name) for name in ("hosts", "resolv.conf")):
        return
    spec = ContainerSpec.from_json(json.loads((folder / "spec.json").read_bytes()))
    made = json.loads(_read(folder / _MADE) or "{}")
    hosts = _hosts(spec, host_etc) + made.get(_OWN, "")
    for name, text in (("hosts", hosts), ("resolv.conf", _resolver(spec, host_etc))):
        if name in made and _is_as_made(folder / name, made[name]):
            _fill(folder / name, text)
            made[name] = text
    _fill(folder / _MADE, json.dumps(made))


def _fill(path: Path, text: str) -> None:
    path.write_text(text, errors="surrogateescape")
    os.chmod(path, _MODE)


def _is_as_made(path: Path, text: str) -> bool:
    """Whether a file that a container may have filled with anything, of any size, still holds this text."""
    data = text.encode(errors="surrogateescape")
    with path.open("rb") as file:
        return file.read(len(data) + 1) == data


def _changed_at(path: Path) -> int:
    """Nanoseconds since 1970, 0 for a file that is not there."""
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def _hosts(spec: ContainerSpec, host_etc: Path) -> str:
    text = _read(host_etc / "hosts") if spec.network == NetworkMode.HOST else _HOSTS
    if text and not text.endswith("\n"):
        text += "\n"
    entries = [host_entry("extra_hosts", entry) for entry in spec.extra_hosts]
    return text + "".join(f"{address}\t{name}\n" for name, address in entries)


def _resolver(spec: ContainerSpec, host_etc: Path) -> str:
    """What is not said comes from the host; its name servers on loopback only where the network is the host's too."""
    host = _read(host_etc / "resolv.conf").splitlines()
    if spec.network == NetworkMode.HOST and not (spec.dns or spec.dns_search or spec.dns_options):
        return "".join(f"{line}\n" for line in host)
    servers = list(spec.dns) or [name for name in _words(host, "nameserver") if _is_reachable(spec, name)]
    search = list(spec.dns_search) or _words(host, "search")
    options = list(spec.dns_options) or _words(host, "options")
    lines = [f"nameserver {server}" for server in servers]
    if search and search != ["."]:  # a lone dot: no search at all
        lines.append(f"search {' '.join(search)}")
    if options:
        lines.append(f"options {' '.join(options)}")
    return "".join(f"{line}\n" for line in lines)


def _is_reachable(spec: ContainerSpec, server: str) -> bool:
    if spec.network == NetworkMode.HOST:
        return True
    try:
        return not ipaddress.ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _words(lines: list[str], key: str) -> list[str]:
    """The values of every line that begins with `key` (resolv.conf(5)); of `search` the last line counts."""
    found = [line.split()[1:] for line in lines if line.split()[:1] == [key]]
    return [word for words in (found[-1:] if key == "search" else found) for word in words]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="surrogateescape")
    except FileNotFoundError:
        return ""
