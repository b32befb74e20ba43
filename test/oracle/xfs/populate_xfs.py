"""Fills a directory with what only XFS keeps in its own way.

Usage: populate_xfs.py DIRECTORY PART...

Deterministic. Needs root.
"""

import errno
import fcntl
import os
import random
import sys

ROOT = os.fsencode(sys.argv[1])
FICLONE = 0x40049409
FICLONERANGE = 0x4020940D


def directory(name):
    path = os.path.join(ROOT, name)
    os.makedirs(path, exist_ok=True)
    return path


def write(target, content):
    with open(target, "wb") as file:
        file.write(content)


def attributes():
    """Attribute forks in every form: in the inode, one leaf, a tree of leaves, values in blocks of their own."""
    home = directory(b"attribute-forks")
    for count in (1, 3, 10, 40, 150, 600):
        target = os.path.join(home, b"count-%d" % count)
        write(target, b"x")
        for index in range(count):
            os.setxattr(target, b"user.attribute-%05d" % index, b"%d" % index * (index % 40))
    for size in (1, 255, 256, 700, 2000, 4000, 4096, 5000, 20_000, 65_000, 65_536):
        target = os.path.join(home, b"size-%d" % size)
        write(target, b"x")
        os.setxattr(target, b"user.value", random.Random(size).randbytes(size))
    target = os.path.join(home, b"many-remote")
    write(target, b"x")
    for index in range(20):
        os.setxattr(target, b"trusted.%d" % index, random.Random(index).randbytes(5000 + index))
    target = os.path.join(home, b"removed")
    write(target, b"x")
    for index in range(100):
        os.setxattr(target, b"user.gone-%d" % index, b"v" * 100)
    for index in range(100):
        os.removexattr(target, b"user.gone-%d" % index)


def reflink():
    """Files that share blocks, some of them changed afterwards."""
    home = directory(b"reflink")
    source = os.path.join(home, b"source")
    write(source, random.Random(1).randbytes(600_000))
    for index in range(4):
        with open(source, "rb") as old, open(os.path.join(home, b"clone-%d" % index), "wb+") as new:
            fcntl.ioctl(new, FICLONE, old.fileno())
            new.seek(index * 70_001)
            new.write(b"changed" * 1000 * index)


def comb():
    """A map of thousands of extents, over several levels of its tree."""
    home = directory(b"comb")
    block = os.statvfs(ROOT).f_bsize
    count = 9000 if block <= 2048 else 3000 if block <= 4096 else 300
    descriptor = os.open(os.path.join(home, b"teeth"), os.O_CREAT | os.O_WRONLY)
    for index in range(count):
        os.pwrite(descriptor, b"%08d" % index, index * 2 * block)
    os.close(descriptor)


def full():
    """Fills the file system to the last block, so that every allocation group is in use."""
    home = directory(b"full")
    for index in range(10_000):
        try:
            write(os.path.join(home, b"%05d" % index), random.Random(index).randbytes(300_000))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return


def sparse_chunks():
    """Leaves no room for whole inode chunks, then makes more inodes."""
    home = directory(b"sparse-chunks")
    filler = os.path.join(home, b"filler")
    block = os.statvfs(ROOT).f_bsize
    with open(filler, "wb") as file:
        try:
            while True:
                file.write(b"f" * block * 16)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
    os.sync()
    # Every hole is shorter than a chunk of 64 inodes, and long enough for a part of one.
    size = os.path.getsize(filler)
    descriptor = os.open(filler, os.O_RDWR)
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
    for offset in range(0, size - 32 * block, 64 * block):
        libc.fallocate(descriptor, 3, offset, 20 * block)
    os.close(descriptor)
    os.sync()
    for index in range(2000):
        try:
            write(os.path.join(home, b"inode-%05d" % index), b"")
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            return


if __name__ == "__main__":
    os.umask(0o022)
    for part in sys.argv[2:]:
        globals()[part]()
