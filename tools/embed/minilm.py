"""all-MiniLM-L6-v2 without torch: tokenizer, a graph built from the weights, the mean of the token vectors.

Everything heavy is imported and built with the first text, in a thread: a run that reads no text pays nothing.
Texts are in English; other languages are read by what they share with it, which is little.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from domain.ports.embedder import Vector

if TYPE_CHECKING:
    import numpy.typing as npt

WIDTH: Final = 384
MOST_TOKENS: Final = 256
"""As the model was trained; what comes after is not read."""
MOST_CHARACTERS: Final = 4_000
KEPT: Final = 512
"""Vectors remembered by the hash of their text, about 2 MB."""


class MiniLm:
    """An `Embedder` that runs the model in `folder` on one core of this machine."""

    width = WIDTH
    stand_in = False

    def __init__(self, folder: Path, *, int8: bool = True) -> None:
        """`folder` as `weights.installed` gives it. Nothing is loaded yet."""
        self.name = "minilm-int8" if int8 else "minilm-float32"
        self._folder, self._int8 = folder, int8
        self._engine: _Engine | None = None
        self._kept: OrderedDict[bytes, Vector] = OrderedDict()
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1, "minilm")  # started with the first text

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """See `Embedder`. Raises: Permanent if the files are not those that were pinned."""
        known = self._known(texts)
        if known is not None:
            return known
        # Not `to_thread`, which would take a replay's wall along: the pinned weights belong to the code, and
        # may be loaded behind it.
        return await asyncio.get_running_loop().run_in_executor(self._thread, self.embed_now, texts)

    def embed_now(self, texts: Sequence[str]) -> list[Vector]:
        """The same, blocking; one text at a time, by one thread at a time."""
        with self._lock:
            return [self._vector(text) for text in texts]

    def _known(self, texts: Sequence[str]) -> list[Vector] | None:
        """The vectors if all are remembered."""
        found = [self._kept.get(_digest(text)) for text in texts]
        return [vector for vector in found if vector is not None] if None not in found else None

    def _vector(self, text: str) -> Vector:
        digest = _digest(text)
        vector = self._kept.get(digest)
        if vector is None:
            if self._engine is None:
                self._engine = _Engine(self._folder, int8=self._int8)
            vector = self._kept[digest] = self._engine.vector(text)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return vector


class _Engine:
    """The loaded model."""

    def __init__(self, folder: Path, *, int8: bool) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        from tools.embed.bert_graph import encoder
        from tools.embed.weights import checked, tensors

        weights = tensors(checked(folder, "model.safetensors"))
        self._words = weights["embeddings.word_embeddings.weight"]
        kinds = weights["embeddings.token_type_embeddings.weight"]
        self._places = weights["embeddings.position_embeddings.weight"] + kinds[0]
        self._tokenizer = Tokenizer.from_buffer(bytes(checked(folder, "tokenizer.json")))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MOST_TOKENS)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            encoder(weights, int8=int8), options, providers=["CPUExecutionProvider"]
        )

    def vector(self, text: str) -> Vector:
        """The unit vector of `text`."""
        import numpy as np

        ids = self._tokenizer.encode(text[:MOST_CHARACTERS]).ids
        summed = self._words[ids] + self._places[: len(ids)]
        tokens: npt.NDArray[np.float32] = self._session.run(None, {"sum": summed[None]})[0][0]
        mean = tokens.mean(axis=0)
        return tuple((mean / np.linalg.norm(mean)).tolist())


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
