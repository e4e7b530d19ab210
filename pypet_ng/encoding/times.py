"""How are dates, times and time spans stored, those of Python and the scalars of pandas?"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final, cast

import numpy as np

from pypet_ng._typing import JSON
from pypet_ng.encoding.encoded import Encoded
from pypet_ng.encoding.registry import refusal, register_own

__all__ = ["register_all", "register_pandas", "tz_from_json", "tz_supported", "tz_to_json"]

_EPOCH: Final = dt.datetime(1970, 1, 1)
_MICROSECOND: Final = dt.timedelta(microseconds=1)


def tz_supported(zone: dt.tzinfo | None) -> bool:
    """Tell whether a time zone comes back: none, a fixed offset, or one with a key of zoneinfo."""
    if zone is None or type(zone) is dt.timezone:
        return True
    return _zone_key(zone) is not None


def tz_to_json(zone: dt.tzinfo | None) -> JSON:
    """Give a supported time zone as JSON."""
    if zone is None:
        return None
    if type(zone) is dt.timezone:
        offset = zone.utcoffset(None) // _MICROSECOND
        name = zone.tzname(None)
        return (
            {"offset": offset}
            if name == str(dt.timezone(zone.utcoffset(None)))
            else {"offset": offset, "name": name}
        )
    return {"zone": _zone_key(zone)}


def tz_from_json(spec: JSON) -> dt.tzinfo | None:
    """Give the time zone back. A key this machine has no data for: ZoneInfoNotFoundError."""
    if spec is None:
        return None
    entries = cast("dict[str, Any]", spec)
    if "zone" in entries:
        from zoneinfo import ZoneInfo

        try:
            return ZoneInfo(entries["zone"])
        except KeyError as error:
            error.add_note("A stored time has this zone. Install its data: pip install tzdata")
            raise
    offset = dt.timedelta(microseconds=entries["offset"])
    return dt.timezone(offset, entries["name"]) if "name" in entries else dt.timezone(offset)


def _zone_key(zone: dt.tzinfo) -> str | None:
    from zoneinfo import ZoneInfo

    key = zone.key if type(zone) is ZoneInfo else None
    return key if isinstance(key, str) else None


def _tz_reason(zone: Any) -> str:
    return (
        f"its time zone {zone!r} is neither a fixed offset nor a zoneinfo.ZoneInfo with a key, and would "
        "not come back"
    )


class _TimeCodec:
    """What the four codecs of Python's classes share: one int64 in a 0-d part."""

    version = "1"
    ragged = False
    immutable = True

    def __init__(self, type_name: str, cls: type) -> None:
        self.type_name = type_name
        self._class = cls

    def accepts(self, value: Any) -> bool:
        return type(value) is self._class and tz_supported(getattr(value, "tzinfo", None))

    def check_inside(self, value: Any, place: str) -> None:
        if type(value) is not self._class:
            raise refusal(value, place)
        zone = getattr(value, "tzinfo", None)
        if not tz_supported(zone):
            raise refusal(
                value, place, _tz_reason(zone), "convert it (value.astimezone(datetime.timezone.utc))"
            )

    def _encoded(self, value: Any, number: int) -> Encoded:
        self.check_inside(value, "")
        meta: dict[str, JSON] = {}
        if getattr(value, "tzinfo", None) is not None:
            meta["tz"] = tz_to_json(value.tzinfo)
        if getattr(value, "fold", 0):
            meta["fold"] = 1
        return Encoded(self.type_name, self.version, meta, {"": np.array(number, np.int64)})


