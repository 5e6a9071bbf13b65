"""What registries say about how to sign in."""

import pytest

from engine.images.registry.authentication import Challenge, challenges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        ("Negotiate", []),
        ('Basic realm="a, b"', [Challenge("basic", {"realm": "a, b"})]),
        (
            'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
            [
                Challenge(
                    "bearer",
                    {
                        "realm": "https://auth.docker.io/token",
                        "service": "registry.docker.io",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (
            "bearer realm=https://a.example/token, Basic realm=x",
            [Challenge("bearer", {"realm": "https://a.example/token"}), Challenge("basic", {"realm": "x"})],
        ),
    ],
)
def test_challenges_are_read(header: str, expected: list[Challenge]) -> None:
    assert challenges(header) == expected
