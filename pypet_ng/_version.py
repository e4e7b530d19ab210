"""Which version of pypet_ng is this?"""

__version__ = "0.1.0"
