"""Writes and reads registry hives with hivex. write: keys as JSON on stdin are added; dump: all keys as JSON lines."""

import json
import sys

import hivex


def add(hive, node, key):
    for value in key.get("values", []):
        hive.node_set_value(node, {"key": value["name"], "t": value["type"], "value": bytes.fromhex(value["data"])})
    for subkey in key.get("subkeys", []):
        add(hive, hive.node_add_child(node, subkey["name"]), subkey)


def write(path):
    hive = hivex.Hivex(path, write=True)
    add(hive, hive.root(), json.load(sys.stdin))
    hive.commit(None)


def dump(path):
    hive = hivex.Hivex(path)
    ahead = [("", hive.root())]
    while ahead:
        at, node = ahead.pop()
        values = []
        for value in hive.node_values(node):
            kind, data = hive.value_value(value)
            values.append([hive.value_key(value), kind, data.hex()])
        print(json.dumps({"path": at, "values": sorted(values)}))
        ahead.extend((at + "\\" + hive.node_name(child), child) for child in hive.node_children(node))


{"write": write, "dump": dump}[sys.argv[1]](sys.argv[2])
