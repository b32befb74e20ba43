/** Writes zip archives (PKWARE APPNOTE 6.3.10) with Info-ZIP's Unix fields, readable while they are being sent. */
import { crc32 } from "node:zlib";
import { compareBytes, displayName, nameFromText, utf8OrUndefined } from "../../bytes/byte-name.ts";
import type { FileType } from "../../disk/filesystem/file-system.ts";
import { LimitError, UnsupportedFeatureError } from "../../errors.ts";
import type { ArchiveEntry } from "../archive-entry.ts";
import { type ArchiveReport, ReportName } from "../archive-report.ts";
import { OutputBuffer } from "../output-buffer.ts";
import { discard, type PreparedContent, type PreparedEntry, prepareEntries, prepareEntry } from "../prepared-entry.ts";
import { CentralDirectory } from "./central-directory.ts";
import { DeflatedContent } from "./deflated-content.ts";
import { zipName } from "./zip-name.ts";
import { centralHeader, dataDescriptor, localHeader, type ZipMember, type ZipSizes } from "./zip-records.ts";

/** From this size on the fields are 64 bits wide; deflate may make a file a little larger. */
const ZIP64_SIZE = 0xf000_0000;
/** Bytes; a 16-bit field. */
const LONGEST_NAME = 0xffff;

/** Bytes, holes included, up to which a file is compressed before its header. */
const LARGEST_PACKED = 1024 * 1024;

/** `st_mode`'s file types. */
const FILE_TYPES: Partial<Record<FileType, number>> = { file: 0o100000, directory: 0o040000, symlink: 0o120000 };

/** Content whose sizes are known before its header is written. */
interface Packed extends ZipSizes {
  readonly method: ZipMember["method"];
  readonly chunks: readonly Uint8Array[];
}

interface PackedEntry extends PreparedEntry {
  readonly packed?: Packed;
}

/**
 * The archive in chunks of about half a mebibyte. Special files and entries that fail before their header is
 * written are left out; they, and names that had to change, are listed in a last member with what `report` holds
 * from elsewhere. Hard links must come as files of their own.
 * @throws what reading a file throws once its header is written: the archive then has no directory, and must not
 *         be passed on as complete.
 */
export async function* writeZip(
  entries: AsyncIterable<ArchiveEntry>,
  report: ArchiveReport,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new ZipWriter(report);
  for await (const entry of prepareEntries(entries, packEntry)) {
    if ("error" in entry) report.add(entry.entry.path, entry.error);
    else {
      try {
        yield* writer.write(entry);
      } finally {
        await discard(entry);
      }
    }
    yield* writer.out.takeFull();
  }
  writer.end();
  yield* writer.out.takeAll();
}

/** Small files are compressed while others are read; @throws UnsupportedFeatureError for what zip has no member for. */
async function packEntry(entry: ArchiveEntry): Promise<PackedEntry> {
  if (entry.hardLinkTo !== undefined) throw new UnsupportedFeatureError("zip", ["hard link"]);
  if (FILE_TYPES[entry.type] === undefined) throw new UnsupportedFeatureError("zip", [entry.type]);
  if (entry.linkTarget !== undefined) return { entry, packed: stored(entry.linkTarget) };
  const prepared = await prepareEntry(entry);
  const { content } = prepared;
  if (content === undefined) return { entry, packed: stored(Uint8Array.of()) };
  if (!(content.bytes instanceof Uint8Array) || content.size > LARGEST_PACKED) return prepared;
  return { entry, content, packed: await pack(content, content.bytes) };
}

function stored(bytes: Uint8Array): Packed {
  const sizes = { crc: crc32(bytes), compressedSize: bytes.length, size: bytes.length };
  return { ...sizes, method: "stored", chunks: [bytes] };
}

async function pack(content: PreparedContent, bytes: Uint8Array): Promise<Packed> {
  const deflated = new DeflatedContent(content);
  const chunks: Uint8Array[] = [];
  for await (const chunk of deflated.chunks()) chunks.push(chunk);
  const { crc, compressedSize, size } = deflated;
  if (bytes.length === size && compressedSize >= size) return stored(bytes);
  return { crc, compressedSize, size, method: "deflated", chunks };
}

class ZipWriter {
  readonly out = new OutputBuffer();
  readonly #report: ArchiveReport;
  readonly #reportName = new ReportName();
  readonly #directory = new CentralDirectory();

  constructor(report: ArchiveReport) {
    this.#report = report;
  }

  async *write({ entry, content, packed }: PackedEntry): AsyncGenerator<Uint8Array, void, undefined> {
    const name = this.#nameOf(entry);
    if (name === undefined) return;
    const size = packed?.size ?? content?.size ?? 0;
    const shape = { method: packed?.method ?? "deflated", streamed: packed === undefined, zip64: size >= ZIP64_SIZE };
    const member = { ...describe(entry, name), ...shape } as const;
    if (packed !== undefined) this.#writePacked(member, packed);
    else if (content !== undefined) yield* this.#stream(member, new DeflatedContent(content));
  }

  end(): void {
    if (this.#report.count > 0) {
      const path = nameFromText(this.#reportName.choose());
      const mtime = BigInt(Date.now()) * 1_000_000n;
      const entry = { path, type: "file", mode: 0o644, uid: 0, gid: 0, mtime, size: 0 } as const;
      const shape = { method: "stored", streamed: false, zip64: false } as const;
      this.#writePacked({ ...describe(entry, path), ...shape }, stored(this.#report.text()));
    }
    for (const chunk of this.#directory.chunks(this.out.written)) this.out.append(chunk);
  }

  /** Undefined, and reported, when no name of the format's can hold it. */
  #nameOf({ path, type }: ArchiveEntry): Uint8Array | undefined {
    const safe = zipName(path);
    const name = type === "directory" ? Buffer.concat([safe, Uint8Array.of(0x2f)]) : safe;
    if (name.length > LONGEST_NAME) {
      this.#report.add(path, new LimitError("zip name", LONGEST_NAME, "path in bytes"));
      return undefined;
    }
    if (compareBytes(safe, path) !== 0) this.#report.add(path, `archived as ${displayName(safe)}`);
    this.#reportName.see(safe);
    return name;
  }

  #writePacked(member: ZipMember, packed: Packed): void {
    const offset = this.out.written;
    this.out.append(localHeader(member, packed));
    for (const chunk of packed.chunks) this.out.append(chunk);
    this.#directory.add(centralHeader(member, packed, offset));
  }

  async *#stream(member: ZipMember, content: DeflatedContent): AsyncGenerator<Uint8Array, void, undefined> {
    const offset = this.out.written;
    this.out.append(localHeader(member));
    for await (const chunk of content.chunks()) {
      this.out.append(chunk);
      yield* this.out.takeFull();
    }
    this.out.append(dataDescriptor(member.zip64, content));
    this.#directory.add(centralHeader(member, content, offset));
  }
}

type Description = Omit<ZipMember, "method" | "streamed" | "zip64">;

function describe(entry: ArchiveEntry, name: Uint8Array): Description {
  const { type, mode, uid, gid, mtime, atime } = entry;
  const isUtf8 = name.some((byte) => byte >= 0x80) && utf8OrUndefined(name) !== undefined;
  const fullMode = (FILE_TYPES[type] ?? 0) | mode;
  return { name, isUtf8, mode: fullMode, isDirectory: type === "directory", uid, gid, mtime, atime };
}
