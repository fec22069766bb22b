"""Make the graphs without weights in appliance/adapters/graphs from reference exports; run by hand when one changes.

::

    python -m images.packs.strip_graphs --exports FOLDER

``FOLDER`` holds ``seg3.onnx`` and ``campp.onnx``, exported once with torch. Weights become inputs of the graph under
names that say where they come from; what the exporter wrote in many nodes and ONNX can say in one is rewritten. The
result must equal the export number by number: what the export gives for a synthetic input is written down beside the
graph, and compared whenever the graph is filled.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.printer
import onnxruntime
from onnx import GraphProto, NodeProto, TensorProto, helper

from appliance.adapters.onnx_graphs import synthetic_input

GRAPHS = Path(__file__).resolve().parents[2] / "appliance" / "adapters" / "graphs"
Rules = dict[str, list[str | int | float]]

# Attributes that only repeat the operator's default.
DEFAULTS: dict[str, Any] = {
    "allowzero": 0, "ceil_mode": 0, "count_include_pad": 0, "epsilon": 1e-05, "group": 1, "momentum": 0.9,
    "training_mode": 0,
}  # fmt: skip


def main() -> None:
    """Write both graphs and their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--exports", type=Path, required=True)
    exports = parser.parse_args().exports
    write_numbers(exports / "seg3.onnx", "segmentation-3.0", shape=[1, 1, 32_000], scale=0.1, every=7)
    write_numbers(exports / "campp.onnx", "campplus-zh-en", shape=[1, 230, 80], scale=3.0, every=1)
    strip(onnx.load(exports / "seg3.onnx"), "segmentation-3.0", segmentation)
    strip(onnx.load(exports / "campp.onnx"), "campplus-zh-en", campplus)


def write_numbers(export: Path, name: str, *, shape: list[int], scale: float, every: int) -> None:
    """Write down what the reference export makes of the synthetic input."""
    session = onnxruntime.InferenceSession(str(export), providers=["CPUExecutionProvider"])
    given = session.run(None, {session.get_inputs()[0].name: synthetic_input(shape, scale)})[0]
    numbers = [round(float(number), 6) for number in np.asarray(given).ravel()[::every]]
    expected = {"input_shape": shape, "scale": scale, "every": every, "numbers": numbers}
    (GRAPHS / f"{name}.expected.json").write_text(json.dumps(expected) + "\n")


def strip(model: onnx.ModelProto, name: str, rewrite: Callable[[GraphProto], tuple[str, Rules]]) -> None:
    """Write one graph as text, and the table that says how its weights are filled."""
    graph = model.graph
    merge_constants(graph)
    table, rules = rewrite(graph)
    drop_unused(graph)
    shapes = {weight.name: list(weight.dims) for weight in graph.initializer}
    for node in graph.node:
        tidy(node)
    used = dict.fromkeys(value for node in graph.node for value in node.input if value in shapes)
    for weight in used:
        graph.input.append(helper.make_tensor_value_info(weight, TensorProto.FLOAT, shapes[weight]))
    del graph.initializer[:]
    del graph.value_info[:]
    rename_values(graph)
    graph.name = name.replace("-", "_").replace(".", "_")
    slim = helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    onnx.checker.check_model(slim)
    (GRAPHS / f"{name}.onnx.txt").write_text(layout(onnx.printer.to_text(slim)))
    lines = [f"{weight!r} = {rule!r}".replace("'", '"') for weight, rule in rules.items()]
    (GRAPHS / f"{name}.toml").write_text("\n".join([table, "", "[weights]", *lines, ""]))


def segmentation(graph: GraphProto) -> tuple[str, Rules]:
    """pyannote's SincNet + LSTM: name the weights, and let the LSTMs start from zero as ONNX does by default."""
    names = {"W": "sincnet.filters"}
    rules: Rules = {"sincnet.filters": ["sinc_filters", "sincnet.conv1d.0.filterbank", 16000, 50, 50]}
    for layer, node in enumerate(node for node in graph.node if node.op_type == "LSTM"):
        names |= {node.input[1]: f"lstm.{layer}.W", node.input[2]: f"lstm.{layer}.R", node.input[3]: f"lstm.{layer}.B"}
        rules |= {
            f"lstm.{layer}.W": ["lstm_gates", f"lstm.weight_ih_l{layer}"],
            f"lstm.{layer}.R": ["lstm_gates", f"lstm.weight_hh_l{layer}"],
            f"lstm.{layer}.B": ["lstm_biases", layer],
        }
        del node.input[4:]
        del node.output[1:]
    layers = (node for node in graph.node if node.op_type == "MatMul")
    for node, part in zip(layers, ("linear.0", "linear.1", "classifier"), strict=True):
        names[node.input[1]] = f"{part}.weight.T"
        rules[f"{part}.weight.T"] = ["transpose", f"{part}.weight"]
    for weight in graph.initializer:
        names.setdefault(weight.name, weight.name.removeprefix("m."))
    rename(graph, names)
    return '# pyannote segmentation 3.0: 16 kHz audio to 7 powerset classes per frame.\nroot = "state_dict"', rules


