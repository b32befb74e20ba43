"""Fills a directory with everything that is odd about files.

Usage: populate.py DIRECTORY BLOCK_SIZE PART...

Deterministic: the same parts give the same names and bytes. Needs root. What a file system refuses
(names too long for it, no room for an attribute, device numbers it has no bits for) is left out, never replaced.
"""

import ctypes
import errno
import fcntl
import os
import random
import stat
import struct
import sys

ROOT = b""
BLOCK = 4096
FALLOC_KEEP_SIZE = 1
FALLOC_PUNCH_HOLE = 2
FALLOC_ZERO_RANGE = 16
FS_IOC_GETFLAGS = 0x80086601
FS_IOC_SETFLAGS = 0x40086602
libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def tolerated(error):
    refusals = (errno.ENAMETOOLONG, errno.ENOSPC, errno.EOPNOTSUPP, errno.E2BIG, errno.EFBIG, errno.ERANGE, errno.EINVAL)
    return error.errno in refusals


def attempt(action, *arguments):
    try:
        return action(*arguments)
    except OSError as error:
        if not tolerated(error):
            raise
        return None


def path(*names):
    return os.path.join(ROOT, *names)


def directory(name):
    os.makedirs(path(name), exist_ok=True)
    return path(name)


def pattern(length, seed):
    return random.Random(seed).randbytes(length)


def write(target, content):
    with open(target, "wb") as file:
        file.write(content)


