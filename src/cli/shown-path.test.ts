import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../test/setup/memory-file-system.ts";
import { displayName, nameFromText } from "../bytes/byte-name.ts";
import { createRestoreTree } from "../restore-tree/restore-tree.ts";
import { walk } from "../restore-tree/walk.ts";
import { ShownPath } from "./shown-path.ts";

test.each(["/", "/d", "/d/plain"])(
  "paths below %s are shown as if each had been put together by itself",
  async (start) => {
    const fileSystem = new MemoryFileSystem();
    const names = ["plain", "größe", "back\\slash", "line\nbreak", Buffer.from([0x61, 0xff])];
    for (const outer of names) {
      const directory = fileSystem.directory(fileSystem.root, outer);
      for (const inner of names) fileSystem.file(directory, inner);
    }
    const disks = [memoryTreeDisk("d", memoryDisk(fileSystem))];
    const backup = { name: "b", vm: { namespace: "n", name: "v" }, disks };
    const tree = createRestoreTree({ backups: [backup], layout: "disks" });
    const node = await tree.resolve(nameFromText(start));
    const shown = new ShownPath(node.path);
    let compared = 0;
    for await (const entry of walk(node, { onError: () => expect.unreachable() })) {
      expect(shown.of(entry)).toBe(displayName(entry.node.path));
      compared++;
    }
    expect(compared).toBeGreaterThan(names.length);
  },
);
