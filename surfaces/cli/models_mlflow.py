"""``leadgraph models push`` and ``pull``: packages in MLflow's registry, as an extra."""

import asyncio
from typing import Annotated

import typer

from domain.model_shelf import split_of
from surfaces.cli.context import cli, emit, fail
from surfaces.model_moves import moved

Server = Annotated[str, typer.Option("--server", help="MLflow's tracking address, such as http://host:5000.")]
Name = Annotated[str, typer.Option("--name", help="Name of the model there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable result on stdout.")]


def push(
    ctx: typer.Context, *, version: Annotated[str, typer.Argument(help="Version of a package.")], server: Server,
    name: Name = "leadgraph", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Put a package into MLflow; once, however often it is pushed. Needs the extra `mlflow`."""
    tools = cli(ctx)
    with tools.open(exclusive=False) as home:
        stored = home.models.stored(version) if home.models else None
        if home.models is None or stored is None:
            fail(ctx, f"there is no package {version}")
        split = split_of(home.models.history(), version)
    place = tools.tools.mlflow(server).push(stored, name=name, split=split)
    emit({"version": version, "place": place}) if as_json else tools.out.print(place, highlight=False)


def pull(
    ctx: typer.Context, *, version: Annotated[str, typer.Argument(help="Version of a package.")], server: Server,
    name: Name = "leadgraph", as_json: AsJson = False,
) -> None:  # fmt: skip
    """Take a package from MLflow into the home; it is checked against its version, and scores nothing yet."""
    tools = cli(ctx)
    found = tools.tools.mlflow(server).pull(version, name=name)
    with tools.open() as home:
        if home.models is None:
            fail(ctx, "this home has no registry of models")
        pending = home.models.register(
            found.package, found.files, split=found.split, who=tools.tools.user_name(), at=home.clock.now(),
            comment=f"pulled from {server}",
        )  # fmt: skip
        if pending is not None:
            asyncio.run(moved(home.models, home.audit, pending))
    document = {"version": version, "new": pending is not None}
    emit(document) if as_json else tools.out.print(f"{version} is here", highlight=False)
