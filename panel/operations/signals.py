"""What goes beside the queues, through Redis: "stop this operation" to a host, "this operation ended" to who waits."""

import functools

import redis

from panel.environment import Environment

CHANNEL = "moorage:operations"
CANCEL_KEPT_S = 7 * 24 * 3600


@functools.cache
def client() -> "redis.Redis":
    """This process's connections to the broker; they reconnect by themselves."""
    return redis.Redis.from_url(Environment.from_env().redis_url, socket_timeout=5, socket_connect_timeout=2)


def cancel_key(operation: str) -> str:
    """The key that, once set, asks the host to stop `operation`."""
    return f"moorage:cancel:{operation}"


def request_cancel(operation: str) -> None:
    """Ask the host to stop; redis.RedisError if the broker does not answer."""
    client().set(cancel_key(operation), "1", ex=CANCEL_KEPT_S)


def is_cancel_requested(operation: str) -> bool:
    """Whether somebody asked; redis.RedisError if the broker does not answer."""
    return bool(client().exists(cancel_key(operation)))


def publish_end(operation: str) -> None:
    """Wake whoever waits for the operation; redis.RedisError if the broker does not answer."""
    client().publish(CHANNEL, operation)
