"""The shipped policy as a folder of its own that a test may spoil, cell by cell."""

import csv
import shutil
from pathlib import Path

SHIPPED = Path(__file__).resolve().parents[3] / "config" / "policies"


class PolicyFolder:
    """A copy of the shipped policy."""

    def __init__(self, place: Path) -> None:
        self.path = place
        shutil.copytree(SHIPPED, place)

    def rows(self, file: str) -> list[dict[str, str]]:
        """Rows of a sheet, by header."""
        with (self.path / file).open(encoding="utf-8", newline="") as source:
            return list(csv.DictReader(source))

    def write(self, file: str, rows: list[dict[str, str]]) -> None:
        """Replace a sheet."""
        header = list(dict.fromkeys(name for row in rows for name in row))
        with (self.path / file).open("w", encoding="utf-8", newline="") as target:
            writer = csv.DictWriter(target, header, lineterminator="\n", restval="")
            writer.writeheader()
            writer.writerows(rows)

    def set(self, file: str, rule: str, /, **cells: str) -> None:
        """Change cells of one row; ``when__band`` stands for ``when:band``."""
        rows = self.rows(file)
        row = next(row for row in rows if rule in (row.get("rule"), row.get("case")))
        row.update({name.replace("__", ":"): text for name, text in cells.items()})
        self.write(file, rows)

    def edit(self, file: str, old: str, new: str) -> None:
        """Change text as an editor would."""
        text = (self.path / file).read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        (self.path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
