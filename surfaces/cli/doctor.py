"""``leadgraph doctor``: what the environment is, where each setting came from, and what is broken."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.errors import LeadgraphError
from surfaces.cli.context import Cli, Exit, cli, emit

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """Look at Python, packages, the home, keys, the anchor and the tables; exit code 1 if anything is broken.

    If nothing is, say of each champion whether it should be trained anew. That is work to do, nothing broken.
    """
    tools = cli(ctx)
    found, checks = tools.tools.diagnose()
    broken = [check for check in checks if not check.ok]
    models = _models(tools, found.settings.home) if not broken else []
    if as_json:
        settings = {
            name: {"value": str(getattr(found.settings, name)), "from": origin}
            for name, origin in found.origin.items()
        }
        rows = [{"name": c.name, "ok": c.ok, "detail": c.detail, "remedy": c.remedy} for c in checks]
        emit({"ok": not broken, "settings": settings, "checks": rows, "models": models})
    else:
        for check in checks:
            mark = "[green]ok[/]    " if check.ok else "[bold red]broken[/]"
            tools.out.print(mark, end=" ")
            tools.out.print(f"{check.name}: {check.detail}", highlight=False, markup=False)
            if not check.ok:
                tools.out.print(f"       remedy: {check.remedy}", highlight=False, markup=False)
        for one in models:
            _tell(tools, one)
        tools.out.print("\n[bold]settings[/]")
        for name, origin in found.origin.items():
            value = getattr(found.settings, name)
            tools.out.print(f"  {name} = {value}   ({origin})", highlight=False, markup=False)
    if broken:
        raise typer.Exit(int(Exit.ERROR))


def _models(tools: Cli, home_folder: Path) -> list[dict[str, Any]]:
    """What each champion of the home needs; nothing in a home that has no package."""
    if not (home_folder / "models").is_dir():
        return []
    from surfaces.retraining import retraining

    try:
        with tools.open(exclusive=False) as home:
            return [one.document() for one in asyncio.run(retraining(home))]
    except LeadgraphError as error:
        return [{"version": "", "due": False, "words": f"cannot be judged now: {error}", "remedy": ""}]


def _tell(tools: Cli, one: dict[str, Any]) -> None:
    tools.out.print("[bold yellow]due[/]   " if one["due"] else "[green]ok[/]    ", end=" ")
    tools.out.print(f"model {one['version']}: {one['words']}", highlight=False, markup=False)
    if one["remedy"]:
        tools.out.print(f"       remedy: {one['remedy']}", highlight=False, markup=False)
