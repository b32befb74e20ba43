import { expect, test } from "vitest";
import {
  binaryValue,
  encodeHive,
  fixChecksum,
  type HiveOptions,
  type KeySpec,
  numberValue,
  stringValue,
} from "../../../../test/fixtures/registry/hive-builder.ts";
import { CorruptDataError, UnsupportedFeatureError, VmfrError } from "../../../errors.ts";
import { MemorySource } from "../../../source/memory-source.ts";
import { RegistryHive } from "./registry-hive.ts";
import type { RegistryKey } from "./registry-key.ts";

const LONG = Buffer.from(Array.from({ length: 40_000 }, (_, index) => index % 251));
const TREE: KeySpec = {
  name: "ROOT",
  subkeys: [
    { name: "Empty" },
    {
      name: "Many",
      subkeys: Array.from({ length: 20 }, (_, index) => ({
        name: `Key${index}`,
        values: [numberValue("n", index)],
      })),
    },
    {
      name: "Values",
      values: [
        stringValue("", "default"),
        stringValue("text", "größer"),
        binaryValue("none", Buffer.alloc(0)),
        binaryValue("three", Buffer.from([1, 2, 3])),
        binaryValue("long", LONG),
      ],
    },
  ],
};

const open = (bytes: Uint8Array) => RegistryHive.open("TEST", new MemorySource(bytes));

/** The tree as it was given to the builder. */
async function read(key: RegistryKey): Promise<KeySpec> {
  const values = [];
  for await (const value of key.values()) {
    values.push({ name: value.name, type: value.type, data: Buffer.from(await value.data()) });
  }
  const subkeys = [];
  for await (const subkey of key.subkeys()) subkeys.push(await read(subkey));
  return { name: key.name, ...(values.length > 0 && { values }), ...(subkeys.length > 0 && { subkeys }) };
}

test.each<HiveOptions>([
  { list: "lh" },
  { list: "lf" },
  { list: "li" },
  { list: "ri" },
  { list: "lf", minor: 3 },
  { utf16Names: true },
])("every form of lists, names and data: %o", async (options) => {
  const hive = await open(encodeHive(TREE, options));
  expect(hive.base.isDirty).toBe(false);
  expect(await read(await hive.root())).toEqual(TREE);
  const value = await (await hive.key("values"))?.value("TEXT");
  expect(await value?.text()).toBe("größer");
  expect(await (await hive.key("MANY\\key7"))?.value("n")).toBeDefined();
  expect(await hive.key("Many\\Key20")).toBeUndefined();
});

test("a hive that was being written says so, and is read as it stands", async () => {
  const hive = await open(encodeHive(TREE, { isDirty: true }));
  expect(hive.base.isDirty).toBe(true);
  expect((await hive.key("Empty"))?.name).toBe("Empty");
});

test("what is no hive, a damaged base block and a later version are named", async () => {
  await expect(open(Buffer.alloc(8192))).rejects.toThrow(/TEST, base block.*does not begin with regf/);
  await expect(open(Buffer.alloc(10))).rejects.toThrow(CorruptDataError);
  const damaged = encodeHive(TREE);
  damaged[40] = 1;
  await expect(open(damaged)).rejects.toThrow(/checksum does not match/);
  const later = encodeHive(TREE);
  later.writeUInt32LE(2, 20);
  fixChecksum(later);
  await expect(open(later)).rejects.toThrow(UnsupportedFeatureError);
});

test("keys that contain each other end at the first step", async () => {
  const hive = encodeHive({ name: "ROOT", subkeys: [{ name: "a", subkeys: [{ name: "b" }] }] }, { list: "li" });
  const root = hive.readUInt32LE(36);
  // The list of a, whose only element becomes the root, or a itself.
  const nk = (name: string) => hive.indexOf(Buffer.from(name, "latin1"), 4096) - 76;
  const list = 4096 + hive.readUInt32LE(nk("a") + 28) + 4;
  for (const target of [root, nk("a") - 4 - 4096]) {
    hive.writeUInt32LE(target, list + 4);
    await expect(open(hive).then(async (opened) => read(await opened.root()))).rejects.toThrow(
      /belongs to another key/,
    );
  }
});

test("a hive cut short fails where it is missing", async () => {
  const hive = encodeHive(TREE);
  for (let length = 4096; length <= hive.length - 4096; length += 1500) {
    await expect(open(hive.subarray(0, length)).then(async (cut) => read(await cut.root()))).rejects.toThrow(VmfrError);
  }
});

test("bytes flipped one at a time: the same tree, another one, or a named error", async () => {
  const hive = encodeHive({ ...TREE, subkeys: TREE.subkeys?.slice(0, 2) ?? [] }, { list: "ri" });
  const places = Array.from(hive.keys()).filter((at) => at < 512 || (at >= 4096 && at % 2 === 1));
  for (const at of places) {
    const byte = hive[at] ?? 0;
    hive[at] = byte ^ (1 << (at % 8));
    if (at < 508) fixChecksum(hive);
    try {
      await read(await (await open(hive)).root());
    } catch (error) {
      if (!(error instanceof VmfrError)) throw error;
    }
    hive[at] = byte;
    if (at < 512) fixChecksum(hive);
  }
});
