"""Walks a tree over SFTP with paramiko and prints {name: description} as JSON, names as Latin-1 of their bytes.

Usage: paramiko-walk.py PORT KEYFILE DIRECTORY
"""

import hashlib
import json
import stat
import sys

import paramiko

client = paramiko.SSHClient()
client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
client.connect(
    "127.0.0.1",
    port=int(sys.argv[1]),
    username="restore",
    key_filename=sys.argv[2],
    look_for_keys=False,
    allow_agent=False,
)
sftp = client.open_sftp()
found = {}


def walk(directory, prefix):
    for entry in sftp.listdir_attr(directory):
        path = directory + "/" + entry.filename
        label = (prefix + entry.filename).encode("utf-8").decode("latin-1")
        if stat.S_ISDIR(entry.st_mode):
            found[label] = "directory"
            walk(path, prefix + entry.filename + "/")
        elif stat.S_ISREG(entry.st_mode):
            with sftp.open(path, "rb") as file:
                found[label] = "file " + hashlib.sha256(file.read()).hexdigest()
        elif stat.S_ISLNK(entry.st_mode):
            found[label] = "symlink " + sftp.readlink(path)
        else:
            found[label] = "other"


walk(sys.argv[3], "")
client.close()
print(json.dumps(found))