def campplus(graph: GraphProto) -> tuple[str, Rules]:
    """CAM++: say which norm was folded into which convolution, and pool segments with one Gather."""
    names: dict[str, str] = {}
    rules: Rules = {}
    for node in graph.node:
        if node.op_type == "Conv" and node.input[1].startswith("onnx::"):
            layer = node.output[0].removesuffix("/Conv_output_0").strip("/").replace("/", ".")
            layer = layer.replace("layer1.layer1", "layer1").replace("layer2.layer2", "layer2")
            layer = layer.replace("shortcut.shortcut.0", "shortcut.0")
            norm = norm_behind(layer)
            names |= {node.input[1]: f"{layer}.folded.weight", node.input[2]: f"{layer}.folded.bias"}
            rules |= {
                f"{layer}.folded.weight": ["fold_weight", layer, norm],
                f"{layer}.folded.bias": ["fold_bias", layer, norm],
            }
    rename(graph, names)
    pool_with_gather(graph)
    return "# CAM++: 80 filter banks per frame to the 192 numbers of a voice.", rules


def norm_behind(layer: str) -> str:
    """The batch normalisation that follows a convolution in CAM++."""
    if layer == "xvector.transit3.linear":
        return "xvector.out_nonlinear.batchnorm"
    stem, _, last = layer.rpartition(".")
    if last == "linear":
        return f"{stem}.nonlinear.batchnorm"
    if last == "linear1":
        return f"{stem}.nonlinear2.batchnorm"
    return f"{stem}.1" if last == "0" else f"{stem}.{last.replace('conv', 'bn')}"


def pool_with_gather(graph: GraphProto) -> None:
    """Every 100 frames share their mean. The exporter repeats each mean 100 times and cuts the rest off: here frame
    ``t`` takes mean ``t // 100``, with indices that all layers share."""
    consumers = {value: node for node in graph.node for value in node.input}
    pools = [node for node in graph.node if node.op_type == "AveragePool"]
    for pool in pools:
        prefix = pool.output[0].rpartition("/")[0]
        total = next(n for n in graph.node if n.output[0] == f"{prefix}/Add_output_0")
        cut = next(value for value in total.input if "Slice" in value)
        gather = helper.make_node("Gather", [pool.output[0], "frame_segment"], [cut], axis=2)
        position = next(i for i, node in enumerate(graph.node) if node.output[0] == cut)
        graph.node.remove(graph.node[position])
        graph.node.insert(position, gather)
    frames = consumers[pools[0].input[0]].input[0]
    first = next(i for i, node in enumerate(graph.node) if node.op_type == "AveragePool")
    for node in reversed(segment_of_frame(frames)):
        graph.node.insert(first, node)


def segment_of_frame(frames: str) -> list[NodeProto]:
    """``range(T) // 100`` for the ``T`` frames of a value shaped (batch, channels, T)."""
    return [
        constant("zero", 0),
        constant("one", 1),
        constant("segment_frames", 100),
        helper.make_node("Shape", [frames], ["frames_shape"], start=2, end=3),
        helper.make_node("Squeeze", ["frames_shape"], ["frame_count"]),
        helper.make_node("Range", ["zero", "frame_count", "one"], ["frame_number"]),
        helper.make_node("Div", ["frame_number", "segment_frames"], ["frame_segment"]),
    ]


def constant(name: str, value: int) -> NodeProto:
    """A scalar."""
    return helper.make_node("Constant", [], [name], value=helper.make_tensor("", TensorProto.INT64, [], [value]))


def merge_constants(graph: GraphProto) -> None:
    """Keep one node of every set of equal constants."""
    kept: dict[bytes, str] = {}
    same: dict[str, str] = {}
    for node in [node for node in graph.node if node.op_type == "Constant"]:
        value = node.attribute[0].SerializeToString()
        if value in kept:
            same[node.output[0]] = kept[value]
            graph.node.remove(node)
        kept.setdefault(value, node.output[0])
    rename(graph, same)


def drop_unused(graph: GraphProto) -> None:
    """Remove nodes that lead nowhere."""
    wanted = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):
        if wanted.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            wanted.update(node.input)


def tidy(node: NodeProto) -> None:
    """Leave out names, comments and attributes that say nothing."""
    node.name = node.doc_string = ""
    for attribute in list(node.attribute):
        value = helper.get_attribute_value(attribute)
        plain = attribute.name in DEFAULTS and abs(value - DEFAULTS[attribute.name]) < 1e-7
        ones = attribute.name in {"dilations", "strides"} and set(value) == {1}
        zeros = attribute.name == "pads" and set(value) == {0}
        inferred = attribute.name == "kernel_shape" and node.op_type == "Conv"
        if plain or ones or zeros or inferred:
            node.attribute.remove(attribute)


def rename_values(graph: GraphProto) -> None:
    """Short, readable names for what flows between nodes."""
    outputs = {output.name for output in graph.output}
    taken = {value.name for value in (*graph.input, *graph.output)}
    names: dict[str, str] = {}
    for value in (value for node in graph.node for value in node.output):
        if value in outputs:
            continue
        short = value.strip("/").removesuffix("_output_0").replace("/", ".").replace("onnx::", "")
        names[value] = short if short not in taken else f"{short}.value"
        taken.add(names[value])
    rename(graph, names)


def rename(graph: GraphProto, names: dict[str, str]) -> None:
    """Rename values wherever they occur."""
    for node in graph.node:
        replace_all(node.input, names)
        replace_all(node.output, names)
    for weight in graph.initializer:
        weight.name = names.get(weight.name, weight.name)


def replace_all(values: Any, names: dict[str, str]) -> None:
    """Rename the items of a repeated field in place."""
    values[:] = [names.get(value, value) for value in values]


def layout(text: str) -> str:
    """One input per line, and no empty domains."""
    head, arrow, body = text.partition(") => (")
    return head.replace(", float[", ",\n   float[") + arrow + body.replace('[""] ', "")


if __name__ == "__main__":
    main()
