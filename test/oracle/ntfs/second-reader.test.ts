import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { nameFromText } from "../../../src/bytes/byte-name.ts";
import type { FileSystem, NodeId } from "../../../src/disk/filesystem/file-system.ts";
import { openNtfs } from "../../../src/disk/filesystem/ntfs/ntfs-file-system.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { makeImage, NTFS_PACKAGES, tool } from "./images.ts";

beforeAll(() => requireDebianPackages(...NTFS_PACKAGES, "7zip"));

/** What 7-Zip calls the directory of system files. */
const SYSTEM = "[SYSTEM]";

async function contentOf(fileSystem: FileSystem, name: string): Promise<ByteSource | undefined> {
  const [file = "", stream] = name.split(":");
  let node: NodeId = fileSystem.root;
  for (const part of file.split("/")) {
    const entry = await fileSystem.lookup(node, nameFromText(part));
    if (entry === undefined) return undefined;
    node = entry.node;
  }
  return stream === undefined ? fileSystem.openFile(node) : fileSystem.openStream?.(node, nameFromText(stream));
}

// 7-Zip refuses the sparse files that ntfs-3g writes, and shows links as the files Interix keeps them in.
test("files and their streams are what 7-Zip extracts", async () => {
  const directory = scratchDirectory();
  const parts = ["sizes", "compressed", "streams", "dos-names", "scattered-table"];
  const image = await makeImage({ name: "second reader", size: 24, clusterSize: 4096, parts }, directory);
  const extracted = path.join(directory, "extracted");
  await tool("7zz", "x", "-tNTFS", "-sns", "-y", `-o${extracted}`, image);
  const source = await FileSource.open(image);
  let equal = 0;
  try {
    const fileSystem = await openNtfs(source);
    for (const name of readdirSync(extracted, { recursive: true, encoding: "utf8" })) {
      const file = path.join(extracted, name);
      if (name.startsWith(SYSTEM) || !statSync(file).isFile()) continue;
      const content = await contentOf(fileSystem, name);
      const bytes = await content?.read(0, content.size);
      expect(Buffer.compare(bytes ?? Buffer.from("missing"), readFileSync(file)), name).toBe(0);
      equal++;
    }
  } finally {
    await source.close();
  }
  expect(equal).toBeGreaterThan(450);
  tally("ntfs files and streams equal to what 7-Zip extracts", equal);
});
