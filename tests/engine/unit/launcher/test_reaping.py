"""Whom the launcher waits for."""

from unittest.mock import Mock

from engine.launcher.launcher import Launcher


def test_a_shim_of_a_launcher_before_is_waited_for_by_nobody_here() -> None:
    """Its pid is not known: 0, which to waitpid(2) is whoever is in the caller's process group, perhaps for ever."""
    launcher = Launcher.__new__(Launcher)
    launcher.zygote = Mock()
    launcher._reap_shim(0)
    launcher.zygote.reap.assert_not_called()
    launcher._reap_shim(1)
    launcher.zygote.reap.assert_called_once_with(1)
