"""Graphs filled on this machine compute what the reference exports compute."""

import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from appliance.adapters import onnx_graphs
from appliance.adapters.onnx_graphs import (
    TOLERANCE,
    CheckpointMismatch,
    GraphUnknown,
    NumbersDiffer,
    OnnxGraphs,
    deviation_from_reference,
)
from appliance.adapters.torch_checkpoint import CheckpointUnreadable
from appliance.models.model import PackKind, Role
from appliance.models.service import ModelRegistry
from tests.factories.packs import a_folder, starter_pack

REFERENCES = Path(__file__).parents[4] / "shared" / "models"
GRAPHS = {
    "segmentation-3.0": (Role.TURNS, "seg3.onnx", [(1, 1, 160_000), (2, 1, 48_000)]),
    "campplus-zh-en": (Role.VOICES, "campp.onnx", [(1, 64, 80), (1, 100, 80), (3, 199, 80), (1, 998, 80)]),
}
pytestmark = pytest.mark.models


@pytest.fixture(params=GRAPHS)
def graph(request):
    return request.param


@pytest.fixture
def checkpoint(graph):
    pack = starter_pack(PackKind.SPEAKERS, GRAPHS[graph][0])
    return pack.path / pack.pack.shipped[0].path


def outputs(model: Path, given: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: given})[0]


def test_a_filled_graph_gives_the_reference_s_numbers(graph, checkpoint, tmp_path):
    """What setup makes on this machine agrees with the numbers that the reference export gave."""
    target = tmp_path / f"{graph}.onnx"
    OnnxGraphs().derive(checkpoint, target)
    assert deviation_from_reference(target.read_bytes(), graph) < TOLERANCE


def test_filling_twice_gives_the_same_bytes(graph, checkpoint, tmp_path):
    """A derived file is reproducible, so two machines can compare their hashes."""
    one, two = tmp_path / "one" / f"{graph}.onnx", tmp_path / "two" / f"{graph}.onnx"
    for target in (one, two):
        target.parent.mkdir()
        OnnxGraphs().derive(checkpoint, target)
    assert one.read_bytes() == two.read_bytes()


def test_a_filled_graph_equals_the_export_on_any_input(graph, tmp_path):
    """Number by number against the reference export, for several lengths and batches."""
    role, export, shapes = GRAPHS[graph]
    if not (REFERENCES / export).is_file():
        pytest.skip("the reference exports are not on this machine; the synthetic numbers are compared everywhere")
    random = np.random.default_rng(7)
    model = starter_pack(PackKind.SPEAKERS, role).file(".onnx")
    for shape in shapes:
        given = (random.standard_normal(shape) * (0.1 if role is Role.TURNS else 3)).astype(np.float32)
        assert np.abs(outputs(model, given) - outputs(REFERENCES / export, given)).max() < TOLERANCE


def test_wrong_numbers_are_not_accepted(graph, checkpoint, tmp_path, monkeypatch):
    """A transform that is a little wrong leaves no model behind."""
    monkeypatch.setitem(onnx_graphs.TRANSFORMS, "copy", lambda tensors, name: tensors[name] * 1.01)
    with pytest.raises(NumbersDiffer):
        OnnxGraphs().derive(checkpoint, tmp_path / f"{graph}.onnx")
    assert not (tmp_path / f"{graph}.onnx").exists()


def test_another_model_s_checkpoint_is_refused(checkpoint, graph, tmp_path):
    """A checkpoint that lacks the graph's tensors is named as the wrong one."""
    other = next(name for name in GRAPHS if name != graph)
    with pytest.raises((CheckpointMismatch, CheckpointUnreadable), match=re.escape(checkpoint.name)):
        OnnxGraphs().derive(checkpoint, tmp_path / f"{other}.onnx")
    assert not list(tmp_path.iterdir())


def test_an_unknown_graph_is_refused(checkpoint, tmp_path):
    """A pack of a later release cannot be derived here, and says so."""
    with pytest.raises(GraphUnknown):
        OnnxGraphs().derive(checkpoint, tmp_path / "segmentation-9.onnx")


def test_a_bare_checkpoint_is_recognised_and_becomes_a_pack(checkpoint, tmp_path):
    """Somebody without the package index imports upstream's file as it is; the model is made from it."""
    source = a_folder(tmp_path / "download", {checkpoint.name: checkpoint.read_bytes()})
    registry = ModelRegistry(tmp_path / "models", derivation=OnnxGraphs())
    pack = registry.import_pack(source)
    assert pack.in_use
    assert pack.file(".onnx").stat().st_size == next(f.size_bytes for f in pack.pack.files if f.derived_from)
    assert registry.active(PackKind.SPEAKERS, pack.pack.seat) == pack
