"""Where the command line writes what goes wrong: `--log`, as text or as JSON lines, in the form runc's callers read."""

import json
import sys
import time
from pathlib import Path


class Diary:
    """Lines of level `error`, `warning` or, if asked for, `debug`; what is no file goes to standard error.

    Raises OSError for a file that cannot be written to.
    """

    def __init__(self, path: Path | None, *, is_json: bool, is_debug: bool) -> None:
        if path is not None:
            path.open("a").close()
        self._path = path
        self._is_json = is_json
        self._is_debug = is_debug

    def error(self, message: str) -> None:
        """What made a command fail; standard error hears of it in any case."""
        self._write("error", message)
        if self._path is not None:
            print(message, file=sys.stderr)

    def warning(self, message: str) -> None:
        """What was asked for and is not done, or went wrong without harm."""
        self._write("warning", message)

    def debug(self, message: str) -> None:
        """For whoever looks for a fault."""
        if self._is_debug:
            self._write("debug", message)

    def _write(self, level: str, message: str) -> None:
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self._is_json:
            line = json.dumps({"level": level, "msg": message, "time": now})
        else:
            line = f'time="{now}" level={level} msg={json.dumps(message, ensure_ascii=False)}'
        if self._path is None:
            print(line, file=sys.stderr)
            return
        with self._path.open("a") as file:
            file.write(line + "\n")
