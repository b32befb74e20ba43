import { createCipheriv } from "node:crypto";
import { writeFileSync } from "node:fs";

const MIB = 1024 * 1024;

/** Reproducible bytes that neither compress nor repeat. */
export function noise(seed: number, length: number): Buffer {
  const key = Buffer.alloc(32, seed);
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** What a disk looks like to Kopia: data, text, and long stretches of zeros between them. */
export function writeDiskImage(file: string, seed = 1): void {
  const text = Buffer.from("a line of a log file that says the same again and again\n");
  const parts = [
    noise(seed, 5 * MIB + 123),
    Buffer.alloc(9 * MIB),
    Buffer.alloc(3 * MIB, text),
    noise(seed + 1, 4 * MIB),
    Buffer.alloc(6 * MIB),
    noise(seed + 2, 1 * MIB - 123),
  ];
  writeFileSync(file, Buffer.concat(parts));
}
