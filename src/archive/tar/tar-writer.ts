/**
 * Writes POSIX pax archives (POSIX.1-2017 `pax`) with what GNU tar and libarchive add to it: extended attributes
 * as `SCHILY.xattr.*`, ACLs as `SCHILY.acl.*`, holes in GNU's sparse format 1.0.
 */
import { nameFromText, nameKey } from "../../bytes/byte-name.ts";
import { PathError } from "../../errors.ts";
import type { ArchiveEntry } from "../archive-entry.ts";
import { type ArchiveReport, ReportName } from "../archive-report.ts";
import { OutputBuffer } from "../output-buffer.ts";
import { contentPieces, discard, type PreparedEntry, prepareEntries, prepareEntry } from "../prepared-entry.ts";
import { BLOCK, writeHeader } from "./header.ts";
import { memberOf, type TarMember } from "./member.ts";

/** tar pads its archives to records of 20 blocks. */
const RECORD = 20 * BLOCK;
const EXTENDED_HEADER_NAME = nameFromText("PaxHeaders/next");

/**
 * The archive in chunks of about half a mebibyte. Entries that fail before their header is written are left out
 * and listed in a last member; those in `report` from elsewhere are listed there too.
 * @throws what reading a file throws once its header is written: the archive then ends without its end mark, and
 *         must not be passed on as complete.
 */
export async function* writeTar(
  entries: AsyncIterable<ArchiveEntry>,
  report: ArchiveReport,
): AsyncGenerator<Uint8Array, void, undefined> {
  const writer = new TarWriter(report);
  for await (const entry of prepareEntries(entries, prepareEntry)) {
    if ("error" in entry) writer.omit(entry.entry, entry.error);
    else if (writer.begin(entry)) {
      try {
        yield* writer.content(entry);
      } finally {
        await discard(entry);
      }
    } else await discard(entry);
    yield* writer.out.takeFull();
  }
  writer.end();
  yield* writer.out.takeAll();
}

class TarWriter {
  readonly out = new OutputBuffer();
  readonly #report: ArchiveReport;
  readonly #reportName = new ReportName();
  /** Left out although other names of the same file may follow. */
  readonly #omitted = new Set<string>();

  constructor(report: ArchiveReport) {
    this.#report = report;
  }

  omit(entry: ArchiveEntry, error: unknown): void {
    if ((entry.links ?? 1) > 1) this.#omitted.add(nameKey(entry.path));
    this.#report.add(entry.path, error);
  }

  /** Writes the header; false when the entry has none and is left out. */
  begin({ entry, content }: PreparedEntry): boolean {
    let member: TarMember;
    try {
      this.#checkLink(entry);
      member = memberOf(entry, content);
    } catch (error) {
      this.omit(entry, error);
      return false;
    }
    this.#reportName.see(entry.path);
    this.#writeMember(member);
    return true;
  }

  async *content({ content }: PreparedEntry): AsyncGenerator<Uint8Array, void, undefined> {
    if (content === undefined) return;
    if (content.bytes instanceof Uint8Array) this.out.append(content.bytes);
    else {
      for await (const { bytes } of contentPieces(content)) {
        this.out.append(bytes);
        yield* this.out.takeFull();
      }
    }
    this.#pad(BLOCK);
  }

  end(): void {
    if (this.#report.count > 0) {
      const bytes = this.#report.text();
      const now = BigInt(Date.now()) * 1_000_000n;
      const path = nameFromText(this.#reportName.choose());
      const entry = { path, type: "file", mode: 0o644, uid: 0, gid: 0, mtime: now, size: bytes.length } as const;
      const content = { size: bytes.length, stretches: [{ offset: 0, length: bytes.length }], bytes };
      this.#writeMember(memberOf(entry, content));
      this.out.append(bytes);
      this.#pad(BLOCK);
    }
    this.out.reserve(2 * BLOCK);
    this.#pad(RECORD);
  }

  #checkLink(entry: ArchiveEntry): void {
    if (entry.hardLinkTo === undefined || !this.#omitted.has(nameKey(entry.hardLinkTo))) return;
    throw new PathError("not-found", "the file it is a hard link to", "left out of this archive");
  }

  #writeMember({ fields, records, map }: TarMember): void {
    if (records.length > 0) {
      const { uid, gid, mtime } = fields;
      const extended = { type: "extended-header", mode: 0o644, uid, gid, mtime } as const;
      writeHeader(this.out.reserve(BLOCK), { ...extended, name: EXTENDED_HEADER_NAME, size: records.length });
      records.writeTo(this.out);
      this.#pad(BLOCK);
    }
    writeHeader(this.out.reserve(BLOCK), fields);
    if (map !== undefined) this.out.append(map);
  }

  #pad(unit: number): void {
    const rest = this.out.written % unit;
    if (rest > 0) this.out.reserve(unit - rest);
  }
}
