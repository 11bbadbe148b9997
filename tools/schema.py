"""The published schemas beside the code: ``python -m tools.schema check`` and ``write``.

`check` fails if a published file is not what the code makes today, or if a version cannot be lifted to the
next without loss. `write` renews the files, and refuses a change that breaks senders: that needs a new
version.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.schema import VERSIONS, incompatibilities, lifted, published

FOLDER = Path(str(resources.files("domain"))) / "schemas"
app = typer.Typer(add_completion=False, no_args_is_help=True, help="Keep the published signal schemas true.")
Folder = Annotated[Path, typer.Option(help="Folder of the published files.")]


def problems(folder: Path = FOLDER, against: Path | None = None) -> list[str]:
    """Everything wrong with the published schemas, one line per place; empty if all is well.

    `against` is a folder of earlier published files: each version must still take all that it took then.
    """
    found: list[str] = []
    for version in VERSIONS:
        file, made = folder / f"signal-{version}.json", published(version)
        old = _read(file, found)
        if old is not None and old != made:
            broken = incompatibilities(old, made)
            found += [f"{file.name}: {line}" for line in broken] or [
                f"{file.name}: is older than the code, though compatible; run: python -m tools.schema write"
            ]
        if against is not None and (before := _read(against / file.name, found)) is not None:
            found += [f"{file.name}, against before: {line}" for line in incompatibilities(before, made)]
    for version in VERSIONS[:-1]:
        lines = incompatibilities(lifted(version), published(version + 1))
        found += [f"version {version} lifted to {version + 1}: {line}" for line in lines]
    return found


@app.command()
def check(
    folder: Folder = FOLDER,
    against: Annotated[Path | None, typer.Option(help="Folder of earlier published files.")] = None,
) -> None:
    """Compare the published schemas with the code, and each version with the next."""
    found = problems(folder, against)
    for line in found:
        typer.echo(line, err=True)
    if found:
        raise typer.Exit(1)
    typer.echo(f"{len(VERSIONS)} schemas are as published, and each can be lifted to the next")


@app.command()
def write(folder: Folder = FOLDER) -> None:
    """Renew the published schemas, unless a sender of the same version would feel it."""
    for version in VERSIONS:
        file, made = folder / f"signal-{version}.json", published(version)
        broken = incompatibilities(_read(file, []) or made, made)
        if broken:
            typer.echo("\n".join(f"{file.name}: {line}; make a new version" for line in broken), err=True)
            raise typer.Exit(1)
        file.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        typer.echo(f"wrote {file.name}")


def _read(file: Path, found: list[str]) -> dict[str, Any] | None:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        found.append(f"{file.name}: cannot be read ({type(error).__name__})")
        return None
    if isinstance(document, dict):
        return document
    found.append(f"{file.name}: is not a schema")
    return None


if __name__ == "__main__":
    app()
