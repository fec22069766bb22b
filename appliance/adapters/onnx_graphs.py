"""ONNX models made on this machine: a graph without weights, filled from upstream's published checkpoint.

The graphs lie beside this module as ONNX text, with every weight declared as an input of the graph; a table says from
which tensors of the checkpoint each weight is taken and how. So no weights are committed, torch is not needed, and what
is executed can be read and reviewed. A filled model is accepted only if it gives the numbers that the reference export
gave for a synthetic input, so parity is checked on every machine and not only where the reference is.
"""

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
import onnxruntime
from onnx import numpy_helper

from appliance.adapters.torch_checkpoint import read_tensors
from appliance.kernel.errors import Corrupt, Invalid

Tensor = np.ndarray[Any, Any]
Tensors = Mapping[str, Tensor]

TOLERANCE = 1e-4
"""Two right implementations of these models differ by about 2e-5 on one processor."""
_GRAPHS = files("appliance.adapters") / "graphs"
_BATCH_NORM_EPSILON = 1e-5
"""torch.nn.BatchNorm's default; neither model sets another."""


class GraphUnknown(Invalid):
    code = "models.graph_unknown"
    message = "This release has no graph named {graph}."
    hint = "Install the release that this pack was made for."


class CheckpointMismatch(Corrupt):
    code = "models.checkpoint_mismatch"
    message = "The checkpoint {checkpoint} does not fit the graph {graph}: {reason}"
    hint = "Import the checkpoint that docs/models.md names for this pack."


class NumbersDiffer(Corrupt):
    code = "models.numbers_differ"
    message = "The model {graph} computes other numbers on this machine than its reference: {deviation:.1e} apart."
    hint = "Update onnxruntime, or report the processor and the version of onnxruntime to the project."


class OnnxGraphs:
    """Fills graphs with weights: the ``Derivation`` of the models room."""

    def derive(self, checkpoint: Path, target: Path) -> None:
        """Write the model ``target``; its name without ``.onnx`` names the graph.

        Raises:
            GraphUnknown: this release does not have it.
            CheckpointUnreadable: the checkpoint is damaged.
            CheckpointMismatch: it is the checkpoint of another model.
            NumbersDiffer: the filled model does not compute what the reference export did.
        """
        graph, table = _load(target.stem)
        tensors = read_tensors(checkpoint, root=str(table.get("root", "")))
        try:
            fill(graph, table.get("weights", {}), tensors)
        except (KeyError, ValueError) as error:
            raise CheckpointMismatch(checkpoint=checkpoint.name, graph=target.stem, reason=str(error)) from error
        onnx.checker.check_model(graph)
        filled = graph.SerializeToString(deterministic=True)
        deviation = deviation_from_reference(filled, target.stem)
        if deviation > TOLERANCE:
            raise NumbersDiffer(graph=target.stem, deviation=deviation)
        target.write_bytes(filled)


def fill(model: onnx.ModelProto, rules: Mapping[str, list[Any]], tensors: Tensors) -> None:
    """Turn the weight inputs of ``model`` into weights.

    Args:
        rules: weight name to ``[transform, argument…]``; a weight without a rule is the tensor of the same name.

    Raises:
        KeyError: a tensor is missing.
        ValueError: a tensor has another shape than the graph declares.
    """
    inputs = list(model.graph.input)
    del model.graph.input[:]
    for declared in inputs:
        dimensions = declared.type.tensor_type.shape.dim
        if any(dimension.dim_param for dimension in dimensions):
            model.graph.input.append(declared)  # of open size: what the model is fed with at run time
            continue
        transform, *arguments = rules.get(declared.name, ["copy", declared.name])
        weight = np.ascontiguousarray(TRANSFORMS[transform](tensors, *arguments), dtype=np.float32)
        shape = tuple(dimension.dim_value for dimension in dimensions)
        if weight.shape != shape:
            raise ValueError(f"{declared.name} should be {shape} and is {weight.shape}")
        model.graph.initializer.append(numpy_helper.from_array(weight, declared.name))


def deviation_from_reference(model: bytes, name: str) -> float:
    """The largest difference between what the model gives for a synthetic input and what the reference export gave."""
    expected = json.loads((_GRAPHS / f"{name}.expected.json").read_text())
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given = session.run(
        None, {session.get_inputs()[0].name: synthetic_input(expected["input_shape"], expected["scale"])}
    )
    numbers = np.asarray(given[0], dtype=np.float64).ravel()[:: expected["every"]]
    wanted = np.asarray(expected["numbers"])
    return float(np.abs(numbers - wanted).max()) if numbers.shape == wanted.shape else float("inf")


def synthetic_input(shape: Sequence[int], scale: float) -> Tensor:
    """Numbers that look like nothing in particular and are the same everywhere: three waves over a running index."""
    index = np.arange(int(np.prod(shape)), dtype=np.float64)
    waves = np.sin(0.0137 * index) + np.sin(0.171 * index + 1) * np.sin(0.00023 * index) + 0.3 * np.sin(1.9 * index)
    return np.asarray((scale * waves).reshape(shape), dtype=np.float32)


