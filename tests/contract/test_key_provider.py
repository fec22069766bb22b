"""What every guard of a root key must do, whatever it keeps it in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.adapters.root_key import FileKeyProvider, MemoryKeyProvider, create_root_key
from appliance.keyring.ports import KeyProvider
from appliance.keyring.wrapping import CannotUnwrap

KEY = bytes(range(32))


def in_a_file(folder: Path) -> KeyProvider:
    path = folder / "secrets" / "root.key"
    create_root_key(path)
    return FileKeyProvider(path)


@pytest.fixture(params=[in_a_file, lambda _folder: MemoryKeyProvider()], ids=["file", "memory"])
def new_provider(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], KeyProvider]:
    """Makes providers, each with a root key of its own."""
    made: list[Path] = []

    def new() -> KeyProvider:
        made.append(tmp_path / str(len(made)))
        provider: KeyProvider = request.param(made[-1])
        return provider

    return new


def test_a_wrapped_key_comes_back(new_provider: Callable[[], KeyProvider]) -> None:
    """Under the same context."""
    provider = new_provider()
    wrapped = provider.wrap(KEY, context=b"a")
    assert KEY not in wrapped
    assert provider.unwrap(wrapped, context=b"a") == KEY


def test_another_context_does_not_open_it(new_provider: Callable[[], KeyProvider]) -> None:
    """A tenant's key can't be put in place of another's."""
    provider = new_provider()
    with pytest.raises(CannotUnwrap):
        provider.unwrap(provider.wrap(KEY, context=b"a"), context=b"b")


def test_another_root_key_does_not_open_it(new_provider: Callable[[], KeyProvider]) -> None:
    """A database without its machine's root key is noise."""
    with pytest.raises(CannotUnwrap):
        new_provider().unwrap(new_provider().wrap(KEY, context=b"a"), context=b"a")


def test_changed_bytes_do_not_open(new_provider: Callable[[], KeyProvider]) -> None:
    """Damage is told, not decrypted."""
    provider = new_provider()
    wrapped = bytearray(provider.wrap(KEY, context=b"a"))
    wrapped[-1] ^= 1
    with pytest.raises(CannotUnwrap):
        provider.unwrap(bytes(wrapped), context=b"a")


def test_a_provider_has_a_name_and_keeps_quiet(new_provider: Callable[[], KeyProvider]) -> None:
    """The name is stored beside each key; the root key is shown nowhere."""
    provider = new_provider()
    provider.wrap(KEY, context=b"a")
    assert provider.name
    root_key: bytes = provider._key  # type: ignore[attr-defined]  # both keep it there
    assert repr(root_key)[2:-1] not in f"{provider} {provider!r}"
