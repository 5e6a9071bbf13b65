"""The switches of an installation and their defaults."""

from pathlib import Path

import pytest

from panel.environment import Environment, InvalidEnvironmentError


def test_nothing_set_means_the_embedded_services_of_one_machine() -> None:
    environment = Environment.from_env({})
    assert environment == Environment(
        home=Path("/var/lib/moorage"),
        run=Path("/run/moorage"),
        redis_url="unix:///run/moorage/redis/redis.sock",
        database_url="sqlite:////var/lib/moorage/panel/db.sqlite3",
        bind="127.0.0.1:8000",
        host_name="local",
    )
    assert environment.broker_url == "redis+socket:///run/moorage/redis/redis.sock"


def test_a_redis_of_ones_own_is_the_broker_as_it_stands() -> None:
    environment = Environment.from_env({"MOORAGE_REDIS_URL": "redis://db.example:6379/3"})
    assert environment.broker_url == environment.redis_url == "redis://db.example:6379/3"


def test_a_relative_folder_is_refused() -> None:
    with pytest.raises(InvalidEnvironmentError, match="MOORAGE_HOME is 'state'"):
        Environment.from_env({"MOORAGE_HOME": "state"})


def test_a_host_name_that_cannot_name_a_queue_is_refused() -> None:
    with pytest.raises(InvalidEnvironmentError, match="MOORAGE_HOST"):
        Environment.from_env({"MOORAGE_HOST": "a.b c"})
