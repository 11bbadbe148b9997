"""Questions and notices as Slack's blocks. Every text is plain, and nothing in it becomes a link or a mention."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.ports.chat import Question
from domain.quoted import visible

APPROVE: Final = "leadgraph_approve"
REJECT: Final = "leadgraph_reject"
LINE: Final = 300
"""Signs of a line."""
LINES: Final = 20
"""Lines of a part; the rest is counted."""
MOST: Final = 2_900
"""Signs of a block; Slack takes 3,000."""
BLOCKS: Final = 3
"""Blocks of what would be written: what takes more room is approved elsewhere."""
WHOLE: Final = "whole"
"""What a button says that stands below all that it approves."""
_JOINED: Final = re.compile(r"(?<=[\w:])([.:/@])(?=[\w/])")
_AT: Final = re.compile(r"@(?=\w)|#(?=\w)|!(?=\w)")
_ELSEWHERE: Final = (
    "Not all that would be written can be shown here, so it is not approved here. Look at it with:"
)
_GAP: Final = "\u200b"
"""Takes no room, and keeps addresses, domains and names from being read as such."""
_SIGNS: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


def plain(text: str, most: int = LINE) -> str:
    """`text` as Slack shows it and does nothing with it, cut to `most` signs before it is escaped.

    >>> plain("<!channel> see http://x.example").replace(chr(0x200b), "")
    '&lt;!channel&gt; see http://x.example'
    """
    seen = " ".join(visible(text).split())
    short = seen if len(seen) <= most else f"{seen[: most - 1]}…"
    apart = _AT.sub(lambda found: found[0] + _GAP, _JOINED.sub(rf"\1{_GAP}", short))
    for sign, escaped in _SIGNS:
        apart = apart.replace(sign, escaped)
    return apart


def asked(question: Question) -> list[Mapping[str, Any]]:
    """The blocks of a question; the buttons carry its id and the hash that is approved.

    Only who sees here all that would be written can approve it here; who does not is told where.
    """
    blocks, writes = [_section([question.head])], ["Would be written:", *question.writes]
    shown = _all_of(writes) if question.whole else None
    if question.writes:
        blocks += shown or [_section(writes)]
    if question.why:
        blocks.append(_section(["Why:", *question.why]))
    blocks.append(_section([question.standing]))
    if question.open:
        value = f"{question.approval_id}|{question.proposal_hash}|{WHOLE}"
        buttons = [_button("Reject", REJECT, value, "danger")]
        if shown:
            buttons.insert(0, _button("Approve", APPROVE, value, "primary"))
        else:
            blocks.append(_section([_ELSEWHERE, f"leadgraph approvals show {question.approval_id}"]))
        blocks.append({"type": "actions", "elements": buttons})
    return blocks


def _all_of(lines: Iterable[str]) -> list[Mapping[str, Any]] | None:
    """Blocks with every sign of `lines`; None if they do not fit."""
    parts: list[list[str]] = [[]]
    for line in lines:
        text = plain(line, len(line))
        if len(text) > MOST:
            return None
        if sum(map(len, parts[-1])) + len(parts[-1]) + len(text) > MOST:
            parts.append([])
        parts[-1].append(text)
    return [_text("\n".join(part)) for part in parts] if len(parts) <= BLOCKS else None


def told(head: str, params: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """The blocks of a notice."""
    return [
        _section(
            [head, *(f"{name.replace('_', ' ')}: {value}" for name, value in sorted(params.items()) if value)]
        )
    ]


def _section(lines: Iterable[str]) -> Mapping[str, Any]:
    """A block of lines: as many as fit, and how many more there are."""
    shown, room, given = list[str](), MOST, [plain(line) for line in lines]
    for line in given[:LINES]:
        if len(line) + 1 > room:
            break
        shown.append(line)
        room -= len(line) + 1
    left = len(given) - len(shown)
    more = [f"… and {left} more"] if left else []
    return _text("\n".join([*shown, *more]))


def _text(text: str) -> Mapping[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "emoji": False, "text": text}}


def _button(label: str, action: str, value: str, style: str) -> Mapping[str, Any]:
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "text": text, "action_id": action, "value": value, "style": style}
