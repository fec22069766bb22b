"""Static files have addresses that change with their content, and one style sheet in the order of its layers."""

import json
import re
from pathlib import Path

import pytest

from web.assets import LAYERS, WEB, StaticFiles


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small portal."""
    for layer in LAYERS:
        if layer != "components":
            _write(tmp_path / "static" / "css" / f"{layer}.css", f".{layer} {{ color: red; }}")
    _write(tmp_path / "static" / "css" / "fonts.css", '@font-face { src: url("vendor:letters.woff2"); }')
    _write(tmp_path / "static" / "js" / "one.js", "export const one = 1;")
    _write(tmp_path / "components" / "thing" / "thing.css", ".thing { color: blue; }")
    _write(tmp_path / "components" / "thing" / "thing.js", "1;")
    return tmp_path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _build_vendor(tree: Path) -> None:
    _write(tree / "static" / "vendor" / "letters-1.0-abcdef12.woff2", "letters")
    _write(tree / "static" / "vendor" / "manifest.json", json.dumps({"letters.woff2": "letters-1.0-abcdef12.woff2"}))


def test_every_address_changes_with_any_content(tree: Path) -> None:
    """A browser that keeps files for ever never mixes two releases."""
    before = StaticFiles(tree).url("portal.css")
    _write(tree / "components" / "thing" / "thing.js", "2;")
    assert StaticFiles(tree).url("portal.css") != before


def test_the_style_sheet_declares_its_layers_and_fills_each(tree: Path) -> None:
    """Components come before overrides, whatever the order of files on the disk."""
    sheet = StaticFiles(tree).find("portal.css")
    assert sheet is not None
    text = sheet.content.decode()
    assert text.startswith(f"@layer {', '.join(LAYERS)};")
    assert re.findall(r"@layer (\w+) \{", text) == list(LAYERS)
    assert text.index(".thing") < text.index(".overrides")


def test_one_module_imports_all_others(tree: Path) -> None:
    """A page names a single script."""
    module = StaticFiles(tree).find("portal.js")
    assert module is not None
    assert module.content.decode() == 'import "./components/thing/thing.js";\nimport "./js/one.js";\n'


def test_vendor_files_are_found_by_their_plain_name(tree: Path) -> None:
    """Templates and style sheets need not know version and hash."""
    assert StaticFiles(tree).url("vendor:letters.woff2") == ""
    _build_vendor(tree)
    files = StaticFiles(tree)
    assert files.url("vendor:letters.woff2").endswith("/vendor/letters-1.0-abcdef12.woff2")
    sheet = files.find("portal.css")
    assert sheet is not None
    assert b'url("vendor/letters-1.0-abcdef12.woff2")' in sheet.content


def test_a_misspelt_name_fails_when_the_page_is_made(tree: Path) -> None:
    """Nobody finds out by a missing picture."""
    with pytest.raises(KeyError):
        StaticFiles(tree).url("portal.cs")


def test_every_component_has_examples() -> None:
    """The pattern portfolio shows each of them."""
    folders = [path for path in (WEB / "components").iterdir() if path.is_dir() and not path.name.startswith("_")]
    assert [folder.name for folder in folders if not (folder / "examples.html").exists()] == []


def test_templates_have_no_inline_script_or_style() -> None:
    """The content security policy would stop them, silently for the author."""
    inline = re.compile(r"\sstyle=|<style|<script(?![^>]*src=)|\son\w+=|hx-on|javascript:|\bjs:")
    found = [path.relative_to(WEB) for path in WEB.rglob("*.html") if inline.search(path.read_text())]
    assert found == []


def test_the_sprite_has_exactly_the_icons_that_templates_use() -> None:
    """An icon that is missing would be an empty square; one that nobody uses is only weight."""
    listed = {line for line in (WEB / "static" / "icons.txt").read_text().splitlines() if line and line[0] != "#"}
    sources = "".join(path.read_text() for suffix in ("html", "py") for path in WEB.rglob(f"*.{suffix}"))
    named = set(re.findall(r'icon\("([a-z0-9-]+)"\)|symbol="([a-z0-9-]+)"', sources))
    used = {name for pair in named for name in pair if name}
    assert used <= listed
    assert {name for name in listed if f'"{name}"' not in sources} == set()
