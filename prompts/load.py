"""What language models are told: one Markdown file for each agent, known by its fingerprint."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import unified_diff
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from domain.errors import BadInput

FOLDER: Final = Path(__file__).resolve().parent
LONGEST: Final = 20_000


@dataclass(frozen=True, slots=True)
class Prompt:
    """The instructions of one agent. `fingerprint` is the first 12 hex digits of SHA-256 over the text."""

    name: str
    text: str
    fingerprint: str


def prompt_of(name: str, text: str) -> Prompt:
    """A prompt; line ends and blanks around it are no difference. Raises: BadInput if it is empty or too long."""
    plain = text.replace("\r\n", "\n").strip() + "\n"
    if len(plain) == 1 or len(plain) > LONGEST:
        problem = "is empty" if len(plain) == 1 else "is too long"
        raise BadInput(name, problem, f"write 1 to {LONGEST} characters")
    return Prompt(name, plain, sha256(plain.encode()).hexdigest()[:12])


def read_prompt(file: Path) -> Prompt:
    """The prompt in `file`, named like it. Raises: BadInput."""
    try:
        return prompt_of(file.stem, file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(file), "cannot be read", "name a text file") from error


@cache
def load_prompts(folder: Path = FOLDER) -> Mapping[str, Prompt]:
    """All prompts of `folder`, the shipped ones, by the name of their agent. Raises: BadInput."""
    return {file.stem: read_prompt(file) for file in sorted(folder.glob("*.md"))}


def version_of(prompts: Mapping[str, Prompt]) -> str:
    """One fingerprint for all of them."""
    lines = (f"{name}:{prompts[name].fingerprint}\n" for name in sorted(prompts))
    return sha256("".join(lines).encode()).hexdigest()[:12]


def differences(old: Prompt, new: Prompt) -> tuple[str, ...]:
    """The lines of a unified diff; none if they are the same."""
    names = (f"{old.name} {old.fingerprint}", f"{new.name} {new.fingerprint}")
    lines = unified_diff(old.text.splitlines(), new.text.splitlines(), *names, lineterm="")
    return tuple(lines)
