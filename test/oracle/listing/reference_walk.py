"""Prints every entry below a directory as one JSON line each, as the kernel shows it.

Usage: reference_walk.py DIRECTORY [damaged]

Of a damaged file system an entry that the kernel names but does not know is shown as refused, instead of ending the
walk.

Independent of vmfr's code on purpose: this is what vmfr's readers are compared with. Bytes are printed in
hexadecimal, times as nanoseconds since 1970 in decimal strings (JSON numbers would lose digits).
"""

import ctypes
import errno
import hashlib
import json
import os
import stat
import sys

TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character-device",
    stat.S_IFBLK: "block-device",
}

# Up to this size a file is hashed whole, holes included; above it by its data alone, so that a sparse file
# of terabytes costs nothing. Must equal WHOLE_HASH_LIMIT in file-system-walk.ts.
WHOLE_HASH_LIMIT = 256 * 1024 * 1024
CHUNK = 1024 * 1024

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
STATX_BTIME = 0x800
ATTRIBUTES = {0x4: "compressed", 0x10: "immutable", 0x20: "append-only", 0x800: "encrypted", 0x100000: "verity"}


class StatxTime(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_uint32), ("reserved", ctypes.c_int32)]


class Statx(ctypes.Structure):
    _fields_ = [
        ("mask", ctypes.c_uint32),
        ("block_size", ctypes.c_uint32),
        ("attributes", ctypes.c_uint64),
        ("nlink", ctypes.c_uint32),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("mode", ctypes.c_uint16),
        ("spare0", ctypes.c_uint16),
        ("ino", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("blocks", ctypes.c_uint64),
        ("attributes_mask", ctypes.c_uint64),
        ("atime", StatxTime),
        ("btime", StatxTime),
        ("ctime", StatxTime),
        ("mtime", StatxTime),
        ("rest", ctypes.c_uint8 * 144),
    ]


libc = ctypes.CDLL(None, use_errno=True)


def statx(path):
    result = Statx()
    if libc.statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, ctypes.byref(result)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), path)
    return result


def data_ranges(descriptor, size):
    ranges = []
    position = 0
    while position < size:
        try:
            start = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            raise
        end = min(os.lseek(descriptor, start, os.SEEK_HOLE), size)
        ranges.append([start, end - start])
        position = end
    return ranges


def update_from(digest, descriptor, offset, length):
    while length > 0:
        chunk = os.pread(descriptor, min(CHUNK, length), offset)
        if not chunk:
            raise OSError(errno.EIO, "file ends early")
        digest.update(chunk)
        offset += len(chunk)
        length -= len(chunk)


def content(path, size):
    descriptor = os.open(path, os.O_RDONLY | os.O_NOATIME)
    try:
        ranges = data_ranges(descriptor, size)
        digest = hashlib.sha256()
        if size <= WHOLE_HASH_LIMIT:
            update_from(digest, descriptor, 0, size)
        else:
            for offset, length in ranges:
                digest.update(b"%d:%d\n" % (offset, length))
                update_from(digest, descriptor, offset, length)
        return ranges, digest.hexdigest()
    finally:
        os.close(descriptor)


def attributes_of(path):
    names = sorted(os.fsencode(name) for name in os.listxattr(path, follow_symlinks=False))
    return [[name.hex(), os.getxattr(path, name, follow_symlinks=False).hex()] for name in names]


def describe(path, relative):
    status = os.lstat(path)
    extended = statx(path)
    kind = TYPES[stat.S_IFMT(status.st_mode)]
    entry = {
        "path": relative.hex(),
        "node": status.st_ino,
        "type": kind,
        "mode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "size": status.st_size,
        "allocated": status.st_blocks * 512,
        "links": status.st_nlink,
        "mtime": str(status.st_mtime_ns),
        "atime": str(status.st_atime_ns),
        "ctime": str(status.st_ctime_ns),
        "flags": sorted(name for bit, name in ATTRIBUTES.items() if extended.attributes & bit),
    }
    if extended.mask & STATX_BTIME:
        entry["birthtime"] = str(extended.btime.seconds * 1_000_000_000 + extended.btime.nanoseconds)
    if kind in ("character-device", "block-device"):
        entry["device"] = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    # Each part that the kernel itself refuses is recorded as refused, so that a reader must refuse it too.
    try:
        entry["xattrs"] = attributes_of(path)
    except OSError as error:
        entry["xattrsError"] = errno.errorcode[error.errno]
    try:
        if kind == "symlink":
            entry["target"] = os.readlink(path).hex()
        if kind == "file":
            entry["data"], entry["sha256"] = content(path, status.st_size)
    except OSError as error:
        entry["contentError"] = errno.errorcode[error.errno]
    return entry


def describe_damaged(path, relative):
    try:
        return describe(path, relative)
    except (OSError, KeyError, OverflowError) as error:
        code = errno.errorcode[error.errno] if isinstance(error, OSError) else "EUCLEAN"
        return {"path": relative.hex(), "node": 0, "type": "unknown", "contentError": code}


def walk(root, describe_entry):
    pending = [b""]
    while pending:
        relative = pending.pop()
        path = os.path.join(root, relative) if relative else root
        entry = describe_entry(path, relative)
        if entry["type"] == "directory":
            try:
                pending.extend(os.path.join(relative, name) if relative else name for name in os.listdir(path))
            except OSError as error:
                entry["contentError"] = errno.errorcode[error.errno]
        print(json.dumps(entry))


walk(os.fsencode(sys.argv[1]), describe_damaged if sys.argv[2:] == ["damaged"] else describe)
