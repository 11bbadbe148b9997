"""A disk that can lose its power, or be full: what SQLite wrote is known apart from what it made durable.

A shim around SQLite's own file layer, put in by ctypes: every write passes through to the real file and is noted; a
sync makes the noted writes of its file durable. `Disk.after_power_cut` is what a machine finds when it comes back.
"""

import ctypes
import ctypes.util
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

POINTER, INT, INT64 = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
_OPEN = ctypes.CFUNCTYPE(
    INT, POINTER, POINTER, POINTER, INT, POINTER
)  # names stay pointers: SQLite keeps them
_DELETE = ctypes.CFUNCTYPE(INT, POINTER, ctypes.c_char_p, INT)
_WRITE = ctypes.CFUNCTYPE(INT, POINTER, POINTER, INT, INT64)
_TRUNCATE = ctypes.CFUNCTYPE(INT, POINTER, INT64)
_SYNC = ctypes.CFUNCTYPE(INT, POINTER, INT)
_AT = {"xWrite": 3, "xTruncate": 4, "xSync": 5}
"""Places in ``sqlite3_io_methods``, in pointers (its version takes the first)."""
_METHODS = 19


class _Vfs(ctypes.Structure):
    _fields_ = [
        ("iVersion", INT), ("szOsFile", INT), ("mxPathname", INT), ("pNext", POINTER), ("zName", ctypes.c_char_p),
        ("pAppData", POINTER), ("xOpen", POINTER), ("xDelete", POINTER), ("rest", POINTER * 13),
    ]  # fmt: skip


class NoShim(Exception):
    """This interpreter's SQLite cannot be wrapped."""


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    noted: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, bytes), or (size, None) for a truncation, since the last sync."""


@dataclass(slots=True)
class Disk:
    """All files that SQLite opened by name since the shim was put in."""

    files: dict[str, _File] = field(default_factory=dict)
    writes: int = 0
    refuses: Callable[[str], int] = lambda _: 0
    """Asked with the file's name before each write: SQLite's code of a failure, 0 to let it through."""

    def wrote(self, name: str, offset: int, data: bytes | None) -> None:
        """Note a write or a truncation."""
        self.writes += 1
        self.files[name].noted.append((offset, data))

    def synced(self, name: str) -> None:
        """Everything noted of this file is durable."""
        file = self.files[name]
        for offset, data in file.noted:
            _apply(file.durable, offset, data)
        file.noted.clear()

    def after_power_cut(self, folder: Path, into: Path, *, keep_every: int = 0) -> Path:
        """The files of `folder` as they are after a cut, in `into`.

        Unsynced writes are lost; with `keep_every` = n each n-th of them got through, in spite of those before it.
        """
        into.mkdir()
        for name, file in self.files.items():
            if Path(name).parent != folder:
                continue
            content = bytearray(file.durable)
            for number, (offset, data) in enumerate(file.noted, 1):
                if keep_every and number % keep_every == 0:
                    _apply(content, offset, data)
            (into / Path(name).name).write_bytes(content)
        return into


def _apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


@contextmanager
def recorded() -> Iterator[Disk]:
    """While the block runs, every database that this process opens is on the recorded disk.

    Raises: NoShim where SQLite is built into the interpreter or is another library than the one found.
    """
    library, disk = _library(), Disk()
    original = _Vfs.from_address(library.sqlite3_vfs_find(None))
    kept: list[Any] = []
    shim = _shim(original, disk, kept)
    library.sqlite3_vfs_register(ctypes.byref(shim), 1)
    try:
        yield disk
    finally:
        library.sqlite3_vfs_unregister(ctypes.byref(shim))
        library.sqlite3_vfs_register(ctypes.byref(original), 1)
        _ALIVE.extend((shim, kept))


_ALIVE: list[Any] = []
"""A connection that is collected late still calls what it was opened with."""


def _library() -> Any:
    for name in (getattr(sqlite3, "__lib__", None), "libsqlite3.so.0", ctypes.util.find_library("sqlite3")):
        if name is None:
            continue
        try:
            library = ctypes.CDLL(name)
            library.sqlite3_libversion.restype = ctypes.c_char_p
            library.sqlite3_vfs_find.restype = POINTER
            library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
        except (OSError, AttributeError):
            continue
        if library.sqlite3_libversion().decode() == sqlite3.sqlite_version:
            return library
    raise NoShim("this Python's SQLite is not a library of its own, so its file layer cannot be wrapped")


def _shim(original: _Vfs, disk: Disk, kept: list[Any]) -> _Vfs:
    shim = _Vfs()
    ctypes.pointer(shim)[0] = original
    open_original, delete_original = _OPEN(original.xOpen), _DELETE(original.xDelete)

    def opened(vfs: int, place: int | None, file: int, flags: int, out: int) -> int:
        code: int = open_original(vfs, place, file, flags, out)
        if code == 0 and place is not None:
            name = ctypes.string_at(place).decode()
            disk.files.setdefault(name, _File())
            _wrap(file, name, disk, kept)
        return code

    def deleted(vfs: int, name: bytes, sync: int) -> int:
        code: int = delete_original(vfs, name, sync)
        disk.files.pop(name.decode(), None)
        return code

    opener, deleter = _OPEN(opened), _DELETE(deleted)
    kept += [open_original, delete_original, opener, deleter]
    shim.xDelete = ctypes.cast(deleter, POINTER).value
    shim.xOpen = ctypes.cast(opener, POINTER).value
    shim.zName = b"recorded"
    return shim


def _wrap(file: int, name: str, disk: Disk, kept: list[Any]) -> None:
    """Put noting methods in place of the file's own."""
    place = ctypes.cast(file, ctypes.POINTER(POINTER))
    methods = (POINTER * _METHODS)()
    ctypes.memmove(methods, place[0] or 0, ctypes.sizeof(methods))
    write, cut, sync = (methods[_AT[method]] or 0 for method in ("xWrite", "xTruncate", "xSync"))
    real_write, real_cut, real_sync = _WRITE(write), _TRUNCATE(cut), _SYNC(sync)

    def noting(call: Callable[..., int], note: Callable[..., None]) -> Callable[..., int]:
        def method(handle: int, *arguments: int) -> int:
            code = disk.refuses(name) or call(handle, *arguments)
            if code == 0:
                note(*arguments)
            return code

        return method

    new = [
        _WRITE(noting(real_write, lambda data, n, at: disk.wrote(name, at, ctypes.string_at(data, n)))),
        _TRUNCATE(noting(real_cut, lambda size: disk.wrote(name, size, None))),
        _SYNC(noting(real_sync, lambda _flags: disk.synced(name))),
    ]
    for method, function in zip(_AT.values(), new, strict=True):
        methods[method] = ctypes.cast(function, POINTER).value
    kept += [methods, real_write, real_cut, real_sync, *new]
    place[0] = ctypes.addressof(methods)
