"""The encoder of MiniLM (a small BERT) as a graph for the runtime: from summed embeddings to token vectors.

One text a call, so no padding and no mask: what a text gives never depends on what else is asked. In int8,
each column of a weight has its own scale; activations are scaled by the runtime, text by text. Weights use
seven bits, as processors without VNNI instructions add up pairs of products in 16 bits: results are then
the same with and without them, but for rounding.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from tools.embed.onnx_file import MICROSOFT, OnnxGraph
from tools.embed.weights import Floats

WIDTH: Final = 384
LAYERS: Final = 6
HEADS: Final = 12
EPSILON: Final = 1e-12
STEPS: Final = 127
_ZERO: Final = 128


def encoder(weights: Mapping[str, Floats], *, int8: bool) -> bytes:
    """The graph as an ONNX file. Input ``sum`` and output ``tokens``: float32 ``[1, length, WIDTH]``."""
    graph = OnnxGraph()
    scale, shift = _norm(graph, weights, "embeddings.LayerNorm")
    flow = graph.node("LayerNormalization", ["sum", scale, shift], ["start"], axis=2, epsilon=EPSILON)
    for layer in range(LAYERS):
        flow = _layer(graph, weights, flow, place=f"encoder.layer.{layer}", int8=int8)
    graph.node("Identity", [flow], ["tokens"])
    return graph.model("sum", "tokens", WIDTH)


def _layer(graph: OnnxGraph, weights: Mapping[str, Floats], flow: str, *, place: str, int8: bool) -> str:
    parts = [f"{place}.attention.self.{name}" for name in ("query", "key", "value")]
    weight = np.concatenate([weights[f"{part}.weight"] for part in parts])
    bias = np.concatenate([weights[f"{part}.bias"] for part in parts])
    mixed = _dense(graph, flow, f"{place}.qkv", weight, bias, int8=int8)
    asked = [f"{place}.{name}" for name in ("q", "k", "v")]
    sizes = graph.constant(f"{place}.sizes", np.full(len(asked), WIDTH, np.int64))
    graph.node("Split", [mixed, sizes], asked, axis=2)
    seen = graph.node("MultiHeadAttention", asked, [f"{place}.seen"], domain=MICROSOFT, num_heads=HEADS)
    out = _named(graph, weights, seen, f"{place}.attention.output.dense", int8=int8)
    flow = _added(graph, weights, out, flow, f"{place}.attention.output.LayerNorm")
    wide = _named(graph, weights, flow, f"{place}.intermediate.dense", int8=int8)
    bent = graph.node("Gelu", [wide], [f"{place}.bent"], domain=MICROSOFT)
    out = _named(graph, weights, bent, f"{place}.output.dense", int8=False)
    return _added(graph, weights, out, flow, f"{place}.output.LayerNorm")


def _named(graph: OnnxGraph, weights: Mapping[str, Floats], flow: str, name: str, *, int8: bool) -> str:
    return _dense(graph, flow, name, weights[f"{name}.weight"], weights[f"{name}.bias"], int8=int8)


def _dense(graph: OnnxGraph, flow: str, name: str, weight: Floats, bias: Floats, *, int8: bool) -> str:
    """``flow @ weight.T + bias``."""
    shift = graph.constant(f"{name}.bias", bias)
    if not int8:
        matrix = graph.constant(f"{name}.weight", weight.T)
        product = graph.node("MatMul", [flow, matrix], [f"{name}.product"])
        return graph.node("Add", [product, shift], [f"{name}.out"])
    scales = (np.abs(weight).max(axis=1) / STEPS).astype(np.float32)
    small = (np.rint(weight / scales[:, None]) + _ZERO).astype(np.uint8)
    inputs = [
        flow,
        graph.constant(f"{name}.weight", small.T),
        graph.constant(f"{name}.scales", scales),
        graph.constant(f"{name}.zero", np.full(len(scales), _ZERO, np.uint8)),
        shift,
    ]
    return graph.node("DynamicQuantizeMatMul", inputs, [f"{name}.out"], domain=MICROSOFT)


def _added(graph: OnnxGraph, weights: Mapping[str, Floats], out: str, flow: str, name: str) -> str:
    inputs = [out, flow, *_norm(graph, weights, name)]
    return graph.node("SkipLayerNormalization", inputs, [f"{name}.out"], domain=MICROSOFT, epsilon=EPSILON)


def _norm(graph: OnnxGraph, weights: Mapping[str, Floats], name: str) -> tuple[str, str]:
    scale, shift = (
        graph.constant(f"{name}.{part}", weights[f"{name}.{part}"]) for part in ("weight", "bias")
    )
    return scale, shift
