"""HangJegyzet: the product, importable; knows no HTTP, terminal or widget."""
