"""ONNX models made on this machine: a graph without weights, filled from upstream's published checkpoint.

The graphs lie beside this module as ONNX text, with every weight declared as an input of the graph; a table says from
which tensors of the checkpoint each weight is taken and how. So no weights are committed, torch is not needed, and what
is executed can be read and reviewed.
"""

import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.parser
from onnx import numpy_helper

from appliance.adapters.torch_checkpoint import read_tensors
from appliance.kernel.errors import Corrupt, Invalid

Tensor = np.ndarray[Any, Any]
Tensors = Mapping[str, Tensor]

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


class OnnxGraphs:
    """Fills graphs with weights: the ``Derivation`` of the models room."""

    def derive(self, checkpoint: Path, target: Path) -> None:
        """Write the model ``target``; its name without ``.onnx`` names the graph.

        Raises:
            GraphUnknown: this release does not have it.
            CheckpointUnreadable: the checkpoint is damaged.
            CheckpointMismatch: it is the checkpoint of another model.
        """
        graph, table = _load(target.stem)
        tensors = read_tensors(checkpoint, root=str(table.get("root", "")))
        try:
            fill(graph, table.get("weights", {}), tensors)
        except (KeyError, ValueError) as error:
            raise CheckpointMismatch(checkpoint=checkpoint.name, graph=target.stem, reason=str(error)) from error
        onnx.checker.check_model(graph)
        target.write_bytes(graph.SerializeToString(deterministic=True))


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
        if declared.name not in rules and declared.name not in tensors:
            model.graph.input.append(declared)  # what the model is fed with at run time
            continue
        transform, *arguments = rules.get(declared.name, ["copy", declared.name])
        weight = np.ascontiguousarray(TRANSFORMS[transform](tensors, *arguments), dtype=np.float32)
        shape = tuple(dimension.dim_value for dimension in declared.type.tensor_type.shape.dim)
        if weight.shape != shape:
            raise ValueError(f"{declared.name} should be {shape} and is {weight.shape}")
        model.graph.initializer.append(numpy_helper.from_array(weight, declared.name))


def _load(name: str) -> tuple[onnx.ModelProto, dict[str, Any]]:
    folder = files("appliance.adapters") / "graphs"
    graph, table = folder / f"{name}.onnx.txt", folder / f"{name}.toml"
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
    zero, and everything is divided by twice the band's width.
    """
    low = min_low_hz + np.abs(tensors[f"{prefix}.low_hz_"].astype(np.float64))
    high = np.clip(
        low + min_band_hz + np.abs(tensors[f"{prefix}.band_hz_"].astype(np.float64)), min_low_hz, sample_rate / 2
    )
    n, window = tensors[f"{prefix}.n_"].astype(np.float64), tensors[f"{prefix}.window_"].astype(np.float64)
    width = high - low
    even_left = (np.sin(high @ n) - np.sin(low @ n)) / (n / 2) * window
    odd_left = (np.cos(low @ n) - np.cos(high @ n)) / (n / 2) * window
    even = np.concatenate([even_left, 2 * width, even_left[:, ::-1]], axis=1)
    odd = np.concatenate([odd_left, np.zeros_like(width), -odd_left[:, ::-1]], axis=1)
    filters: Tensor = np.concatenate([even, odd]) / np.concatenate([width, width]) / 2
    return filters[:, None, :]


TRANSFORMS: dict[str, Callable[..., Tensor]] = {
    "copy": _copy,
    "transpose": _transpose,
    "fold_weight": _fold_weight,
    "fold_bias": _fold_bias,
    "lstm_gates": _lstm_gates,
    "lstm_biases": _lstm_biases,
    "sinc_filters": _sinc_filters,
}
