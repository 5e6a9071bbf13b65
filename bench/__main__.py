"""Runs the benchmarks that were asked for, or all; prints a table and writes `bench/out/results.json`."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import bench
from bench.result import Result

OUT = Path(__file__).parent / "out"
BENCHMARK_PREFIX = "measure_"

Benchmark = Callable[[Path], Iterator[Result]]


def main(wanted: list[str]) -> int:
    """Run the benchmarks whose names are given; 1 if a bar is missed, 2 for an unknown name."""
    known = benchmarks()
    if unknown := set(wanted) - set(known):
        sys.stderr.write(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(known)}\n")
        return 2
    results = [result for name in wanted or known for result in run(name, known[name])]
    save(results)
    print(table(results))
    return int(any(result.is_ok is False for result in results))


def benchmarks() -> dict[str, Benchmark]:
    """Every module `bench/measure_<name>.py` by name; each has `measure(folder)`."""
    names = [found.name for found in iter_modules(bench.__path__) if found.name.startswith(BENCHMARK_PREFIX)]
    return {name.removeprefix(BENCHMARK_PREFIX): import_module(f"bench.{name}").measure for name in names}


def run(name: str, measure: Benchmark) -> Iterator[Result]:
    """Measure in a folder of its own, which the panel's user can reach."""
    with tempfile.TemporaryDirectory(prefix="mb-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        yield from measure(Path(folder))


def save(results: list[Result]) -> None:
    """Write the rows; those of benchmarks that did not run this time stay as they were."""
    path = OUT / "results.json"
    OUT.mkdir(exist_ok=True)
    rows = {row["name"]: row for row in json.loads(path.read_text())} if path.exists() else {}
    rows |= {result.name: result.to_json() for result in results}
    path.write_text(json.dumps(list(rows.values()), indent=2, ensure_ascii=False) + "\n")


def table(results: list[Result]) -> str:
    """The results as text, one line each."""
    head = ("what", "value", "", "peer", "its value", "ratio", "bar", "")
    rows = [head, *(cells(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def cells(result: Result) -> tuple[str, ...]:
    """One row of the table."""
    ratio, bar = result.ratio, result.bar
    verdict = {True: "ok", False: "MISSED", None: ""}[result.is_ok]
    bar_text = "" if bar is None else f"≤ {bar:g}" + (" of it" if result.peer else f" {result.unit}")
    peer_value = "" if result.peer_value is None else f"{result.peer_value:.2f}"
    ratio_text = "" if ratio is None else f"{ratio:.3f}"
    return result.name, f"{result.value:.2f}", result.unit, result.peer or "", peer_value, ratio_text, bar_text, verdict


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
