"""Single requests to registries."""

import pytest

from engine.errors import Unreachable
from engine.images.registry.transport import Transport
from engine.spec.registry import RegistryAccess


def test_what_an_address_holds_is_in_no_log_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    transport = Transport(RegistryAccess("127.0.0.1:1"))

    with pytest.raises(Unreachable) as caught:
        transport.send("GET", "http://127.0.0.1:1/blob?signature=key-to-it", headers={})

    assert "key-to-it" not in caplog.text + caught.value.message
