"""The root command: knows the nouns by name, loads only the one asked for, so that ``--help`` stays quick."""

import importlib
import sys
from collections.abc import Mapping
from typing import Any

import typer

from domain.errors import LeadgraphError
from surfaces.cli.context import Cli, Exit

NOUNS: Mapping[str, tuple[str, str]] = {
    "demo": ("surfaces.cli.demo", "Run the main job end to end on a made-up company."),
    "replay": ("surfaces.cli.replay", "Replay a file of signals as the stream it was."),
    "score": ("surfaces.cli.score", "Score leads from a file, or show one lead as a person wants it."),
    "worker": ("surfaces.cli.worker", "Work off waiting leads until stopped."),
    "serve": ("surfaces.cli.serve", "Answer over HTTP, and deliver actions, until stopped."),
    "keys": ("surfaces.cli.keys", "Who may use the HTTP API: make, list and revoke keys."),
    "mcp": ("surfaces.cli.mcp", "Serve the tools to a chat agent elsewhere, over stdio or HTTP."),
    "events": ("surfaces.cli.events", "Tell others what happened: subscribe, list, replay, test."),
    "features": ("surfaces.cli.features", "The catalogue of features, and where a value comes from."),
    "quarantine": ("surfaces.cli.quarantine", "Signals that were not let in: look, release, discard."),
    "leads": ("surfaces.cli.leads", "List leads, fix what is wrong about them, let parked ones run again."),
    "approvals": (
        "surfaces.cli.approvals",
        "Questions to people: list, look, answer or edit, hand on, measure.",
    ),
    "decisions": (
        "surfaces.cli.decisions",
        "What became of actions, what is stuck; take back, send again, settle.",
    ),
    "policy": ("surfaces.cli.policy", "Check, simulate, promote and roll back decision tables."),
    "models": ("surfaces.cli.models", "Model packages: train, compare, promote, roll out, roll back."),
    "drift": ("surfaces.cli.drift", "Has the world moved since the model was trained?"),
    "audit": ("surfaces.cli.audit", "Tell, verify, export and replay what was decided."),
    "home": ("surfaces.cli.home", "Back the home up, verify a backup or the home, restore."),
    "history": ("surfaces.cli.history", "A company's own past: import it, or draft its mapping."),
    "evals": ("surfaces.cli.evals", "How good the score is, on what really happened."),
    "handoff": ("surfaces.cli.handoff", "Which support talks go to a person, to whom, and why."),
    "chat": ("surfaces.cli.chat", "Write as a customer, see after each turn what would be done and why."),
    "prompts": ("surfaces.cli.prompts", "What language models are told: list, show, compare."),
    "memory": ("surfaces.cli.memory", "What is remembered of what was said: how it stands, making it anew."),
    "intents": ("surfaces.cli.intents", "The classifier of texts: train it anew, ask it about a sentence."),
    "moods": ("surfaces.cli.moods", "Mood and objections: train the heads anew, ask about a sentence."),
    "bench": ("surfaces.cli.bench", "Measure this machine, as ratios against bare LangGraph."),
    "connect": ("surfaces.cli.connect", "Set up a CRM, a desk or a sender, from the token to a trial event."),
    "credentials": ("surfaces.cli.credentials", "Secrets sealed in the home: list, forget, seal anew."),
    "sync": ("surfaces.cli.sync", "Ask a vendor now for what it never sent, and read what is to be read."),
    "doctor": ("surfaces.cli.doctor", "Explain the environment, and what is broken in it."),
}

_USAGE_ERROR: Any = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")
"""Typer brings its own copy of click; this is the class of its usage errors, without naming its private module."""


def build(noun: str | None) -> typer.Typer:
    """The command tree with `noun` loaded and the others as names with a sentence."""
    root = typer.Typer(
        name="leadgraph", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
        rich_markup_mode=None,
        help="Agentic, audited lead qualification.",
    )  # fmt: skip
    root.callback()(_root)
    for name, (module, words) in NOUNS.items():
        if name != noun:
            root.command(name, help=words)(_root)
            continue
        app: typer.Typer = importlib.import_module(module).app
        if (
            len(app.registered_commands) == 1
            and not app.registered_groups
            and app.registered_callback is None
        ):
            root.command(name, help=words)(app.registered_commands[0].callback or _root)
        else:
            root.add_typer(app, name=name, help=words, no_args_is_help=True)
    return root


def run(cli: Cli, arguments: list[str] | None = None) -> int:
    """Run the command line and give its exit code; errors that Leadgraph raises on purpose never show a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    noun = next((word for word in words if not word.startswith("-")), None)
    command = typer.main.get_command(build(noun))
    try:
        code: Any = command.main(args=words, prog_name="leadgraph", standalone_mode=False, obj=cli)
    except _USAGE_ERROR as usage:
        usage.show()
        return int(Exit.OK if not words else Exit.ERROR)
    except (typer.Abort, KeyboardInterrupt):
        cli.err.print("stopped")
        return int(Exit.ERROR)
    except LeadgraphError as problem:
        cli.err.print("[bold red]error:[/]", end=" ")
        cli.err.print(str(problem), highlight=False, markup=False)
        return int(Exit.ERROR)
    except BrokenPipeError:
        return int(Exit.ERROR)
    return code if isinstance(code, int) else int(Exit.OK)


def _root() -> None:
    """Agentic, audited lead qualification."""
