# Two readers for one format: a small one for what Keras writes, and the HDF5 library for everything else. Which of them
# answered cannot be told from the answer.
"""Opening an HDF5 file: `opened`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from modeldiff import isolation
from modeldiff.errors import UnreadableFile
from modeldiff.loader import plain_hdf5
from modeldiff.loader.hdf5_objects import Group, Refused
from modeldiff.loader.pages import Pages
from modeldiff.loader.storage import Stretch, inflate


@contextmanager
def opened(stretch: Stretch) -> Iterator[Group]:
    """The root group of an HDF5 file; everything from it is closed with the block.

    Raises:
        UnreadableFile: not HDF5, truncated, damaged.
    """
    if stretch.inflated is not None and not next(inflate(stretch), b"").startswith(plain_hdf5.SIGNATURE):
        raise UnreadableFile("the packed weights are not HDF5", where=stretch.shown)
    settled = stretch.settled()
    with isolation.reading(stretch.shown), ExitStack() as stack:

        def library() -> Group:
            from modeldiff.loader import hdf5  # h5py is needed only here

            return stack.enter_context(hdf5.opened(settled))

        pages = Pages(stack.enter_context(settled.open()), settled)
        try:
            yield plain_hdf5.root(pages, settled, library) or library()
        except Refused as refusal:  # something nothing can be read without
            raise UnreadableFile(str(refusal), where=stretch.shown) from refusal
