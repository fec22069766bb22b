"""Where a model may run, decided before anything is loaded."""

from pathlib import Path

import pytest

from appliance.adapters import llama_memory
from appliance.adapters.llama_memory import choose_device
from appliance.kernel.units import GIB, MIB
from appliance.language.errors import DeviceMissing, ModelUnreadable, NotEnoughMemory
from appliance.settings import LanguageSettings


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    """A file as long as a gigabyte that takes no room."""
    file = tmp_path / "model.gguf"
    with file.open("wb") as writing:
        writing.truncate(GIB)
    return file


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch):
    """A machine with so much memory, and so much on its GPU."""

    def equip(*, memory: int, gpu: int | None = None) -> None:
        monkeypatch.setattr(llama_memory, "free_memory_bytes", lambda: memory)
        monkeypatch.setattr(llama_memory, "_roomiest_gpu", lambda: gpu)

    return equip


def test_without_a_gpu_the_model_goes_into_memory(machine, model_file: Path) -> None:
    """The common machine."""
    machine(memory=8 * GIB)
    choice = choose_device(model_file, name="small", settings=LanguageSettings())
    assert (choice.device, choice.gpu_layers) == ("cpu", 0)
    assert GIB < choice.needed_bytes < 2 * GIB


def test_a_gpu_with_room_takes_the_whole_model(machine, model_file: Path) -> None:
    """And one without leaves it to the CPU, when the settings allow that."""
    machine(memory=8 * GIB, gpu=4 * GIB)
    assert choose_device(model_file, name="small", settings=LanguageSettings()).device == "cuda"
    machine(memory=8 * GIB, gpu=GIB)
    assert choose_device(model_file, name="small", settings=LanguageSettings()).device == "cpu"


def test_a_gpu_that_was_asked_for_is_not_replaced_silently(machine, model_file: Path) -> None:
    """Too full and missing are two refusals with two remedies."""
    settings = LanguageSettings(device="cuda")
    machine(memory=8 * GIB, gpu=GIB)
    with pytest.raises(NotEnoughMemory) as full:
        choose_device(model_file, name="small", settings=settings)
    assert "the GPU" in full.value.remedy
    machine(memory=8 * GIB)
    with pytest.raises(DeviceMissing):
        choose_device(model_file, name="small", settings=settings)


def test_a_machine_short_of_memory_refuses_before_it_swaps(machine, model_file: Path) -> None:
    """With what is needed, what is free, and what to do."""
    machine(memory=512 * MIB)
    with pytest.raises(NotEnoughMemory) as refusal:
        choose_device(model_file, name="small", settings=LanguageSettings(context_tokens=32768))
    assert refusal.value.fields["free"] == "512 MiB"
    assert "context_tokens" in refusal.value.remedy


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    """By its pack, not by a path that means nothing to the reader."""
    with pytest.raises(ModelUnreadable, match="small"):
        choose_device(tmp_path / "gone.gguf", name="small", settings=LanguageSettings())
