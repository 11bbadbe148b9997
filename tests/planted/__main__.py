"""``make planted``: apply each patch to a copy of the tree, see its test fail, and take it out again.

``--sample 40`` tries forty of them, others for each commit (or ``--seed``), after seeing that all apply.
A patch begins with two comment lines, ``# breaks: <promise>`` and ``# caught by: <test id>``. The command fails if a
patch no longer applies, if its test passes in spite of it, or if the test fails without it.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache",
                                  ".hypothesis", ".leadgraph*", "*.egg-info")  # fmt: skip
SECONDS = 240


@dataclass(frozen=True)
class Planted:
    """One patch."""

    file: Path
    breaks: str
    test: str


@dataclass(frozen=True)
class Seen:
    """What became of it."""

    planted: Planted
    caught: bool
    words: str


def read(file: Path) -> Planted:
    """The header of a patch. Raises: ValueError if it has none."""
    head = dict(
        line[2:].split(": ", 1)
        for line in file.read_text("utf-8").splitlines()[:6]
        if line.startswith("# ") and ": " in line
    )
    if "breaks" not in head or "caught by" not in head:
        raise ValueError(f"{file.name}: the first lines must say '# breaks: ...' and '# caught by: ...'")
    return Planted(file, head["breaks"], head["caught by"])


def try_one(planted: Planted, copies: "Queue[Path]") -> Seen:
    """Apply to a copy that nobody else uses, run its test there, and take the patch out again."""
    copy = copies.get()
    try:
        applied = _patch(planted, copy)
        if applied.returncode:
            return Seen(planted, False, f"does not apply: {applied.stderr.strip().splitlines()[0]}")
        ran = _pytest([planted.test], copy)
        _patch(planted, copy, "--reverse").check_returncode()
    finally:
        copies.put(copy)
    if ran.returncode == 1:
        return Seen(planted, True, "caught")
    tail = (ran.stdout.strip().splitlines() or ["no output"])[-1]
    return Seen(planted, False, "NOT caught" if ran.returncode == 0 else f"the test did not run: {tail}")


def _patch(planted: Planted, copy: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Apply or reverse a patch; compiled code of what it touches goes, as its age may not tell the two apart."""
    done = _call(["git", "apply", "-p1", *options, str(planted.file)], copy)
    for line in planted.file.read_text("utf-8").splitlines():
        if line.startswith("+++ b/"):
            touched = copy / line.removeprefix("+++ b/").strip()
            for compiled in (touched.parent / "__pycache__").glob(f"{touched.stem}.*"):
                compiled.unlink()
    return done


def _pytest(tests: Iterable[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return _call(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-n", "0", *tests], folder
    )


def _call(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    environment.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # a copy serves many patches: what is compiled once stays
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )


def try_all(bugs: Sequence[Planted]) -> list[Seen]:
    """Every patch, as many at a time as there are processors, each processor in a copy of its own."""
    workers = max(1, os.cpu_count() or 1)
    copies: Queue[Path] = Queue()
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(workers):
            copy = Path(scratch) / f"tree{number}"
            shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
            copies.put(copy)
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(lambda bug: try_one(bug, copies), bugs))


def main() -> int:
    """Try every patch (or those whose name contains an argument, or a sample); 0 if all are caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.planted")
    parser.add_argument("wanted", nargs="*", help="parts of the names of the patches to try")
    parser.add_argument("--sample", type=int, help="try as many as this, picked by chance")
    parser.add_argument("--seed", help="of the chance; left out: the commit")
    given = parser.parse_args()
    files = sorted(Path(__file__).parent.glob("*.patch"))
    bugs = [read(file) for file in files if not given.wanted or any(one in file.name for one in given.wanted)]
    if given.sample is not None and given.sample < len(bugs):
        stale = [bug.file.name for bug in bugs if _patch_applies(bug).returncode]
        if stale:
            sys.stdout.write(f"do not apply: {', '.join(stale)}\n")
            return 1
        bugs = _sampled(bugs, given.sample, given.seed or _commit())
    sys.stdout.write(f"{len(bugs)} planted bugs; first their tests as they are\n")
    whole = _pytest(sorted({bug.test for bug in bugs}), ROOT)
    if whole.returncode:
        sys.stdout.write(f"the tests fail without any bug:\n{whole.stdout[-3000:]}\n")
        return 1
    return told(try_all(bugs))


def told(results: Sequence[Seen]) -> int:
    """Print what was seen; 0 if every bug was caught."""
    for seen in results:
        sys.stdout.write(
            f"{'ok  ' if seen.caught else 'BAD '} {seen.planted.file.stem:<40} {seen.words:<12} {seen.planted.breaks}\n"
        )
    missed = sum(not seen.caught for seen in results)
    sys.stdout.write(f"{len(results) - missed} passed, {missed} failed\n")
    return 1 if missed or not results else 0


def _sampled(bugs: Sequence[Planted], number: int, seed: str) -> list[Planted]:
    sys.stdout.write(
        f"all {len(bugs)} apply; a sample of {number}, again with: --sample {number} --seed {seed}\n"
    )
    return sorted(random.Random(seed).sample(bugs, number), key=lambda bug: bug.file.name)


def _patch_applies(planted: Planted) -> subprocess.CompletedProcess[str]:
    return _call(["git", "apply", "--check", "-p1", str(planted.file)], ROOT)


def _commit() -> str:
    """The commit's short name; a fixed word outside a repository."""
    return _call(["git", "rev-parse", "--short", "HEAD"], ROOT).stdout.strip() or "none"


if __name__ == "__main__":
    sys.exit(main())
