import { gunzipSync, gzipSync } from "node:zlib";
import { test } from "vitest";
import { defaultLimits } from "../../../src/bytes/limits.ts";
import { RegistryHive } from "../../../src/disk/guest/windows/registry-hive.ts";
import type { RegistryKey } from "../../../src/disk/guest/windows/registry-key.ts";
import { parseDirectory } from "../../../src/kopia/directory.ts";
import { parseIndexBlob } from "../../../src/kopia/index-blob.ts";
import { SeekTableJsonParser } from "../../../src/kopia/seek-table-json.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { readTar } from "../../../src/velero/tar-reader.ts";
import {
  encodeHive,
  fixChecksum,
  type KeySpec,
  numberValue,
  stringValue,
} from "../../fixtures/registry/hive-builder.ts";
import { disk, manifestId, openVm, planned } from "../../setup/velero-objects/one-vm.ts";
import { tarArchive } from "../../setup/velero-objects/tar-archive.ts";
import { encodeBackup } from "../../setup/velero-objects/velero-backup.ts";
import type { SeededRandom } from "../ssh/seeded-random.ts";
import { allowed } from "./explore.ts";
import { hostileText } from "./hostile-json.ts";
import type { MutableImage } from "./mutable-image.ts";
import { fuzzBytes, fuzzReader } from "./reader-fuzz.ts";

const BASE_BLOCK = 4096;
const MOST_KEYS = 200;

const TREE: KeySpec = {
  name: "ROOT",
  subkeys: [
    { name: "Empty" },
    {
      name: "Many",
      subkeys: Array.from({ length: 12 }, (_, index) => ({ name: `Key${index}`, values: [numberValue("n", index)] })),
    },
    { name: "Values", values: [stringValue("", "default"), stringValue("long", "text ".repeat(5000))] },
  ],
};

async function readHive(bytes: Uint8Array): Promise<void> {
  const hive = await RegistryHive.open("SYSTEM", new MemorySource(bytes));
  const pending: RegistryKey[] = [await hive.root()];
  for (let count = 0; count < MOST_KEYS; count++) {
    const key = pending.shift();
    if (key === undefined) return;
    await allowed(async () => {
      for await (const value of key.values()) if (value.name.length > 40_000) throw new Error("a name without end");
    });
    await allowed(async () => {
      for await (const subkey of key.subkeys()) if (pending.length < MOST_KEYS) pending.push(subkey);
    });
    await allowed(() => key.subkey("Key7"));
  }
}

test.each(["lf", "lh", "li", "ri"] as const)(
  "registry hives with %s lists, checksum made right again",
  async (list) => {
    const image = encodeHive(TREE, { list });
    const sealBase = (mutant: MutableImage) => {
      const copy = Buffer.from(mutant.bytes.subarray(0, 512));
      fixChecksum(copy);
      mutant.write(508, copy.subarray(508));
    };
    const cells = Array.from({ length: Math.floor((Math.min(image.length, BASE_BLOCK + 4096) - BASE_BLOCK) / 96) });
    await fuzzReader({
      name: `registry hives with ${list} lists`,
      image,
      structures: [
        { kind: "base block", start: 0, length: 200, seal: sealBase },
        { kind: "bin header", start: BASE_BLOCK, length: 32 },
        ...cells.map((_, index) => ({ kind: "cells", start: BASE_BLOCK + 32 + index * 96, length: 96 })),
      ].filter(({ start, length }) => start + length <= image.length),
      order: "little",
      read: readHive,
      share: 0.015,
    });
  },
);

/** One manifest, as Kopia writes it. */
const INDEX = Buffer.concat([
  Buffer.from("0211001000000001000000010100000000", "hex"),
  Buffer.from("6dd9e0caff069af67edb2016cfdfb61862", "hex"),
  Buffer.from("6b040b4b0000002000015000016c0000", "hex"),
  Buffer.from("070000003d000000000300", "hex"),
  Buffer.from("q73fa62"),
]);

test("Kopia index blobs, as they are when decrypted", async () => {
  await fuzzReader({
    name: "Kopia index blobs",
    image: INDEX,
    structures: [
      { kind: "header", start: 0, length: 17 },
      { kind: "entry", start: 17, length: 33 },
      { kind: "packs and formats", start: 50, length: 11 },
    ],
    order: "big",
    read: async (bytes) => {
      const index = parseIndexBlob(bytes, "xn0_1");
      for (const prefix of [0, 0x6d]) {
        let count = 0;
        for (const key of index.keysWithPrefix(prefix)) {
          await allowed(() => index.find(key));
          if (++count === 100) break;
        }
      }
    },
    share: 0.02,
  });
});

