import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { ZSTDDecoder } from "zstddec";
import type { DiskImage } from "../../../src/disk/disk.ts";
import { type OpenImageOptions, openImage } from "../../../src/disk/image/open-image.ts";
import { FileSource } from "../../../src/source/file-source.ts";

/** The oracle: QEMU's own tools. */
export const QEMU_PACKAGES = ["qemu-utils"] as const;

/**
 * qemu-img measures its key derivation with the thread's CPU time and gives up when that stood still. Where the
 * kernel counts CPU time by ticks, a fast processor is done within one; that says nothing of the image, so ask again.
 */
const CPU_CLOCK_STOOD_STILL = "Unable to get accurate CPU usage";
const ATTEMPTS = 200;

export function qemuImg(...args: readonly string[]): string {
  for (let attempt = 1; ; attempt++) {
    try {
      return execFileSync("qemu-img", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    } catch (error) {
      if (attempt === ATTEMPTS || !String(error).includes(CPU_CLOCK_STOOD_STILL)) throw error;
    }
  }
}

/** Runs qemu-io commands (`write -P 0x5a 1M 64k`, `write -z …`, `discard …`) on an image, which it changes. */
export function qemuIo(image: string, ...commands: readonly string[]): void {
  const args = commands.flatMap((command) => ["-c", command]);
  const output = execFileSync("qemu-io", [...args, image], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  if (/failed|error/i.test(output)) throw new Error(output);
}

/** Every byte of the virtual disk as QEMU sees it. */
export function qemuBytes(image: string): Buffer {
  const raw = `${image}.oracle.raw`;
  qemuImg("convert", "-O", "raw", image, raw);
  return readFileSync(raw);
}

export async function openFiles(files: readonly string[], options: OpenImageOptions = {}): Promise<DiskImage> {
  const sources = await Promise.all(files.map((file) => FileSource.open(file)));
  const [image, ...backing] = sources;
  if (image === undefined) throw new Error("no image");
  const decoder = new ZSTDDecoder();
  await decoder.init();
  const decompressZstd = async (frame: Uint8Array, maxOutput: number) => decoder.decode(frame, maxOutput);
  try {
    return await openImage(image, { backing, decompressZstd, ...options });
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
}

/** A small repeatable generator (xorshift32), so that a failure can be repeated from its seed. */
export function seededRandom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A raw disk with what real ones have: text, noise, zeros and stretches of one byte, at odd borders. */
export function writeRawDisk(file: string, size: number, seed: number): void {
  const random = seededRandom(seed);
  const bytes = Buffer.alloc(size);
  for (let offset = 0; offset < size; ) {
    const end = Math.min(size, offset + 1 + random(200_000));
    const kind = random(4);
    if (kind === 0) bytes.fill("the quick brown fox\n", offset, end);
    else if (kind === 1) bytes.fill(1 + random(255), offset, end);
    else if (kind === 2) for (let at = offset; at < end; at++) bytes[at] = random(256);
    offset = end;
  }
  writeFileSync(file, bytes);
}
