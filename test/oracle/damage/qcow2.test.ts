import { createHash } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DiskImage } from "../../../src/disk/disk.ts";
import { openImage } from "../../../src/disk/image/open-image.ts";
import { VmfrError } from "../../../src/errors.ts";
import type { ByteSource } from "../../../src/source/byte-source.ts";
import { MemorySource } from "../../../src/source/memory-source.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { temporaryDirectory } from "../../setup/scratch-directory.ts";
import { QEMU_PACKAGES, qemuImg, qemuIo } from "../image/qemu.ts";
import type { DamageOutcome } from "./damage-outcome.ts";
import { failEveryRead, shortenEveryRead } from "./faulty-reads.ts";
import { expectFlipsTold, type Judgement } from "./flips.ts";

const CLUSTER = 512;
/** Fills the clusters that hold the disk's own bytes as they are. */
const CONTENT = 0x5a;

const home = temporaryDirectory();
afterAll(home.remove);

/** The disk's size, and of each stretch of one cluster the bytes or why they are refused. */
interface View {
  readonly size: number;
  readonly stretches: readonly (string | VmfrError)[];
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("base64");

async function viewOf(image: DiskImage): Promise<View> {
  const stretches: (string | VmfrError)[] = [];
  for (let offset = 0; offset < Math.min(image.size, MOST); offset += CLUSTER) {
    try {
      stretches.push(digest(await image.read(offset, Math.min(CLUSTER, image.size - offset))));
    } catch (error) {
      if (!(error instanceof VmfrError)) throw error;
      stretches.push(error);
    }
  }
  return { size: image.size, stretches };
}
/** A header may claim a huge disk; so much of it is looked at. */
const MOST = 256 * 1024;

function outcome(view: View, intact: View): DamageOutcome {
  if (view.size !== intact.size) return { kind: "different", where: `the disk has ${view.size} bytes` };
  let refusal = "";
  for (const [index, stretch] of view.stretches.entries()) {
    if (stretch instanceof VmfrError) refusal ||= stretch.message;
    else if (stretch !== intact.stretches[index]) return { kind: "different", where: `cluster ${index}` };
  }
  return { kind: refusal === "" ? "equal" : "named error", where: refusal };
}

const open = (source: ByteSource) => openImage(source, { format: "qcow2" });
const look = async (bytes: Uint8Array) => viewOf(await open(new MemorySource(bytes)));

/** As far as a view goes: a header may claim terabytes. */
function firstBytes(image: string): Uint8Array {
  const raw = `${image}.raw`;
  rmSync(raw, { force: true });
  const most = [`bs=${CLUSTER}`, `count=${MOST / CLUSTER}`];
  qemuImg("dd", "-f", "qcow2", "-O", "raw", ...most, `if=${image}`, `of=${raw}`);
  return readFileSync(raw);
}

async function askQemu(damaged: Uint8Array, view: View): Promise<Judgement> {
  const file = path.join(home.path, "judged");
  writeFileSync(file, damaged);
  let theirs: Uint8Array;
  let size: number;
  try {
    size = JSON.parse(qemuImg("info", "--output=json", "-f", "qcow2", file))["virtual-size"];
    theirs = firstBytes(file);
  } catch (error) {
    return { refusal: String(error) };
  }
  const differences = view.stretches.flatMap((stretch, index) => {
    const bytes = theirs.subarray(index * CLUSTER, Math.min((index + 1) * CLUSTER, view.size));
    return stretch instanceof VmfrError || stretch === digest(bytes) ? [] : [`cluster ${index}`];
  });
  return { differences: view.size === size ? differences : [`the disk has ${size} bytes`] };
}

/** Every kind of cluster, and a snapshot. */
function makeImage(options: string): Uint8Array {
  const file = path.join(home.path, "image.qcow2");
  const raw = path.join(home.path, "compressible.raw");
  writeFileSync(raw, Buffer.concat([Buffer.from("compressed content\n".repeat(200)), Buffer.alloc(60_000)]));
  qemuImg("convert", "-c", "-O", "qcow2", "-o", `cluster_size=${CLUSTER},${options}`, raw, file);
  qemuIo(file, `write -P ${CONTENT} 8k 4k`, `write -P ${CONTENT} 40k 1k`, "write -z 8k 512", "discard 9k 512");
  qemuImg("snapshot", "-c", "before", file);
  qemuIo(file, `write -P ${CONTENT} 9k 1k`);
  return Uint8Array.from(readFileSync(file));
}

const metadataOffsets = (image: Uint8Array): number[] =>
  Array.from(image.keys()).filter((offset) => {
    const start = offset - (offset % CLUSTER);
    return image.subarray(start, start + CLUSTER).some((byte) => byte !== CONTENT && byte !== 0);
  });

beforeAll(() => requireDebianPackages(...QEMU_PACKAGES));

describe.each([
  { format: "qcow2", options: "compat=1.1" },
  { format: "qcow2 version 2", options: "compat=0.10" },
  // Clusters of 16 KiB are the smallest that have subclusters.
  { format: "qcow2 with subclusters", options: "compat=1.1,extended_l2=on,cluster_size=16k" },
])("$format", ({ format, options }) => {
  let image: Uint8Array;
  let intact: View;

  beforeAll(async () => {
    image = makeImage(options);
    intact = await look(image);
    expect(await askQemu(image, intact)).toEqual({ differences: [] });
  });

  test("a flipped bit: the same bytes, a named error, or the bytes that QEMU reads, too", async () => {
    await expectFlipsTold({
      format,
      bytes: Uint8Array.from(image),
      offsets: metadataOffsets(image),
      look,
      outcome: (view) => outcome(view, intact),
      judge: askQemu,
    });
  }, 36_000_000);

  test("the k-th read failing or short is named, and forgotten afterwards", async () => {
    const faults = { format, open, outcome: async (opened: DiskImage) => outcome(await viewOf(opened), intact) };
    await failEveryRead(faults, image);
    await shortenEveryRead(faults, image, path.join(home.path, "shortened"));
  });
});
