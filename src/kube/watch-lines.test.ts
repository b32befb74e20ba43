import { expect, test } from "vitest";
import { LimitError } from "../errors.ts";
import { linesOf } from "./watch-lines.ts";

async function* cut(bytes: Buffer, size: number): AsyncIterable<Buffer> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

async function read(bytes: Buffer, size: number, maximum = 100): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(cut(bytes, size), maximum)) lines.push(line);
  return lines;
}

test("lines are whole wherever the stream is cut, also within a character", async () => {
  const lines = ['{"a":"Grüße"}', "", '{"b":"𝔘 日本"}'];
  const bytes = Buffer.from(`${lines.join("\n")}\n`);
  for (let size = 1; size <= bytes.length; size++) expect(await read(bytes, size)).toEqual(lines);
});

test("what has no line feed was cut off", async () => {
  expect(await read(Buffer.from("whole\npart"), 4)).toEqual(["whole"]);
});

test("a line has a bound, whole or in pieces", async () => {
  const bytes = Buffer.from(`${"x".repeat(20)}\n${"y".repeat(21)}\n`);
  for (const size of [1, 7, 100]) {
    await expect(read(bytes, size, 20)).rejects.toThrow(LimitError);
    expect(await read(bytes, size, 21)).toHaveLength(2);
  }
});
