"""Fills a mounted NTFS volume with everything that is odd about files there.

Usage: populate.py DIRECTORY CLUSTER_SIZE PART...

Deterministic. Needs root and ntfs-3g, whose system.ntfs_* attributes set what POSIX has no words for.
"""

import os
import random
import struct
import sys

ROOT = b""
CLUSTER = 4096
COMPRESSED = 0x800


def home(name):
    directory = os.path.join(ROOT, name)
    os.makedirs(directory, exist_ok=True)
    return directory


def pattern(length, seed):
    return random.Random(seed).randbytes(length)


def text(length, seed):
    words = [b"ask once", b"parse", b"file", b"record", b"\0" * 12, b"windows", b"0123456789"]
    chooser = random.Random(seed)
    parts = []
    have = 0
    while have < length:
        parts.append(chooser.choice(words))
        have += len(parts[-1])
    return b"".join(parts)[:length]


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def set_attributes(path, bits):
    value = struct.unpack(">I", os.getxattr(path, "system.ntfs_attrib_be"))[0]
    os.setxattr(path, "system.ntfs_attrib_be", struct.pack(">I", value | bits))


def sizes():
    directory = home(b"sizes")
    edges = {0, 1, 7, 8, 9, 500, 600, 700, 800, 4000}
    for block in (512, 4096, CLUSTER, 3 * CLUSTER):
        edges |= {block - 1, block, block + 1}
    for size in sorted(edges):
        write(os.path.join(directory, b"%08d" % size), pattern(size, size))


def sparse():
    directory = home(b"sparse")
    for index, offset in enumerate((0, 1, CLUSTER, 16 * CLUSTER + 5, 100 * CLUSTER, 2**25 + 7)):
        with open(os.path.join(directory, b"at-%d" % index), "wb") as file:
            file.seek(offset)
            file.write(pattern(3000, index))
            file.truncate(offset + 3000 + 7 * CLUSTER)
    with open(os.path.join(directory, b"only a hole"), "wb") as file:
        file.truncate(20 * CLUSTER + 3)


