"""start: the program that waits is let go."""

import os
import socket

from engine.errors import Conflict, EngineError
from engine.launcher import failure, hooks, link, messages, room
from engine.runtime import gate, listener, sockets
from engine.runtime.delete import kill_all
from engine.runtime.store import Container, Status, Store, state
from engine.spec.runtime import Spec
from engine.sys import process


def start(store: Store, container_id: str) -> None:
    """Run the program of a container that was created, then the poststart hooks.

    Raises NotFound, Conflict for one that does not wait for it, CommandNotFound, CommandNotExecutable, or the error of
    the step or hook that failed; the container is stopped then.
    """
    container = store.get(container_id)
    spec = store.spec(container)
    with store.locked(container):
        status = store.status(container)
        if status is not Status.CREATED:
            raise Conflict(f"cannot start a container in the {status} state")
        with sockets.connected(store.gate(container_id), socket.SOCK_SEQPACKET) as starter:
            starter.send(messages.START)
            _await_program(starter, container, spec)
    _take_room_back(store, container)
    try:
        hooks.run("poststart", spec.hooks.poststart if spec.hooks else (), state(container, spec, Status.RUNNING))
    except EngineError:
        kill_all(store, container)
        raise


def _take_room_back(store: Store, container: Container) -> None:
    """The program has the limits it was given; one that has more by now is killed."""
    if not container.small_limits:
        return
    try:
        pidfd = process.pidfd_open(container.pid)
    except ProcessLookupError:
        return  # it has ended already
    try:
        room.take_back([(path, text.encode()) for path, text in container.small_limits], pidfd)
    finally:
        os.close(pidfd)
    store.forget_limits(container)


def _await_program(starter: socket.socket, container: Container, spec: Spec) -> None:
    while True:
        message, descriptors = link.receive(starter)
        if not message:
            return
        word, fields = messages.unpack(message)
        if word == gate.LISTENER:
            _give_listener(descriptors[0], container, spec)
            starter.send(messages.GO)
        else:
            path = next((entry[5:] for entry in spec.process.env if entry.startswith("PATH=")), "")
            raise failure.explain_fields(fields, path)


def _give_listener(descriptor: int, container: Container, spec: Spec) -> None:
    section = spec.linux.seccomp
    assert section is not None  # noqa: S101 - without one there is no filter, and so nothing to listen to
    known = state(container, spec, Status.CREATED)
    try:
        listener.give(section.listener_path, descriptor, known, section.listener_metadata)
    finally:
        os.close(descriptor)
