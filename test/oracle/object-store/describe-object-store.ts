import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import { ObjectNotFoundError } from "../../../src/object-store/object-not-found-error.ts";
import type { ListedItem, ListOptions, ObjectStore } from "../../../src/object-store/object-store.ts";
import { ObjectTooShortError } from "../../../src/object-store/object-too-short-error.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";

const OBJECTS: Record<string, Uint8Array> = {
  "a-first": Buffer.from("first"),
  "a.b": Buffer.from("sorts before a/"),
  "a/b/deep": Buffer.from("deep"),
  "a/one": Buffer.from("one"),
  "a/two": Buffer.from("two"),
  a0: Buffer.from("sorts after a/"),
  empty: Buffer.alloc(0),
  large: Buffer.from(Array.from({ length: 700_000 }, (_, index) => (index * 2_654_435_761) >>> 24)),
  "names/grün & <früh>+%41 (1)'*!.txt": Buffer.from("odd name"),
};

const KEYS = Object.keys(OBJECTS).sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));

/** What every store must do; `make` gets a folder with the objects and closes what it makes at the test's end. */
export function describeObjectStore(name: string, make: (directory: string) => Promise<ObjectStore>): void {
  const open = async () => {
    const directory = scratchDirectory();
    for (const [key, bytes] of Object.entries(OBJECTS)) {
      mkdirSync(path.dirname(path.join(directory, key)), { recursive: true });
      writeFileSync(path.join(directory, key), bytes);
    }
    return await make(directory);
  };

  describe(name, () => {
    test("lists all keys in byte order, with sizes", async () => {
      const items = await list(await open(), "");
      expect(items.map((item) => [keyOf(item), item.type === "object" ? item.size : -1])).toEqual(
        KEYS.map((key) => [key, (OBJECTS[key] as Uint8Array).length]),
      );
      tally("object-store operations equal to the files beneath", items.length);
    });

    test.each(["a", "a/", "a/b", "a.", "z", "a/b/deep", "names/grün"])("lists keys below %j", async (prefix) => {
      expect((await list(await open(), prefix)).map(keyOf)).toEqual(KEYS.filter((key) => key.startsWith(prefix)));
    });

    test.each([
      ["", ["a-first", "a.b", "a/", "a0", "empty", "large", "names/"]],
      ["a/", ["a/b/", "a/one", "a/two"]],
      ["a", ["a-first", "a.b", "a/", "a0"]],
      ["none/", []],
    ])("groups keys below %j by slash", async (prefix, expected) => {
      expect((await list(await open(), prefix, { delimiter: "/" })).map(keyOf)).toEqual(expected);
    });

    test("lists from behind any key", async () => {
      const store = await open();
      for (const after of ["a", "a/b/deep", "a0", "zz"]) {
        const expected = KEYS.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0);
        expect((await list(store, "", { after })).map(keyOf)).toEqual(expected);
      }
    });

    test("gets whole objects, ranges and streams", async () => {
      const store = await open();
      for (const [key, bytes] of Object.entries(OBJECTS)) {
        expect(Buffer.compare(await store.get(key), bytes)).toBe(0);
        expect(await store.head(key)).toMatchObject({ key, size: bytes.length });
        const chunks: Uint8Array[] = [];
        for await (const chunk of store.stream(key)) chunks.push(chunk);
        expect(Buffer.compare(Buffer.concat(chunks), bytes)).toBe(0);
        for (const [start, length] of [
          [0, bytes.length],
          [1, Math.max(0, bytes.length - 2)],
          [bytes.length >> 1, 1],
        ] as const) {
          if (start + length > bytes.length) continue;
          const part = await store.get(key, { range: { start, length } });
          expect(Buffer.compare(part, bytes.subarray(start, start + length))).toBe(0);
          tally("object-store operations equal to the files beneath", 1);
        }
      }
    });

    test("tells an absent object from a short one", async () => {
      const store = await open();
      expect(await store.head("none")).toBeUndefined();
      expect(await store.head("a")).toBeUndefined();
      await expect(store.get("none")).rejects.toThrow(ObjectNotFoundError);
      await expect(store.get("none", { range: { start: 0, length: 1 } })).rejects.toThrow(ObjectNotFoundError);
      await expect(store.get("a0", { range: { start: 10, length: 5 } })).rejects.toThrow(ObjectTooShortError);
      await expect(store.get("a0", { range: { start: 500, length: 5 } })).rejects.toThrow(ObjectTooShortError);
      await expect(first(store.stream("none"))).rejects.toThrow(ObjectNotFoundError);
    });

    test("a key cannot leave the store", async () => {
      const store = await open();
      for (const key of ["../secret", "a/../../secret", "/etc/passwd"]) {
        await expect(store.get(key)).rejects.toThrow(SourceError);
      }
    });

    test("an aborted signal stops every call", async () => {
      const store = await open();
      const signal = AbortSignal.abort();
      await expect(store.get("large", { signal })).rejects.toMatchObject({ name: "AbortError" });
      await expect(store.head("large", signal)).rejects.toMatchObject({ name: "AbortError" });
      await expect(list(store, "", { signal })).rejects.toMatchObject({ name: "AbortError" });
    });
  });
}

function keyOf(item: ListedItem): string {
  return item.type === "object" ? item.key : item.prefix;
}

async function list(store: ObjectStore, prefix: string, options: ListOptions = {}): Promise<ListedItem[]> {
  const items: ListedItem[] = [];
  for await (const item of store.list(prefix, options)) items.push(item);
  return items;
}

async function first(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  for await (const chunk of stream) return chunk;
  return undefined;
}