const TIMES = { mtime: "2026-11-16T02:00:00Z", uid: 1000, gid: 1000 };
const DIRECTORY = JSON.stringify({
  stream: "kopia:directory",
  entries: [
    { name: "disk.img", type: "f", mode: "0644", size: 12345, obj: "Ix0123456789abcdef", ...TIMES },
    { name: "sub", type: "d", mode: "0755", obj: "k0123456789abcdef0123456789abcdef", ...TIMES },
  ],
});
const SEEK_TABLE = JSON.stringify({
  stream: "kopia:indirect",
  entries: [
    { s: 0, l: 4194304, o: "0123456789abcdef0123456789abcdef" },
    { s: 4194304, l: 1000, o: "fedcba9876543210fedcba9876543210" },
  ],
});

test("Kopia directories and seek tables", async () => {
  await fuzzBytes("Kopia directories and seek tables", 0.02, async (random) => {
    await allowed(() => parseDirectory(hostileText(DIRECTORY, random), "k1"));
    const table = hostileText(SEEK_TABLE, random);
    await allowed(() => {
      const parser = new SeekTableJsonParser({ format: "kopia", structure: "seek table" });
      for (let start = 0; start < table.length; start += 97)
        for (const _ of parser.push(table.subarray(start, start + 97)));
      parser.end();
    });
  });
});

const ALL_OBJECTS = encodeBackup(planned(disk({ kind: "moved", manifestId })));
/** Those that are read. */
const OBJECTS = new Map([...ALL_OBJECTS].filter(([name]) => /(json|json\.gz|tar\.gz)$/.test(name)));

function hostileObject(name: string, bytes: Buffer, random: SeededRandom): Buffer {
  const plain = name.endsWith(".gz") ? gunzipSync(bytes) : bytes;
  const changed = name.endsWith(".tar.gz") ? hostileTar(plain, random) : hostileText(plain.toString(), random);
  return name.endsWith(".gz") ? gzipSync(changed, { level: 1 }) : changed;
}

/** A header's numbers and type, or what lies behind it, with the header's sum made right again. */
function hostileTar(archive: Buffer, random: SeededRandom): Buffer {
  const copy = Buffer.from(archive);
  const start = random.below(Math.floor(copy.length / 512)) * 512;
  const header = copy.subarray(start, start + 512);
  if (random.percent(60)) {
    const [at, length] = random.pick([
      [0, 100],
      [124, 12],
      [124, 12],
      [156, 1],
      [345, 155],
    ] as const);
    const words = [
      "",
      "77777777777",
      "-1",
      "zzzz",
      "\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
      "x",
      "L",
      "g",
      "../../x",
    ];
    header.write(random.pick(words).padEnd(length, "\0").slice(0, length), at, "latin1");
  } else header[random.below(512)] = random.below(256);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return random.percent(5) ? copy.subarray(0, random.below(copy.length)) : copy;
}

test("backups' objects in the bucket", async () => {
  await openVm(OBJECTS);
  await fuzzBytes("backups' objects", 0.06, async (random) => {
    const objects = new Map(OBJECTS);
    const [name, bytes] = random.pick([...OBJECTS]);
    objects.set(name, hostileObject(name, bytes, random));
    await allowed(async () => {
      try {
        await openVm(objects);
      } catch (error) {
        // A machine that is gone from the backup is no failure of reading it.
        if (!(error instanceof Error) || error.message !== "the VM is not in the backup") throw error;
      }
    });
  });
});

const ARCHIVE = tarArchive([
  ["a.json", Buffer.from("first")],
  [`resources/${"long-name-".repeat(30)}.json`, Buffer.from("behind a pax header")],
  ["z", Buffer.alloc(700, "x")],
]);

test("backups' tarballs", async () => {
  await fuzzBytes("tarballs", 0.02, async (random) => {
    const archive = hostileTar(ARCHIVE, random);
    async function* chunks() {
      for (let start = 0; start < archive.length; start += 300) yield archive.subarray(start, start + 300);
    }
    await allowed(async () => {
      const limits = { ...defaultLimits, tarballMember: 4096 };
      for await (const { content } of readTar(chunks(), { wants: () => true, limits })) {
        if ((content?.length ?? 0) > 4096) throw new Error("a member is larger than its limit");
      }
    });
  });
});
