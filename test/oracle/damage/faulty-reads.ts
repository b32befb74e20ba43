/** Every read of an image fails or comes back short, one at a time, and works again afterwards. */
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from "node:fs";
import { expect } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { FileSource } from "../../../src/source/file-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { tally } from "../../setup/tally.ts";
import type { DamageOutcome } from "./damage-outcome.ts";
import { FailingSource } from "./failing-source.ts";

export interface FaultSubject<Opened> {
  /** For people: `ext2`, `qcow2`. */
  readonly format: string;
  readonly open: (source: ByteSource) => Promise<Opened>;
  /** Everything that is read of what was opened, held against the intact answer. */
  readonly outcome: (opened: Opened) => Promise<DamageOutcome>;
}

/** A source with one fault. */
export interface FaultySource extends ByteSource {
  /** Whether the fault has struck. */
  readonly failed: boolean;
}

/**
 * The k-th read, for k from 0 until nothing reads that often: no other answer meanwhile, and none after the
 * fault is gone from what stayed open.
 */
async function faultEveryRead<Opened>(
  subject: FaultSubject<Opened>,
  fault: string,
  faulty: (read: number) => FaultySource,
  step = 1,
): Promise<void> {
  for (let read = 0; ; read += step) {
    const source = faulty(read);
    const opened = await subject.open(source).catch((error: unknown) => {
      expect(error, `${subject.format}, read ${read}`).toBeInstanceOf(SourceError);
      return subject.open(source);
    });
    const first = await subject.outcome(opened).catch((error: unknown): DamageOutcome => {
      expect(error, `${subject.format}, read ${read}`).toBeInstanceOf(SourceError);
      return { kind: "named error", where: String(error) };
    });
    if (!source.failed) {
      expect(first, `${subject.format} without a fault`).toEqual({ kind: "equal", where: "" });
      expect(read).toBeGreaterThan(1);
      tally(`${subject.format} k-th read ${fault}: named, and right again afterwards`, Math.ceil(read / step));
      return;
    }
    expect(first.kind, `${subject.format}, read ${read}: ${first.where}`).not.toBe("different");
    expect(await subject.outcome(opened), `${subject.format}, after read ${read} ${fault}`).toEqual({
      kind: "equal",
      where: "",
    });
  }
}

/** @param step more than 1 leaves reads out, where there are many of them that take long */
export function failEveryRead<Opened>(subject: FaultSubject<Opened>, image: Uint8Array, step = 1): Promise<void> {
  return faultEveryRead(subject, "failed", (read) => new FailingSource(new MemorySource(image), read), step);
}

/** A file that is shorter than it was during one read, counted from 0. */
class ShortenedFile implements FaultySource {
  readonly size: number;
  readonly #file: FileSource;
  readonly #descriptor: number;
  readonly #image: Uint8Array;
  #countdown: number;

  constructor(file: FileSource, descriptor: number, image: Uint8Array, shortRead: number) {
    this.size = file.size;
    this.#file = file;
    this.#descriptor = descriptor;
    this.#image = image;
    this.#countdown = shortRead;
  }

  get failed(): boolean {
    return this.#countdown < 0;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (this.#countdown-- !== 0 || length === 0) return this.#file.read(offset, length, signal);
    const end = offset + Math.floor(length / 2);
    ftruncateSync(this.#descriptor, end);
    try {
      return await this.#file.read(offset, length, signal);
    } finally {
      writeSync(this.#descriptor, this.#image, end, this.#image.length - end, end);
    }
  }

  async close(): Promise<void> {}
}

/** @param file where the image may be written */
export async function shortenEveryRead<Opened>(
  subject: FaultSubject<Opened>,
  image: Uint8Array,
  file: string,
): Promise<void> {
  writeFileSync(file, image);
  const descriptor = openSync(file, "r+");
  const source = await FileSource.open(file);
  try {
    await faultEveryRead(subject, "short", (read) => new ShortenedFile(source, descriptor, image, read));
  } finally {
    await source.close();
    closeSync(descriptor);
  }
}
