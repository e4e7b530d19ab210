"""How is everything kept in one HDF5 file?"""

from pypet_ng.storage.hdf5.service import HDF5StorageService

__all__ = ["HDF5StorageService"]