def _load(name: str) -> tuple[onnx.ModelProto, dict[str, Any]]:
    graph, table = _GRAPHS / f"{name}.onnx.txt", _GRAPHS / f"{name}.toml"
    if not graph.is_file():
        raise GraphUnknown(graph=name)
    return onnx.parser.parse_model(graph.read_text()), tomllib.loads(table.read_text())


def _copy(tensors: Tensors, name: str) -> Tensor:
    return tensors[name]


def _transpose(tensors: Tensors, name: str) -> Tensor:
    return tensors[name].T


def _fold_weight(tensors: Tensors, layer: str, norm: str) -> Tensor:
    """A convolution's weight with the batch normalisation behind it folded in: ``w · γ / √(σ² + ε)`` per channel."""
    weight = tensors[f"{layer}.weight"].astype(np.float64)
    return weight * _norm_scale(tensors, norm).reshape(-1, *[1] * (weight.ndim - 1))


def _fold_bias(tensors: Tensors, layer: str, norm: str) -> Tensor:
    """The bias that belongs to ``_fold_weight``: ``β + (b - μ) · γ / √(σ² + ε)``."""
    mean = tensors[f"{norm}.running_mean"].astype(np.float64)
    bias = tensors.get(f"{layer}.bias", np.zeros_like(mean))
    shift = tensors.get(f"{norm}.bias", np.zeros_like(mean))
    return shift + (bias - mean) * _norm_scale(tensors, norm)


def _norm_scale(tensors: Tensors, norm: str) -> Tensor:
    variance = tensors[f"{norm}.running_var"].astype(np.float64)
    gain = tensors.get(f"{norm}.weight", np.ones_like(variance))
    return np.asarray(gain / np.sqrt(variance + _BATCH_NORM_EPSILON))


def _lstm_gates(tensors: Tensors, name: str) -> Tensor:
    """Both directions of a bidirectional LSTM's matrix, torch's gates (i, f, g, o) in ONNX's order (i, o, f, g)."""
    return np.stack([_reordered(tensors[name]), _reordered(tensors[f"{name}_reverse"])])


def _lstm_biases(tensors: Tensors, layer: int) -> Tensor:
    """Both directions' biases, the input's followed by the recurrence's."""
    directions = [
        [_reordered(tensors[f"lstm.bias_{part}_l{layer}{suffix}"]) for part in ("ih", "hh")]
        for suffix in ("", "_reverse")
    ]
    return np.stack([np.concatenate(parts) for parts in directions])


def _reordered(gates: Tensor) -> Tensor:
    first, forget, cell, output = np.split(gates, 4)
    return np.concatenate([first, output, forget, cell])


def _sinc_filters(tensors: Tensors, prefix: str, sample_rate: int, min_low_hz: float, min_band_hz: float) -> Tensor:
    """Band-pass filters from their learned edges, one even and one odd per band (Pariente et al., 2020).

    Follows ``ParamSincFB`` of asteroid-filterbanks: the right half mirrors the left, the centre is ``2 · band`` or
    zero, and everything is divided by twice the band's width. In single precision like the original: more digits would
    be further from what the published model computes.
    """
    low = np.float32(min_low_hz) + np.abs(tensors[f"{prefix}.low_hz_"])
    high = np.clip(low + np.float32(min_band_hz) + np.abs(tensors[f"{prefix}.band_hz_"]), min_low_hz, sample_rate / 2)
    n, window, band = tensors[f"{prefix}.n_"], tensors[f"{prefix}.window_"], high - low
    even_left = (_rounded(np.sin, high @ n) - _rounded(np.sin, low @ n)) / (n / 2) * window
    odd_left = (_rounded(np.cos, low @ n) - _rounded(np.cos, high @ n)) / (n / 2) * window
    even = np.concatenate([even_left, 2 * band, even_left[:, ::-1]], axis=1)
    odd = np.concatenate([odd_left, np.zeros_like(band), -odd_left[:, ::-1]], axis=1)
    filters: Tensor = np.concatenate([even, odd]) / np.concatenate([2 * band, 2 * band])
    return filters[:, None, :]


def _rounded(function: Callable[[Tensor], Tensor], angle: Tensor) -> Tensor:
    """A sine or cosine of single-precision angles, rounded once: the same on every processor."""
    return function(angle.astype(np.float64)).astype(np.float32)


TRANSFORMS: dict[str, Callable[..., Tensor]] = {
    "copy": _copy,
    "transpose": _transpose,
    "fold_weight": _fold_weight,
    "fold_bias": _fold_bias,
    "lstm_gates": _lstm_gates,
    "lstm_biases": _lstm_biases,
    "sinc_filters": _sinc_filters,
}
