"""A whole machine as one file: a disk image with two roots, and the medium that writes it onto a disk."""