def compressed():
    directory = home(b"compressed")
    set_attributes(directory, COMPRESSED)
    unit = 16 * CLUSTER
    for size in (1, 700, 4095, 4096, 4097, unit - 1, unit, unit + 1, 2 * unit - 1, 3 * unit + 4099, 9 * unit):
        write(os.path.join(directory, b"text-%08d" % size), text(size, size))
        write(os.path.join(directory, b"noise-%08d" % size), pattern(size, size))
    write(os.path.join(directory, b"mixed"), b"".join(text(unit, n) if n % 2 else pattern(unit, n) for n in range(6)))
    write(os.path.join(directory, b"one byte"), b"x" * (5 * unit + 17))
    write(os.path.join(directory, b"period"), bytes(range(251)) * (unit // 100))
    with open(os.path.join(directory, b"sparse and compressed"), "wb") as file:
        for position in (0, 3, 7):
            file.seek(position * unit + 100)
            file.write(text(3000, position))
        file.truncate(10 * unit + 1)


NAMES = [
    b"plain.txt",
    b"UPPER.TXT",
    "größe.txt".encode(),
    "日本語の名前".encode(),
    "emoji \U0001f600".encode(),
    "\u0130stanbul \u0131".encode(),
    b" leading",
    b"-dash",
    b"new\nline",
    b"esc\x1b[31m",
    b"back\\slash",
    b'colon:quote"star*',
    b"CON",
    b"trailing.",
    b"trailing ",
    "\u202ertl".encode(),
    "e\u0301 and \u00e9".encode(),
    b"lone high \xed\xa0\xbd.txt",
    b"lone low \xed\xb8\x80.txt",
    b"a" * 255,
    "\u00e4".encode() * 127 + b"z",
    b"$dollar",
    b"~1",
]


def names():
    directory = home(b"names")
    for index, name in enumerate(NAMES):
        write(os.path.join(directory, name), b"%d" % index)
    for name in (b"case", b"Case", b"CASE"):
        write(os.path.join(directory, name), name)
    deep = home(b"deep")
    for level in range(40):
        deep = os.path.join(deep, b"level %02d" % level)
        os.mkdir(deep)
    write(os.path.join(deep, b"file"), b"bottom")


def dos_names():
    directory = home(b"dos")
    for index in range(20):
        path = os.path.join(directory, b"a long file name %02d.text" % index)
        write(path, b"%d" % index)
        os.setxattr(path, "system.ntfs_dos_name", b"ALONGF%02d.TEX" % index)


def links():
    directory = home(b"links")
    write(os.path.join(directory, b"first"), pattern(5000, 1))
    for index in range(30):
        os.link(os.path.join(directory, b"first"), os.path.join(directory, b"hard link %02d " % index + b"x" * 150))
    for name, target in (
        (b"relative", b"first"),
        (b"up", b"../sizes"),
        (b"absolute", b"/usr/bin/env"),
        (b"dangling", b"nowhere/at all"),
        (b"unicode", "größe/\U0001f600".encode()),
        (b"long", b"d/" * 500),
    ):
        os.symlink(target, os.path.join(directory, name))
    os.mknod(os.path.join(directory, b"null"), 0o20666, os.makedev(1, 3))
    os.mknod(os.path.join(directory, b"disk"), 0o60666, os.makedev(259, 70000))


def streams():
    directory = home(b"streams")
    path = os.path.join(directory, b"downloaded.exe")
    write(path, pattern(4321, 1))
    os.setxattr(path, "user.Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3\r\n")
    os.setxattr(path, "user.empty", b"")
    os.setxattr(path, "user.large", pattern(40000, 2))
    os.setxattr(path, "user.gr\u00f6\u00dfe", b"named in German")
    os.setxattr(directory, "user.of a directory", b"directories have streams, too")
    many = os.path.join(directory, b"many")
    write(many, b"")
    for index in range(60):
        os.setxattr(many, "user.stream number %03d" % index, pattern(index * 7, index))


def flags():
    directory = home(b"flags")
    for bits in (0x1, 0x2, 0x4, 0x20, 0x100, 0x1000, 0x2000, 0x27):
        path = os.path.join(directory, b"%04x" % bits)
        write(path, b"flags 0x%x, longer than eight bytes" % bits)
        os.setxattr(path, "system.ntfs_attrib_be", struct.pack(">I", bits))
    old = os.path.join(directory, b"old")
    write(old, b"")
    os.utime(old, ns=(-5_000_000_000, 1_234_567_800))


def reparse(tag, data):
    return struct.pack("<IHH", tag, len(data), 0) + data


def windows_link(tag, substitute, shown, relative=False):
    first, second = substitute.encode("utf-16-le"), shown.encode("utf-16-le")
    head = struct.pack("<HHHH", 0, len(first), len(first) + 2, len(second))
    if tag == 0xA000000C:
        head += struct.pack("<I", 1 if relative else 0)
    return reparse(tag, head + first + b"\0\0" + second + b"\0\0")


def set_reparse(path, value):
    os.setxattr(path, "system.ntfs_reparse_data", value)


def junctions():
    directory = home(b"junctions")
    users = home(b"Users")
    os.makedirs(os.path.join(users, b"Public"))
    write(os.path.join(users, b"Public", b"note.txt"), b"reached through links")

    def link(name, *arguments, is_directory=True):
        path = os.path.join(directory, name)
        if is_directory:
            os.mkdir(path)
        else:
            write(path, b"")
        set_reparse(path, windows_link(*arguments))

    mount_point, symlink = 0xA0000003, 0xA000000C
    link(b"junction", mount_point, "\\??\\C:\\Users\\Public", "C:\\Users\\Public")
    link(b"other case", mount_point, "\\??\\c:\\users\\PUBLIC", "c:\\users\\PUBLIC")
    link(b"symlinkd", symlink, "\\??\\C:\\Users", "C:\\Users")
    link(b"relative", symlink, "..\\Users\\Public", "..\\Users\\Public", True)
    link(b"file", symlink, "..\\Users\\Public\\note.txt", "..\\Users\\Public\\note.txt", True, is_directory=False)


def reparse_points():
    directory = home(b"junctions")

    def file(name, value, content=b"", size=0):
        path = os.path.join(directory, name)
        write(path, content)
        if size > 0:
            os.truncate(path, size)
        set_reparse(path, value)

    os.mkdir(os.path.join(directory, b"other drive"))
    elsewhere = windows_link(0xA0000003, "\\??\\D:\\Elsewhere", "D:\\Elsewhere")
    set_reparse(os.path.join(directory, b"other drive"), elsewhere)
    os.mkdir(os.path.join(directory, b"volume"))
    volume = windows_link(0xA0000003, "\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\", "")
    set_reparse(os.path.join(directory, b"volume"), volume)
    file(b"wsl", reparse(0xA000001D, struct.pack("<I", 2) + "/usr/bin/gr\u00f6\u00dfe".encode()))
    file(b"deduplicated", reparse(0x80000013, bytes(100)), size=100_000)
    file(b"cloud", reparse(0x9000601A, bytes(40)), size=70_000)
    file(b"cloud, local", reparse(0x9000601A, bytes(40)), b"all of it is here")
    file(b"alias", reparse(0x8000001B, struct.pack("<I", 3)))
    file(b"unknown", struct.pack("<IHH", 0x1234, 8, 0) + bytes(range(16)) + bytes(8), b"of another maker")
    file(b"image", reparse(0x80000017, struct.pack("<IIII", 1, 1, 1, 0)))


def hibernated():
    write(os.path.join(ROOT, b"hiberfil.sys"), b"hibr" + bytes(4092))


def crowd(count):
    directory = home(b"crowd")
    for index in range(count):
        os.close(os.open(os.path.join(directory, b"entry %06d of a crowd" % (index * 7919 % count)), os.O_CREAT | os.O_WRONLY))


def crowded():
    crowd(3000)


def small():
    """A little of everything, for images that are read many thousand times."""
    directory = home(b"small")
    for size in (0, 1, 600, 700, 5000, 20_000):
        write(os.path.join(directory, b"%d" % size), pattern(size, size))
    for index in range(150):
        write(os.path.join(directory, b"entry %03d" % index), b"%d" % index)
    packed = home(b"packed")
    set_attributes(packed, COMPRESSED)
    write(os.path.join(packed, b"text"), text(30_000, 1))
    with open(os.path.join(directory, b"sparse"), "wb") as file:
        file.seek(100 * CLUSTER)
        file.write(b"end")


def one_of_each():
    """Few files, one for each way in which content and names are stored: each byte's damage is tried."""
    directory = home(b"each")
    write(os.path.join(directory, b"resident"), b"in the record")
    write(os.path.join(directory, b"runs"), pattern(5000, 1))
    with open(os.path.join(directory, b"sparse"), "wb") as file:
        file.seek(40 * CLUSTER)
        file.write(b"end")
    packed = home(b"packed")
    set_attributes(packed, COMPRESSED)
    write(os.path.join(packed, b"text"), text(20_000, 1))
    streams_of = os.path.join(directory, b"streams")
    write(streams_of, b"")
    for index in range(12):
        os.setxattr(streams_of, "user.stream number %03d" % index, pattern(index * 30, index))
    indexed = home(b"indexed")
    write(os.path.join(indexed, b"first"), b"one record, many names")
    for index in range(3):
        os.link(os.path.join(indexed, b"first"), os.path.join(indexed, b"again %d" % index))
    for index in range(14):
        write(os.path.join(indexed, b"entry with a name of some length %03d" % index), b"%d" % index)


def big_directory():
    crowd(50_000)


def fragmented():
    """Two files written in turns, then one of them deleted: the other has over 1,000 runs and an attribute list."""
    directory = home(b"fragmented")
    kept, dropped = os.path.join(directory, b"kept"), os.path.join(directory, b"dropped")
    with open(kept, "wb", buffering=0) as first, open(dropped, "wb", buffering=0) as second:
        for index in range(1300):
            first.seek(index * 2 * CLUSTER)
            first.write(pattern(CLUSTER, index))
            second.seek(index * 2 * CLUSTER)
            second.write(b"%d" % index)
    os.remove(dropped)


def scattered_table():
    """Records and data in turns: the master file table itself gets runs between the files."""
    directory = home(b"scattered")
    for index in range(400):
        write(os.path.join(directory, b"%04d" % index), pattern(6 * CLUSTER if index % 3 else 10, index))


def main():
    global ROOT, CLUSTER
    ROOT = sys.argv[1].encode()
    CLUSTER = int(sys.argv[2])
    parts = {name: part for name, part in globals().items() if callable(part)}
    for name in sys.argv[3:]:
        parts[name.replace("-", "_")]()


main()
