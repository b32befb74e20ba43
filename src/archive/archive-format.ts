/** The formats a directory can be downloaded in, and what each is called outside. */
import { pipeline, Readable, type Transform } from "node:stream";
import * as zlib from "node:zlib";
import { ConfigError } from "../errors.ts";
import type { ArchiveEntry } from "./archive-entry.ts";
import type { ArchiveReport } from "./archive-report.ts";
import { writeTar } from "./tar/tar-writer.ts";
import { writeZip } from "./zip/zip-writer.ts";

export const archiveFormats = ["tar", "tar.gz", "tar.zst", "zip"] as const;
export type ArchiveFormat = (typeof archiveFormats)[number];

const CONTENT_TYPES: Record<ArchiveFormat, string> = {
  tar: "application/x-tar",
  "tar.gz": "application/gzip",
  "tar.zst": "application/zstd",
  zip: "application/zip",
};

export function isArchiveFormat(text: string): text is ArchiveFormat {
  return archiveFormats.some((format) => format === text);
}

export function archiveContentType(format: ArchiveFormat): string {
  return CONTENT_TYPES[format];
}

/** With the leading dot. */
export function archiveExtension(format: ArchiveFormat): string {
  return `.${format}`;
}

/** What each format keeps of an entry: the entries are made accordingly. */
export function archiveKeeps(format: ArchiveFormat): { readonly hardLinks: boolean; readonly xattrs: boolean } {
  return format === "zip" ? { hardLinks: false, xattrs: false } : { hardLinks: true, xattrs: true };
}

/**
 * The archive as a stream of chunks. What could not be archived is in `report` and in the archive's last member.
 * @throws at once ConfigError when this Node.js cannot compress with zstd; while streaming, what reading a file
 *         throws after its header was written: what was sent until then must not be taken for a whole archive.
 */
export function writeArchive(
  format: ArchiveFormat,
  entries: AsyncIterable<ArchiveEntry>,
  report: ArchiveReport,
): AsyncIterable<Uint8Array> {
  switch (format) {
    case "tar":
      return writeTar(entries, report);
    case "tar.gz":
      return compressed(writeTar(entries, report), zlib.createGzip());
    case "tar.zst":
      return compressed(writeTar(entries, report), createZstd());
    case "zip":
      return writeZip(entries, report);
  }
}

/** Throws here what goes wrong there, in both directions, and stops reading when nobody reads any more. */
async function* compressed(chunks: AsyncIterable<Uint8Array>, compressor: Transform): AsyncIterable<Uint8Array> {
  const source = Readable.from(chunks, { objectMode: true, highWaterMark: 2 });
  // A failure destroys the compressor, whose iteration below then throws it.
  pipeline(source, compressor, () => undefined);
  yield* compressor as AsyncIterable<Uint8Array>;
}

/** Node.js has zstd since 22.15; the types of the oldest version supported do not know it. */
function createZstd(): Transform {
  if ("createZstdCompress" in zlib && typeof zlib.createZstdCompress === "function") {
    return zlib.createZstdCompress() as Transform;
  }
  throw new ConfigError("tar.zst needs Node.js 22.15 or later; tar.gz works with this one");
}
