"""Keeps an XFS file system busy with what only it does, until it is killed.

Usage: churn.py DIRECTORY WORKLOAD
"""

import errno
import fcntl
import os
import random
import sys
import time

ROOT = os.fsencode(sys.argv[1])
RANDOM = random.Random(21)
FICLONE = 0x40049409
# Full file systems are part of the workload.
PATIENCE = 0.01


def clones(step):
    """Files that share extents, written to again: mappings are changed by deferred operations."""
    home = os.path.join(ROOT, b"clones")
    os.makedirs(home, exist_ok=True)
    source = os.path.join(home, b"file-%d" % RANDOM.randrange(20))
    target = os.path.join(home, b"file-%d" % RANDOM.randrange(20))
    with open(source, "ab+") as old:
        if os.fstat(old.fileno()).st_size < 200_000:
            old.write(RANDOM.randbytes(RANDOM.randrange(60_000)))
            old.flush()
        if source != target:
            with open(target, "wb") as new:
                fcntl.ioctl(new, FICLONE, old.fileno())
    descriptor = os.open(target, os.O_RDWR)
    for _ in range(RANDOM.randrange(12)):
        os.pwrite(descriptor, RANDOM.randbytes(RANDOM.randrange(1, 6000)), RANDOM.randrange(200_000))
    if step % 3 == 0:
        os.fsync(descriptor)
    os.close(descriptor)


def attributes(step):
    """Attributes come and go: forks change their form, values get blocks of their own."""
    target = os.path.join(ROOT, b"file-%d" % RANDOM.randrange(30))
    if not os.path.lexists(target):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY))
    for _ in range(12):
        name = b"user.attribute-%d" % RANDOM.randrange(80)
        if RANDOM.randrange(3) == 0:
            if os.fsdecode(name) in os.listxattr(target):
                os.removexattr(target, name)
        else:
            os.setxattr(target, name, RANDOM.randbytes(RANDOM.choice((3, 40, 200, 3000, 9000))))
    link = os.path.join(ROOT, b"link-%d" % RANDOM.randrange(30))
    if os.path.lexists(link):
        os.unlink(link)
    os.symlink(b"t" * RANDOM.randrange(1, 1000), link)
    if step % 11 == 0:
        os.unlink(target)
    if step % 7 == 0:
        os.sync()


step = 0
while True:
    try:
        globals()[sys.argv[2]](step)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        time.sleep(PATIENCE)
    step += 1
