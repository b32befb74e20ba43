"""Prints the system.ntfs_* attributes that ntfs-3g shows of every entry below a mount, one JSON line each.

Usage: ntfs_attributes.py DIRECTORY
"""

import json
import os
import sys

NAMES = ["system.ntfs_acl", "system.ntfs_attrib_be", "system.ntfs_dos_name", "system.ntfs_reparse_data"]
ROOT = sys.argv[1].encode()


def attributes(path):
    found = []
    for name in NAMES:
        try:
            value = os.getxattr(path, name, follow_symlinks=False)
        except OSError:
            continue
        if value:
            found.append([name.encode().hex(), value.hex()])
    return found


def show(path):
    print(json.dumps({"path": relative(path), "xattrs": attributes(path)}))


def relative(path):
    return path[len(ROOT) :].lstrip(b"/").hex()


show(ROOT)
for directory, names, files in os.walk(ROOT):
    for name in names + files:
        show(os.path.join(directory, name))
