"""A run as a folder: traces, what is known about them, the result, and the reports made of it."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

from domain.errors import BadInput
from evals import marking
from evals.cases import Trace, card_of, load_traces, save
from evals.report import html_of, junit_of, markdown_of
from evals.suites import calibration, dynamic, handoff, injection, intents, out_of_scope, scoring, slots

TRACES: Final = "traces.jsonl"
ABOUT: Final = "about.json"
RESULT: Final = "result.json"
LEARNT: Final = {
    scoring.SUITE: scoring.score,
    calibration.SUITE: calibration.score,
    dynamic.SUITE: dynamic.score,
    handoff.SUITE: handoff.score,
    out_of_scope.SUITE: out_of_scope.score,
    intents.SUITE: intents.score,
    injection.SUITE: injection.score,
    slots.SUITE: slots.score,
}
"""Suites with figures of their own; all others mark behaviour."""


@dataclass(frozen=True, slots=True)
class Run:
    """Traces of one suite over one data set. `about` is what traces cannot know: split, leaks, bounds, notes."""

    traces: tuple[Trace, ...]
    about: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Suite and data set, fit for a folder."""
        case = self.traces[0].case
        kept = "".join(sign if sign.isalnum() else "-" for sign in f"{case.suite}-{case.dataset}".lower())
        return "-".join(part for part in kept.split("-") if part)[:80]

    def document(self, *, draws: int = 1_000, seed: int = 0) -> dict[str, Any]:
        """The result, from the stored answers alone. Raises: BadInput without traces."""
        if not self.traces:
            raise BadInput("traces", "there are none", "run the suite first")
        score = LEARNT.get(self.traces[0].case.suite, marking.score)
        return score(self.traces, self.about, draws=draws, seed=seed)


def save_run(folder: Path, run: Run, document: Mapping[str, Any]) -> Path:
    """Write the run below `folder`, in a folder of its name, whole or not at all. Raises: BadInput."""
    place = folder / run.name
    draft = place.with_name(f"{place.name}.part")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        sha256 = save(draft / TRACES, run.traces)
        cases = [trace.case for trace in run.traces]
        card = card_of(cases, source=str(run.about.get("source", "")), split=str(run.about.get("split", "")))
        _write(draft / ABOUT, {**run.about, "traces_sha256": sha256, "card": card.model_dump(mode="json")})
        _write(draft / RESULT, document)
        write_reports(draft, [document])
        shutil.rmtree(place, ignore_errors=True)
        draft.rename(place)
    except OSError as error:
        raise BadInput(str(folder), f"cannot be written ({error.strerror})", "name another folder") from None
    return place


def write_reports(folder: Path, documents: Sequence[Mapping[str, Any]]) -> None:
    """``report.html``, ``report.md`` and ``junit.xml``. Raises: BadInput."""
    made = {
        "report.html": html_of(documents),
        "report.md": markdown_of(documents),
        "junit.xml": junit_of(documents),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(str(folder), f"cannot be written ({error.strerror})", "name another folder") from None


def load_run(place: Path) -> Run:
    """A run's folder, or a file of traces, with what is known about them where it lies beside.

    Raises: BadInput for what cannot be read, or traces that are not those the folder says it holds.
    """
    file = place / TRACES if place.is_dir() else place
    traces = load_traces(file)
    beside = file.with_name(ABOUT)
    about = _read(beside) if beside.exists() else {}
    wanted = about.pop("traces_sha256", None)
    if wanted is not None and wanted != _sha256(file):
        raise BadInput(
            str(file), "is not what the run wrote", "run again, or score the file in a folder of its own"
        )
    return Run(traces, about)


def load_result(place: Path) -> dict[str, Any]:
    """The result of a run's folder. Raises: BadInput."""
    return _read(place / RESULT if place.is_dir() else place)


def bless(place: Path, home: Path) -> Path:
    """Make a run the reference of its suite and data set in `home`; gives where it lies. Raises: BadInput."""
    run = load_run(place)
    if not run.traces:
        raise BadInput(str(place), "holds no traces", "bless a run")
    target = reference_of(home, run)
    draft = target.with_name(f"{target.name}.part")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        source = place if place.is_dir() else place.parent
        for name in (TRACES, ABOUT, RESULT):
            if (source / name).exists():
                shutil.copyfile(source / name, draft / name)
        shutil.rmtree(target, ignore_errors=True)
        draft.rename(target)
    except OSError as error:
        raise BadInput(
            str(target), f"cannot be written ({error.strerror})", "see the home's rights"
        ) from None
    return target


def reference_of(home: Path, run: Run) -> Path:
    """Where the reference of such runs lies."""
    return home / "evals" / "reference" / run.name


def _write(file: Path, document: Mapping[str, Any]) -> None:
    file.write_text(
        json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BadInput(str(file), "cannot be read as JSON", "name the folder of a run") from None
    if not isinstance(found, dict):
        raise BadInput(str(file), "holds no result", "name the folder of a run")
    return found


def _sha256(file: Path) -> str:
    with file.open("rb") as source:
        return file_digest(source, "sha256").hexdigest()
