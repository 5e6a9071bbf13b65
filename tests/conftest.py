"""What every test can ask for: real services, a whole panel; and a summary that names what this machine cannot do."""

import os
from collections.abc import Generator

import pytest

from tests.services.panel import Panel, panel
from tests.services.postgres import postgres_server
from tests.services.redis import redis_server
from tests.services.registry import closed_registry, registry

__all__ = ["closed_registry", "panel", "postgres_server", "redis_server", "registry"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser's tests come last: Playwright keeps an event loop running, beside which no other may start."""
    items.sort(key=lambda item: "e2e" in item.path.parts)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what each running panel wrote since the test began, when the test fails."""
    report = yield
    for started in Panel.running:
        if report.failed:
            report.sections.append((f"output of the panel at {started.bind}", started.output()))
        started.forget_output(is_over=report.when == "teardown")
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each kernel feature or program whose absence kept tests from running, with how many it was."""
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        _, _, reason = report.longrepr
        reasons[reason.removeprefix("Skipped: ")] = reasons.get(reason.removeprefix("Skipped: "), 0) + 1
    if reasons:
        terminalreporter.section("not possible on this machine")
        for reason, count in sorted(reasons.items()):
            terminalreporter.line(f"{count} test{'s' * (count > 1)}: {reason}")
    if guest := os.environ.get("MOORAGE_GUEST"):
        terminalreporter.section("cgroup v2 guest")
        terminalreporter.line(guest)
