"""How does a file stay whole, and readable, whenever its writer stops?

``osops``: what is asked of the operating system; ``frames``: how changes lie in the journal; ``pages`` and
``txnfile``: the writer's file object, what it holds and how that lasts; ``overlay``: the readers'. HDF5 is
not known here: these are files of bytes.
"""

from pypet_ng.storage.journal.frames import journal_of
from pypet_ng.storage.journal.overlay import Overlay
from pypet_ng.storage.journal.txnfile import TxnFile, recover

__all__ = ["Overlay", "TxnFile", "journal_of", "recover"]
