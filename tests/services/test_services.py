"""The services that tests get are real and answer."""

import psycopg
import redis


def test_redis_answers_on_the_socket_of_the_settings(redis_server: str) -> None:
    with redis.Redis.from_url(redis_server) as client:
        assert client.ping()


def test_postgresql_answers_without_tcp(postgres_server: str) -> None:
    with psycopg.connect(postgres_server) as connection:
        row = connection.execute("SHOW listen_addresses").fetchone()
    assert row == ("",)
