"""The drift report as one page that needs nothing from elsewhere: charts drawn as inline SVG, no script."""

from collections.abc import Sequence
from html import escape
from typing import Final

from domain.instants import Instant, iso
from learning.drift import Moved
from surfaces.drift import Report

SHOWN: Final = 24
"""Charts at most: all alerts first, then the greatest shifts."""
_WIDTH, _HEIGHT, _FOOT = 340, 120, 34
_STYLE: Final = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;color:#1c2430}"
    "h1{font-size:1.5rem}.alert{border-left:4px solid #b3261e;background:#fdecea;padding:.5rem .8rem;margin:.5rem 0}"
    ".calm{border-left:4px solid #2e7d32;background:#eaf5ea;padding:.5rem .8rem}"
    ".charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(340px,1fr));gap:1.2rem}"
    "figure{margin:0}figcaption{font-size:.85rem}table{border-collapse:collapse;margin-top:1rem}"
    "td,th{padding:.15rem .7rem;text-align:left;border-bottom:1px solid #dde3ea}td.n{text-align:right}"
)


def page(report: Report) -> str:
    """The whole document."""
    when = f"{iso(Instant(report.since))[:10]} to {iso(Instant(report.until))[:10]}"
    alerts = "".join(f'<p class="alert">{escape(words)}</p>' for words in report.alerts)
    calm = '<p class="calm">Nothing moved by more than chance and enough to matter.</p>'
    shown = report.moved[:SHOWN]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Drift</title>'
        f"<style>{_STYLE}</style></head><body><h1>Drift of package {escape(report.version)}</h1>"
        f"<p>{report.recent:,} leads of {when} against those it was trained on; grey is the training, blue is now.</p>"
        f"{alerts or calm}<p>{escape(report.calibration.words)}</p><p>{escape(report.trigger.words)}</p>"
        f'<div class="charts">{"".join(map(_figure, shown))}</div>{_table(report.moved)}</body></html>'
    )


def _figure(one: Moved) -> str:
    mark = " — alert" if one.alert else ""
    caption = f"<strong>{escape(one.name)}</strong>{mark} PSI {one.psi:.3f}"
    return f"<figure>{bars(one)}<figcaption>{caption}</figcaption></figure>"


def bars(one: Moved) -> str:
    """Shares of the bins side by side, before and now; the name and both shares of a bin when pointed at."""
    shown = [n for n in range(len(one.labels)) if one.labels[n] != "-"]
    most = max([*one.before, *one.now, 0.01])
    step = _WIDTH / max(1, len(shown))
    parts = [_bar(one, n, at * step, step, most) for at, n in enumerate(shown)]
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT + _FOOT}" width="100%" role="img" aria-label="{escape(one.name)}">'
        f'<line x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}" stroke="#8a94a0"/>{"".join(parts)}</svg>'
    )


def _bar(one: Moved, n: int, x: float, step: float, most: float) -> str:
    before, now = one.before[n], one.now[n]
    tall = (_HEIGHT - 10) / most
    title = f"{one.labels[n]}: {before:.1%} before, {now:.1%} now"
    label = one.labels[n] if len(one.labels[n]) <= 12 else f"{one.labels[n][:11]}…"
    return (
        f"<g><title>{escape(title)}</title>"
        f'<rect x="{x + step * 0.12:.1f}" y="{_HEIGHT - before * tall:.1f}" width="{step * 0.36:.1f}" '
        f'height="{before * tall:.1f}" fill="#a9b4c0"/>'
        f'<rect x="{x + step * 0.5:.1f}" y="{_HEIGHT - now * tall:.1f}" width="{step * 0.36:.1f}" '
        f'height="{now * tall:.1f}" fill="#2c6fbb"/>'
        f'<text x="{x + step / 2:.1f}" y="{_HEIGHT + 9}" font-size="7" text-anchor="end" '
        f'transform="rotate(-35 {x + step / 2:.1f} {_HEIGHT + 9})">{escape(label)}</text></g>'
    )


def _table(moved: Sequence[Moved]) -> str:
    rows = "".join(
        f'<tr><td>{escape(one.name)}</td><td>{one.topic}</td><td class="n">{one.psi:.4f}</td>'
        f'<td class="n">{"" if one.ks is None else f"{one.ks:.3f}"}</td><td class="n">{one.p:.2g}</td>'
        f"<td>{'alert' if one.alert else ''}</td></tr>"
        for one in moved
    )
    head = "<tr><th>what</th><th>kind</th><th>PSI</th><th>KS</th><th>p (Holm)</th><th></th></tr>"
    return f"<table>{head}{rows}</table>"
