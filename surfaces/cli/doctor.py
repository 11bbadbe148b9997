"""``leadgraph doctor``: what the environment is, where each setting came from, and what is broken."""

from typing import Annotated

import typer

from surfaces.cli.context import Exit, cli, emit

app = typer.Typer()


@app.command()
def main(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")] = False,
) -> None:
    """Look at Python, packages, the home, keys, the anchor and the tables; exit code 1 if anything is broken."""
    tools = cli(ctx)
    found, checks = tools.tools.diagnose()
    broken = [check for check in checks if not check.ok]
    if as_json:
        settings = {
            name: {"value": str(getattr(found.settings, name)), "from": origin}
            for name, origin in found.origin.items()
        }
        rows = [{"name": c.name, "ok": c.ok, "detail": c.detail, "remedy": c.remedy} for c in checks]
        emit({"ok": not broken, "settings": settings, "checks": rows})
    else:
        for check in checks:
            mark = "[green]ok[/]    " if check.ok else "[bold red]broken[/]"
            tools.out.print(mark, end=" ")
            tools.out.print(f"{check.name}: {check.detail}", highlight=False, markup=False)
            if not check.ok:
                tools.out.print(f"       remedy: {check.remedy}", highlight=False, markup=False)
        tools.out.print("\n[bold]settings[/]")
        for name, origin in found.origin.items():
            value = getattr(found.settings, name)
            tools.out.print(f"  {name} = {value}   ({origin})", highlight=False, markup=False)
    if broken:
        raise typer.Exit(int(Exit.ERROR))
