/** Windows images made by wimlib: an independent encoder of the packings that WOF uses. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { tool } from "./images.ts";

export const WIM_PACKAGES = ["wimtools"] as const;

export interface PackedResource {
  /** Chunk table and chunks, as in a WofCompressedData stream. */
  readonly packed: Uint8Array;
  readonly content: Uint8Array;
}

/** @param compression as wimlib names it: `XPRESS:8K` */
export async function packResources(
  contents: readonly Uint8Array[],
  compression: string,
  directory: string,
): Promise<PackedResource[]> {
  const [type = "", chunkSize = ""] = compression.split(":");
  const source = path.join(directory, `source-${type}-${chunkSize}`);
  const image = path.join(directory, `${type}-${chunkSize}.wim`);
  mkdirSync(source);
  contents.forEach((content, index) => {
    writeFileSync(path.join(source, `${index}`), content);
  });
  const options = [`--compress=${type}`, `--chunk-size=${chunkSize}`, "--no-acls"];
  await tool("wimlib-imagex", "capture", source, image, ...options);
  const listed = await tool("wimlib-imagex", "info", image, "--blobs");
  const bytes = readFileSync(image);
  return [...listed.matchAll(RESOURCE)]
    .filter(([, , , , flags = ""]) => flags.includes("COMPRESSED") && !flags.includes("METADATA"))
    .map(([, size, packedSize, offset]) => {
      const content = contents.find((each) => each.length === Number(size));
      if (content === undefined) throw new Error(`wimlib lists a resource of ${size} bytes that was not given`);
      return { packed: bytes.subarray(Number(offset), Number(offset) + Number(packedSize)), content };
    });
}

const RESOURCE =
  /Uncompressed size = (\d+) bytes\nCompressed size {3}= (\d+) bytes\nOffset in WIM {5}= (\d+) bytes\n(?:.*\n)*?Flags {13}= (.*)/g;
