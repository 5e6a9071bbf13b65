"""What can stop a panel from starting, told with its remedy."""


class SetupError(Exception):
    """The panel cannot start as things are; `remedy` is what the administrator can do about it."""

    def __init__(self, problem: str, *, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