def fallocate(descriptor, mode, offset, length):
    if libc.fallocate(descriptor, mode, offset, length) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def sizes():
    home = directory(b"sizes")
    edges = {0, 1, 59, 60, 61, 100, 127, 128, 156, 160, 200, 511, 512, 513}
    for block in (1024, 4096, 65536, BLOCK, 12 * BLOCK, 12 * BLOCK + BLOCK * BLOCK // 4):
        if block <= 3 * 1024 * 1024:
            edges |= {block - 1, block, block + 1}
    for size in sorted(edges):
        write(os.path.join(home, b"%08d" % size), pattern(size, size))


def sparse():
    home = directory(b"sparse")
    pointers = BLOCK // 4
    offsets = [0, 11, 12, 12 + pointers - 1, 12 + pointers, 12 + pointers + pointers**2 - 1, 12 + pointers + pointers**2]
    offsets += [12 + 2 * pointers + pointers**2 + 7, 12 + pointers + 2 * pointers**2 + 3]

    def create(name, writes, size):
        descriptor = os.open(os.path.join(home, name), os.O_CREAT | os.O_WRONLY)
        try:
            for block in writes:
                attempt(os.pwrite, descriptor, pattern(BLOCK, block), block * BLOCK)
            if size is not None:
                attempt(os.ftruncate, descriptor, size)
        finally:
            os.close(descriptor)

    create(b"only-hole", [], 3 * BLOCK + 17)
    create(b"leading", [5], None)
    create(b"trailing", [0], 100 * BLOCK + 1)
    create(b"middle", [0, 1, 9, 10], 10 * BLOCK + 5)
    create(b"every-indirection", offsets, None)
    create(b"far", [0, offsets[-1] + 123], offsets[-1] * BLOCK * 2 + 99)
    # One block short of 2^32 blocks (extents) or whatever this file system's map reaches.
    create(b"terabytes", [2**31 + 5], (2**32 - 2) * BLOCK)
    create(b"gigabytes", [2**21 + 5], (2**22 - 2) * BLOCK)


def unwritten():
    home = directory(b"unwritten")

    def create(name, *steps):
        descriptor = os.open(os.path.join(home, name), os.O_CREAT | os.O_RDWR)
        try:
            for step in steps:
                attempt(step, descriptor)
        finally:
            os.close(descriptor)

    def allocate(mode, first, count):
        return lambda descriptor: fallocate(descriptor, mode, first * BLOCK, count * BLOCK)

    def put(first, count):
        return lambda descriptor: os.pwrite(descriptor, pattern(count * BLOCK, first), first * BLOCK)

    create(b"whole", allocate(0, 0, 20))
    create(b"partly-written", allocate(0, 0, 30), put(3, 2), put(17, 1))
    create(b"past-end", put(0, 2), allocate(FALLOC_KEEP_SIZE, 2, 10))
    create(b"past-end-empty", allocate(FALLOC_KEEP_SIZE, 0, 10))
    create(b"punched", put(0, 12), lambda d: os.fsync(d), allocate(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE, 4, 3))
    create(b"zeroed", put(0, 12), lambda d: os.fsync(d), allocate(FALLOC_ZERO_RANGE, 4, 3))
    create(b"shortened", put(0, 12), lambda d: os.fsync(d), lambda d: os.ftruncate(d, 5 * BLOCK + 10))


def fragmented():
    home = directory(b"fragmented")
    # With 4 KiB blocks a leaf holds 340 extents and the inode 4, so this many need a second level.
    count = 1500 if BLOCK <= 4096 else 60
    descriptor = os.open(os.path.join(home, b"comb"), os.O_CREAT | os.O_WRONLY)
    content = pattern(BLOCK, 77)
    for index in range(count):
        os.pwrite(descriptor, struct.pack("<I", index) + content[4:], index * 2 * BLOCK)
    os.close(descriptor)
    files = [os.open(os.path.join(home, b"interleaved-%d" % index), os.O_CREAT | os.O_WRONLY) for index in range(3)]
    for round_number in range(40):
        for index, file in enumerate(files):
            os.write(file, pattern(BLOCK, round_number * 3 + index))
            os.fdatasync(file)
    for file in files:
        os.close(file)


def small(count, home):
    for index in range(count):
        name = b"%05d-" % index + b"n" * (index * 7 % 60)
        write(os.path.join(home, name), b"content of %d\n" % index * (index % 4))


def many():
    small(10_000, directory(b"many"))


def several():
    small(300, directory(b"several"))


def churn():
    """A directory that once held 50,000 names: indexed in several levels, with holes where names were deleted."""
    home = directory(b"churn")
    source = os.path.join(home, b"source")
    write(source, b"linked often\n")
    for index in range(50_000):
        if index % 60_000 == 0 or index % 30_000 == 0:
            source = os.path.join(home, b"source-%d" % index)
            write(source, b"linked often\n")
        os.link(source, os.path.join(home, b"name-with-some-length-%06d" % index))
    for index in range(50_000):
        if index % 3 != 0 or 20_000 < index < 30_000:
            os.unlink(os.path.join(home, b"name-with-some-length-%06d" % index))


def shrunk():
    """Directories that were large and are nearly or wholly empty now."""
    for label, keep in ((b"empty", 0), (b"nearly-empty", 1)):
        home = directory(b"shrunk-" + label)
        names = [os.path.join(home, b"temporary-name-%05d" % index) for index in range(3000)]
        for name in names:
            os.mknod(name)
        for name in names[keep:]:
            os.unlink(name)


def links():
    home = directory(b"links")
    write(os.path.join(home, b"first"), b"one inode, many names\n")
    for index in range(20):
        os.link(os.path.join(home, b"first"), os.path.join(home, b"again-%d" % index))
    for length in (1, 58, 59, 60, 61, 155, 200, 1000, 1022, 1023, 1024, 4094, 4095):
        target = (b"/" + b"long-target-name/" * 300)[:length]
        attempt(os.symlink, target, os.path.join(home, b"length-%d" % length))
    for name, target in {
        b"absolute": b"/links/first",
        b"relative": b"first",
        b"up": b"../links/first",
        b"escape": b"../../../../etc/passwd",
        b"loop-a": b"loop-b",
        b"loop-b": b"loop-a",
        b"self": b"self",
        b"dangling": b"nowhere",
        b"to-directory": b".",
        b"bytes": b"\xff\n\x1b[31m",
    }.items():
        os.symlink(target, os.path.join(home, name))


def special():
    home = directory(b"special")
    os.mkfifo(os.path.join(home, b"fifo"))
    os.mknod(os.path.join(home, b"socket"), stat.S_IFSOCK | 0o755)
    for kind, label in ((stat.S_IFCHR, b"character"), (stat.S_IFBLK, b"block")):
        for major, minor in ((0, 0), (1, 3), (8, 255), (8, 256), (255, 255), (256, 1), (4095, 1048575), (259, 65536)):
            attempt(os.mknod, os.path.join(home, label + b"-%d-%d" % (major, minor)), kind | 0o600, os.makedev(major, minor))


def modes():
    home = directory(b"modes")
    for mode in (0o0, 0o4755, 0o2755, 0o1777, 0o7777, 0o644, 0o111):
        target = os.path.join(home, b"%04o" % mode)
        write(target, b"x")
        os.chmod(target, mode)
        os.mkdir(target + b".d")
        os.chmod(target + b".d", mode)
    for owner in (1, 65534, 65535, 65536, 1_000_000, 3_000_000_000, 4_294_967_294):
        target = os.path.join(home, b"owner-%d" % owner)
        write(target, b"x")
        os.chown(target, owner, owner - 1)


def names():
    home = directory(b"names")
    for name in (
        b" ", b"  leading and trailing  ", b"new\nline", b"tab\t", b"\x1b[31mred", b"\xff\xfe invalid", b"back\\slash", b"-rf",
        b"--help", b"caf\xc3\xa9", b"cafe\xcc\x81", b"\xe2\x80\xaetxt.exe", b"*?[]", b"'\"$(id)`id`", b"con", b"a" * 255,
        b"\x80" * 255, b"...", b".hidden", b"\x01", b"\x7f", "名前".encode(), "👩‍👩‍👧".encode(), b"CaSe", b"case", b"%2e%2e", b"C:", b"a:b",
    ):
        write(os.path.join(home, name), name)
        if len(name) < 250:
            os.mkdir(os.path.join(home, name + b".dir"))
            write(os.path.join(home, name + b".dir", name), name)


def acl(*entries):
    """POSIX ACL in the form of the extended attribute, version 2: tag, permissions, id."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 0xFFFFFFFF


def xattrs():
    home = directory(b"xattrs")

    def put(name, attributes, make=lambda target: write(target, b"has attributes")):
        target = os.path.join(home, name)
        make(target)
        for key, value in attributes:
            attempt(lambda: os.setxattr(target, key, value, follow_symlinks=False))

    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    user_acl = acl((1, 6, NOBODY), (2, 7, 1000), (2, 4, 3_000_000_000), (4, 4, NOBODY), (8, 5, 2000), (16, 7, NOBODY), (32, 0, NOBODY))
    put(b"user", [(b"user.comment", b"a value")])
    put(b"empty-value", [(b"user.empty", b"")])
    put(b"binary", [(b"user.\xff\x01", bytes(range(256)))])
    put(b"long-name", [(b"user." + b"n" * 250, b"v")])
    put(b"trusted", [(b"trusted.overlay.opaque", b"y")])
    put(b"security", [(b"security.selinux", b"system_u:object_r:etc_t:s0\0"), (b"security.capability", capability)])
    put(b"acl", [(b"system.posix_acl_access", user_acl)])
    put(b"acl-directory", [(b"system.posix_acl_access", user_acl), (b"system.posix_acl_default", user_acl)], os.mkdir)
    put(b"several", [(b"user.%d" % index, b"%d" % index * index) for index in range(20)])
    put(b"block", [(b"user.large", pattern(BLOCK - 200, 5))])
    put(b"inode-and-block", [(b"user.a", b"x" * 30), (b"user.large", pattern(BLOCK // 2, 6)), (b"trusted.b", b"y" * 20)])
    put(b"beyond-block", [(b"user.huge", pattern(60_000, 7))])
    put(b"symlink", [(b"trusted.on-link", b"v"), (b"security.on-link", b"w")], lambda target: os.symlink(b"user", target))
    put(b"fifo", [(b"trusted.on-fifo", b"v")], os.mkfifo)
    for index in range(10):
        put(b"shared-%d" % index, [(b"user.same", b"s" * 500), (b"user.also", b"t" * 100)])


def times():
    home = directory(b"times")
    second = 1_000_000_000
    for label, moment in {
        b"epoch": 0,
        b"before-epoch": -1,
        b"1901": -(2**31) * second,
        b"1960": -315_619_200 * second + 123_456_789,
        b"2038": 2**31 * second - 1,
        b"after-2038": 2**31 * second + 999_999_999,
        b"2106": 2**32 * second + 1,
        b"2242": (2**33 + 12345) * second + 500,
        b"2446": 15_032_385_535 * second + 999_999_999,
        b"now-ns": 1_700_000_000_123_456_789,
    }.items():
        target = os.path.join(home, label)
        write(target, label)
        os.utime(target, ns=(moment, moment))
        os.mkdir(target + b".d")
        os.utime(target + b".d", ns=(moment, moment - 1))
        os.symlink(label, target + b".l")
        os.utime(target + b".l", ns=(moment, moment), follow_symlinks=False)


def flags():
    home = directory(b"flags")
    for label, bit in ((b"immutable", 0x10), (b"append", 0x20), (b"no-dump", 0x40), (b"no-atime", 0x80), (b"sync", 0x8), (b"journal-data", 0x4000)):
        target = os.path.join(home, label)
        write(target, b"flagged")
        descriptor = os.open(target, os.O_RDONLY)
        try:
            current = struct.unpack("<q", fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, b"\0" * 8))[0]
            try:
                fcntl.ioctl(descriptor, FS_IOC_SETFLAGS, struct.pack("<q", current | bit))
            except PermissionError:
                pass  # a container may lack CAP_LINUX_IMMUTABLE; images.ts sets the flags through debugfs
        finally:
            os.close(descriptor)


def deep():
    current = directory(b"deep")
    for index in range(120):
        current = os.path.join(current, b"level-%d" % index)
        os.mkdir(current)
    write(os.path.join(current, b"bottom"), b"the bottom\n")
    parent = directory(b"wide")
    for index in range(400):
        os.mkdir(os.path.join(parent, b"%d" % index))


def tiny():
    """Small directories and files with small attributes: what inline_data keeps inside inodes."""
    home = directory(b"tiny")
    for size in (0, 1, 30, 59, 60, 61, 90, 100, 130, 150, 155, 156, 157, 160):
        write(os.path.join(home, b"file-%d" % size), pattern(size, size))
        target = os.path.join(home, b"with-attribute-%d" % size)
        write(target, pattern(size, size))
        attempt(os.setxattr, target, b"user.small", b"value")
        sub = os.path.join(home, b"directory-%d" % size)
        os.mkdir(sub)
        for index in range(size // 20):
            write(os.path.join(sub, b"entry-%d" % index), b"%d" % index)
        if size > 30:
            os.unlink(os.path.join(sub, b"entry-0"))


def one_of_each():
    """Few files, one for each way in which content, names and attributes are stored: each byte's damage is tried."""
    home = directory(b"each")
    write(os.path.join(home, b"file"), pattern(3 * BLOCK // 2, 1))
    indexed = directory(b"indexed")
    for index in range(3 * BLOCK // 120):
        os.link(os.path.join(home, b"file"), os.path.join(indexed, b"%03d-" % index + b"n" * 90))
    comb = os.open(os.path.join(home, b"comb"), os.O_CREAT | os.O_WRONLY)
    for block in (0, 2, 4, 6, 8, 10, 20, 12 + BLOCK // 4 + 3):
        os.pwrite(comb, pattern(BLOCK, block), block * BLOCK)
    os.close(comb)
    os.symlink(b"file", os.path.join(home, b"link"))
    os.symlink(b"long/" * 20, os.path.join(home, b"long-link"))
    os.mknod(os.path.join(home, b"device"), stat.S_IFCHR | 0o600, os.makedev(4, 64))
    os.mkfifo(os.path.join(home, b"fifo"))
    for name, length in ((b"small", 20), (b"large", BLOCK // 2)):
        target = os.path.join(home, b"attribute-" + name)
        write(target, name)
        attempt(os.setxattr, target, b"user." + name, pattern(length, length))
        attempt(os.setxattr, target, b"security.selinux", b"system_u:object_r:etc_t:s0\0")


if __name__ == "__main__":
    ROOT = os.fsencode(sys.argv[1])
    BLOCK = int(sys.argv[2])
    os.umask(0o022)
    for part in sys.argv[3:]:
        globals()[part]()