class DateTimeCodec(_TimeCodec):
    """Microseconds of the wall clock since 1970; time zone and fold in the meta."""

    def encode(self, value: Any) -> Encoded:
        return self._encoded(value, (value.replace(tzinfo=None, fold=0) - _EPOCH) // _MICROSECOND)

    def decode(self, encoded: Encoded) -> dt.datetime:
        wall = _EPOCH + dt.timedelta(microseconds=int(encoded.parts[""]))
        return wall.replace(tzinfo=tz_from_json(encoded.meta.get("tz")), fold=_fold(encoded))


class DateCodec(_TimeCodec):
    """Days since 1970."""

    def encode(self, value: Any) -> Encoded:
        return self._encoded(value, value.toordinal() - _EPOCH.toordinal())

    def decode(self, encoded: Encoded) -> dt.date:
        return dt.date.fromordinal(int(encoded.parts[""]) + _EPOCH.toordinal())


class TimeCodec(_TimeCodec):
    """Microseconds since midnight; time zone and fold in the meta."""

    def encode(self, value: Any) -> Encoded:
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return self._encoded(value, seconds * 1_000_000 + value.microsecond)

    def decode(self, encoded: Encoded) -> dt.time:
        wall = (_EPOCH + dt.timedelta(microseconds=int(encoded.parts[""]))).time()
        return wall.replace(tzinfo=tz_from_json(encoded.meta.get("tz")), fold=_fold(encoded))


class TimeSpanCodec(_TimeCodec):
    """Microseconds, as (days, rest) since the longest spans exceed int64."""

    def encode(self, value: Any) -> Encoded:
        self.check_inside(value, "")
        rest = value.seconds * 1_000_000 + value.microseconds
        return Encoded(self.type_name, self.version, {}, {"": np.array([value.days, rest], np.int64)})

    def decode(self, encoded: Encoded) -> dt.timedelta:
        days, rest = encoded.parts[""].tolist()
        return dt.timedelta(days=days, microseconds=rest)


def _fold(encoded: Encoded) -> Any:
    return 1 if encoded.meta.get("fold") else 0


def register_all() -> None:
    register_own(DateTimeCodec("datetime", dt.datetime), dt.datetime)
    register_own(DateCodec("date", dt.date), dt.date)
    register_own(TimeCodec("time", dt.time), dt.time)
    register_own(TimeSpanCodec("timedelta", dt.timedelta), dt.timedelta)


class PandasScalarCodec:
    """Scalars of pandas: Timestamp, Timedelta, Period, NaT and NA."""

    version = "1"
    ragged = False
    immutable = True

    def __init__(self, kind: str, cls: type) -> None:
        self.type_name = f"pandas.{kind}"
        self._kind = kind
        self._class = cls

    def accepts(self, value: Any) -> bool:
        return type(value) is self._class and tz_supported(getattr(value, "tzinfo", None))

    def check_inside(self, value: Any, place: str) -> None:
        if not self.accepts(value):
            zone = getattr(value, "tzinfo", None)
            raise refusal(value, place, "" if tz_supported(zone) else _tz_reason(zone))

    def encode(self, value: Any) -> Encoded:
        self.check_inside(value, "")
        meta: dict[str, JSON] = {}
        if self._kind in ("nat", "na"):
            return Encoded(self.type_name, self.version)
        if self._kind == "period":
            meta["freq"] = value.freqstr
            number = value.ordinal
        else:
            ticks = value.asm8
            meta["unit"] = value.unit
            number = ticks.view(np.int64)
            if getattr(value, "tzinfo", None) is not None:
                meta["tz"] = tz_to_json(value.tzinfo)
            if getattr(value, "fold", 0):
                meta["fold"] = 1
        return Encoded(self.type_name, self.version, meta, {"": np.array(number, np.int64)})

    def decode(self, encoded: Encoded) -> Any:
        import pandas as pd

        match self._kind:
            case "nat":
                return pd.NaT
            case "na":
                return pd.NA
            case "period":
                return pd.Period(ordinal=int(encoded.parts[""]), freq=str(encoded.meta["freq"]))
        ticks = np.int64(encoded.parts[""])
        unit = encoded.meta["unit"]
        if self._kind == "timedelta":
            return pd.Timedelta(ticks.view(f"m8[{unit}]"))
        stamp = pd.Timestamp(ticks.view(f"M8[{unit}]"))
        zone = tz_from_json(encoded.meta.get("tz"))
        if zone is not None:
            return stamp.tz_localize("UTC").tz_convert(zone)
        return stamp.replace(fold=1) if encoded.meta.get("fold") else stamp


def register_pandas() -> None:
    """Register the scalars of pandas; imports it."""
    import pandas as pd

    register_own(PandasScalarCodec("timestamp", pd.Timestamp), pd.Timestamp)
    register_own(PandasScalarCodec("timedelta", pd.Timedelta), pd.Timedelta)
    register_own(PandasScalarCodec("period", pd.Period), pd.Period)
    register_own(PandasScalarCodec("nat", type(pd.NaT)), type(pd.NaT))
    register_own(PandasScalarCodec("na", type(pd.NA)), type(pd.NA))
