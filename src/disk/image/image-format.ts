import { UnsupportedFeatureError } from "../../errors.ts";
import type { ByteSource } from "../../source/byte-source.ts";
import { hasQcow2Magic } from "./qcow2/header.ts";

export type ImageFormat = "raw" | "qcow2";

interface ForeignFormat {
  readonly name: string;
  readonly offset: number;
  readonly magic: string;
  readonly advice: string;
}

const CONVERT = "convert it first: qemu-img convert -O qcow2 FILE NEW";
const UNPACK = "unpack it first";

/** Containers that a raw disk is not, and that would otherwise look like an empty one. */
const FOREIGN: readonly ForeignFormat[] = [
  { name: "VMDK disk image", offset: 0, magic: "KDMV", advice: CONVERT },
  { name: "VMDK disk image", offset: 0, magic: "COWD", advice: CONVERT },
  { name: "VMDK descriptor", offset: 0, magic: "# Disk DescriptorFile", advice: CONVERT },
  { name: "VHDX disk image", offset: 0, magic: "vhdxfile", advice: CONVERT },
  { name: "VHD disk image", offset: 0, magic: "conectix", advice: CONVERT },
  { name: "VDI disk image", offset: 0x40, magic: "\x7f\x10\xda\xbe", advice: CONVERT },
  { name: "QED disk image", offset: 0, magic: "QED\0", advice: CONVERT },
  { name: "gzip file", offset: 0, magic: "\x1f\x8b\x08", advice: UNPACK },
  { name: "xz file", offset: 0, magic: "\xfd7zXZ\0", advice: UNPACK },
  { name: "zstd file", offset: 0, magic: "\x28\xb5\x2f\xfd", advice: UNPACK },
];

/**
 * What the first bytes say the source is; anything unknown is raw.
 * @throws UnsupportedFeatureError for containers vmfr does not read
 */
export async function probeImageFormat(source: ByteSource, signal?: AbortSignal): Promise<ImageFormat> {
  const first = await source.read(0, Math.min(source.size, 512), signal);
  if (hasQcow2Magic(first)) return "qcow2";
  const text = Buffer.from(first).toString("latin1");
  const foreign = FOREIGN.find(({ offset, magic }) => text.startsWith(magic, offset));
  if (foreign !== undefined) throw new UnsupportedFeatureError("disk image", [foreign.name], foreign.advice);
  return "raw";
}
