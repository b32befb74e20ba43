import { expect, test } from "vitest";
import { memoryDisk, memoryTreeDisk } from "../../../../test/setup/memory-disk.ts";
import { MemoryFileSystem } from "../../../../test/setup/memory-file-system.ts";
import { commandLine, exchangeSession } from "../../../../test/setup/session-exchange.ts";
import { nameFromText } from "../../../bytes/byte-name.ts";
import { createRestoreTree } from "../../../restore-tree/restore-tree.ts";
import { matchRsync } from "./rsync-session.ts";

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  return bytes;
}

async function run(command: string, input: readonly Buffer[]) {
  const disks = [memoryTreeDisk("web", memoryDisk(new MemoryFileSystem()))];
  const backups = [{ name: "b", vm: { namespace: "", name: "vm" }, disks }];
  const tree = createRestoreTree({ layout: "disks", backups });
  const ignore = () => undefined;
  const logger = { info: ignore, warn: ignore, error: ignore };
  const program = matchRsync({ tree, home: nameFromText("/"), logger })(commandLine(command));
  if (program === undefined) throw new Error("not rsync's");
  return exchangeSession(program, [Buffer.concat(input)]);
}

/** Texts of 8,000 bytes, five mebibytes of them. */
const TEXTS = Array.from({ length: 650 }, () => Buffer.alloc(8000, "x"));

test.each([
  [
    "filter rules",
    "rsync --server --sender --checksum-choice=md5 -r . /web",
    [int32(29), ...TEXTS.flatMap((text) => [int32(text.length), text])],
  ],
  ["arguments", "rsync --server --sender -s", TEXTS.map((text) => Buffer.concat([text, Buffer.of(0)]))],
])("more than 4 MiB of %s are refused", async (what, command, input) => {
  const { status, explanations } = await run(command, input);
  expect([status, explanations]).toEqual([2, [`bytes of ${what}: exceeds the limit of 4194304 (bytes)`]]);
});
