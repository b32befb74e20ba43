"""Keeps a file system busy until it is killed.

Usage: churn.py DIRECTORY WORKLOAD
"""

import errno
import fcntl
import os
import random
import shutil
import sys
import time

ROOT = os.fsencode(sys.argv[1])
RANDOM = random.Random(20)
FICLONE = 0x40049409
MAGIC = bytes.fromhex("c03b3998")
# Full file systems are part of the workload.
PATIENCE = 0.01


def write(target, content, synchronise=False):
    descriptor = os.open(target, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, content)
        if synchronise:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def metadata(step):
    """Creates, links, renames, truncates, deletes; attributes and times."""
    home = os.path.join(ROOT, b"d%d" % (step % 7))
    os.makedirs(home, exist_ok=True)
    for index in range(40):
        name = os.path.join(home, b"file-%d" % RANDOM.randrange(300))
        action = RANDOM.randrange(8)
        if action < 4:
            write(name, RANDOM.randbytes(RANDOM.randrange(9000)), synchronise=index == 0)
        elif not os.path.lexists(name):
            os.symlink(b"target-%d" % index, name)
        elif action == 4:
            os.rename(name, os.path.join(home, b"renamed-%d" % RANDOM.randrange(100)))
        elif action == 5:
            os.unlink(name)
        elif action == 6 and not os.path.islink(name):
            os.setxattr(name, b"user.step", b"%d" % step * RANDOM.randrange(1, 300))
        else:
            os.utime(name, ns=(step * 1_000_000_007, step * 1_000_000_009), follow_symlinks=False)


def fsync(step):
    """Small changes, each made durable by itself: what fast commits are for."""
    home = os.path.join(ROOT, b"log")
    os.makedirs(home, exist_ok=True)
    name = os.path.join(home, b"entry-%d" % RANDOM.randrange(60))
    descriptor = os.open(name, os.O_CREAT | os.O_WRONLY)
    action = RANDOM.randrange(6)
    if action < 3:
        os.pwrite(descriptor, RANDOM.randbytes(RANDOM.randrange(1, 20000)), RANDOM.randrange(60000))
    elif action == 3:
        os.ftruncate(descriptor, RANDOM.randrange(30000))
    elif action == 4:
        other = os.path.join(home, b"link-%d" % RANDOM.randrange(20))
        if os.path.lexists(other):
            os.unlink(other)
        else:
            os.link(name, other)
    else:
        os.posix_fallocate(descriptor, RANDOM.randrange(40000), 8192)
    os.fsync(descriptor)
    os.close(descriptor)
    if step % 9 == 0:
        victim = os.path.join(home, b"entry-%d" % RANDOM.randrange(60))
        if os.path.lexists(victim):
            os.unlink(victim)
    time.sleep(0.002)


def directories(step):
    """Directories come and go, and their blocks become file content: revoke records."""
    home = os.path.join(ROOT, b"tree-%d" % (step % 5))
    if os.path.exists(home):
        shutil.rmtree(home)
        write(os.path.join(ROOT, b"fill-%d" % (step % 11)), RANDOM.randbytes(RANDOM.randrange(400_000)), synchronise=True)
    else:
        for branch in range(6):
            os.makedirs(os.path.join(home, b"branch-%d" % branch))
            for leaf in range(60):
                write(os.path.join(home, b"branch-%d" % branch, b"leaf-%d" % leaf), b"%d %d\n" % (step, leaf))
    if step % 3 == 0:
        os.sync()


def magic(step):
    """File blocks that look like the journal's own, which journaling of data must escape."""
    content = (MAGIC + RANDOM.randbytes(4092)) * RANDOM.randrange(1, 8)
    write(os.path.join(ROOT, b"magic-%d" % (step % 50)), content, synchronise=step % 5 == 0)


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
