"""Root keys, release keys, and the statements that bind one to the other: the maker's side of a bundle's trust."""
