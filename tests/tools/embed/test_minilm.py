"""MiniLM without torch: the right weights or none, the same answers in int8, loaded only when there is text."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import Permanent
from tools.embed.here import embedder_here
from tools.embed.minilm import KEPT, MiniLm
from tools.embed.weights import installed
from tools.guard import closed_world

SENTENCES = [
    "How much would it cost to cover my van?",
    "We would need 50 more seats by the end of the month, can you send an offer?",
    "my card does not work",
    "I can't log in and nobody helps me, this is a disgrace.",
    "Ich möchte kündigen",
    "hello",
]


@pytest.fixture(scope="module")
def folder() -> Path:
    found = installed()
    assert found is not None, "the weights come with `make setup`"
    return found


def test_int8_says_what_float32_says(folder: Path) -> None:
    small, full = MiniLm(folder), MiniLm(folder, int8=False)
    pairs = zip(small.embed_now(SENTENCES), full.embed_now(SENTENCES), strict=True)
    alike = [sum(map(float.__mul__, one, other)) for one, other in pairs]
    assert min(alike) >= 0.985
    assert sum(alike) / len(alike) >= 0.99


def test_meaning_counts_more_than_words(folder: Path) -> None:
    one, same, other = MiniLm(folder).embed_now(
        ["I want to buy it", "We would like to purchase this", "I want to break it"]
    )
    assert sum(map(float.__mul__, one, same)) > sum(map(float.__mul__, one, other))


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json"])
async def test_files_that_are_not_the_pinned_ones_are_refused(
    folder: Path, tmp_path: Path, name: str
) -> None:
    for file in ("model.safetensors", "tokenizer.json"):
        shutil.copy(folder / file, tmp_path / file)
    with (tmp_path / name).open("r+b") as copy:
        copy.seek(-20, 2)
        copy.write(b"\x01")
    with pytest.raises(Permanent, match="not the file that was pinned"):
        await MiniLm(tmp_path).embed(["hello"])


async def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match=r"model\.safetensors cannot be read"):
        await MiniLm(tmp_path).embed(["hello"])


def test_what_is_remembered_is_bounded(folder: Path) -> None:
    model = MiniLm(folder)
    for number in range(KEPT + 20):
        model.embed_now([f"{number}"])
    assert len(model._kept) == KEPT


def test_nothing_heavy_is_loaded_before_the_first_text() -> None:
    code = (
        "import sys; from pathlib import Path; from tools.reasoner.local import local_reasoner; "
        "local_reasoner(Path('config')); "
        "print([m for m in ('onnxruntime', 'tokenizers', 'numpy', 'torch') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_replay_may_load_the_model_behind_its_wall(folder: Path) -> None:
    with closed_world():
        vectors = await MiniLm(folder).embed(["how much is it?"])
    assert vectors == await MiniLm(folder).embed(["how much is it?"])


def test_without_the_weights_the_stand_in_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.embed.here.installed", lambda: None)
    assert embedder_here().stand_in
