import { expect, test } from "vitest";
import { RecordedLog } from "../../../../test/fixtures/kube/recorded-log.ts";
import { MemoryStore } from "../../../../test/setup/velero-objects/memory-store.ts";
import { AccessError, ConfigError, SourceError } from "../../../errors.ts";
import { ObjectNotFoundError } from "../../../object-store/object-not-found-error.ts";
import type { ObjectStreams } from "../../../object-store/object-store.ts";
import { FallbackStreams } from "./fallback-streams.ts";

const storeWith = (content: string) => new MemoryStore([["k", Buffer.from(content)]]);

async function read(streams: ObjectStreams, key = "k"): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of streams.stream(key)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test("reads by the first way, of any length", async () => {
  const second = storeWith("second");
  for (const content of ["", "first", "x".repeat(5_000)]) {
    expect(await read(new FallbackStreams(async () => storeWith(content), second, new RecordedLog()))).toBe(content);
  }
  expect(second.requests).toEqual([]);
});

test.each([
  ["refuses the credentials", new AccessError("no")],
  ["cannot be reached", new SourceError("no", { retryable: true })],
])("a bucket that %s is left for good", async (_what, failure) => {
  const first = storeWith("first");
  first.failures.set("k", failure);
  const log = new RecordedLog();
  const streams = new FallbackStreams(async () => first, storeWith("second"), log);
  expect(await read(streams)).toBe("second");
  first.failures.clear();
  expect(await read(streams)).toBe("second");
  expect(log.lines).toHaveLength(1);
});

test("a bucket that cannot be opened is not tried again", async () => {
  let attempts = 0;
  const open = () => {
    attempts++;
    return Promise.reject(new ConfigError("no credentials"));
  };
  const streams = new FallbackStreams(open, storeWith("second"), new RecordedLog());
  expect([await read(streams), await read(streams), attempts]).toEqual(["second", "second", 1]);
});

test("an object that does not exist is not looked for elsewhere", async () => {
  const second = storeWith("second");
  const streams = new FallbackStreams(async () => storeWith("first"), second, new RecordedLog());
  await expect(read(streams, "other")).rejects.toThrow(ObjectNotFoundError);
  expect(second.requests).toEqual([]);
});
