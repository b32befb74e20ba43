"""Makes an encrypted directory with a key of its own and fills it.

Usage: fscrypt.py MOUNT_POINT
"""

import fcntl
import os
import struct
import sys

ADD_ENCRYPTION_KEY = 0xC0506617
SET_ENCRYPTION_POLICY = 0x800C6613
IDENTIFIER = 2
AES_256_XTS = 1
AES_256_CTS = 4

mount_point = sys.argv[1]
root = os.open(mount_point, os.O_RDONLY)
argument = bytearray(struct.pack("<II32x", IDENTIFIER, 0) + struct.pack("<II32x", 64, 0) + bytes(range(64)))
fcntl.ioctl(root, ADD_ENCRYPTION_KEY, argument)
identifier = bytes(argument[8:24])

home = os.path.join(mount_point, "secret")
os.mkdir(home)
policy = struct.pack("<BBBB4x", 2, AES_256_XTS, AES_256_CTS, 0) + identifier
descriptor = os.open(home, os.O_RDONLY)
fcntl.ioctl(descriptor, SET_ENCRYPTION_POLICY, policy)
os.mkdir(os.path.join(home, "inner"))
# One block of entries in one directory, a hash tree in the other; ciphertext of every length a name can have.
for folder, count in ((home, 12), (os.path.join(home, "inner"), 400)):
    for index in range(count):
        with open(os.path.join(folder, "%03d" % index + "n" * (index * 7 % 250)), "wb") as file:
            file.write(b"secret")
with open(os.path.join(mount_point, "plain"), "wb") as file:
    file.write(b"plain")
