"""On which devices do batches run, and how much memory may they take?"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, Final

from pypet_ng.errors import DeviceError

__all__ = ["choose_devices", "import_jax", "memory_limit"]

_SHARE_OF_DEVICE: Final = 0.35
"""Part of a device's memory for one batch: two are on their way."""
_SHARE_OF_HOST: Final = 0.15
_MOST: Final = 1 << 30


def import_jax() -> Any:
    """Give the module; ImportError with the way out if it is not installed."""
    try:
        import jax
    except ImportError as error:
        raise ImportError("runner='jax' needs JAX: pip install \"pypet_ng[jax]\"") from error
    return jax


def choose_devices(n_pmap: int | None) -> tuple[Any, ...]:
    """Give the first `n_pmap` devices of this process, None: all; DeviceError if there are fewer."""
    devices = tuple(import_jax().local_devices())
    if n_pmap is None:
        return devices
    if n_pmap > len(devices):
        flag = f"XLA_FLAGS=--xla_force_host_platform_device_count={n_pmap}"
        way = (
            f" For tests, {flag} in the environment before JAX starts makes the processor count as {n_pmap} "
            "devices (which makes nothing faster beyond its cores)."
            if devices[0].platform == "cpu"
            else ""
        )
        raise DeviceError(
            f"n_pmap={n_pmap}, but JAX has {len(devices)} device{'s' * (len(devices) > 1)} here: "
            f"{', '.join(map(str, devices))}. Use n_pmap={len(devices)}, or None for all of them.{way}"
        )
    return devices[:n_pmap]


def memory_limit(device: Any) -> int:
    """Give how many bytes one batch may take on a device."""
    stats = device.memory_stats() if hasattr(device, "memory_stats") else None
    if stats and stats.get("bytes_limit"):
        return int(_SHARE_OF_DEVICE * stats["bytes_limit"])
    return min(_MOST, int(_SHARE_OF_HOST * _free_memory()))


def _free_memory() -> int:
    """Give the bytes this machine could still hand out, about."""
    with suppress(OSError, ValueError, IndexError), open("/proc/meminfo", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(
        OSError, ValueError, AttributeError
    ):  # not Linux: half of all is coarser, but enough for a limit
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return 4 << 30
