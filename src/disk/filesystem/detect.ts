import type { Limits } from "../../bytes/limits.ts";
import { describeError, SourceError } from "../../errors.ts";
import type { ByteSource } from "../../source/byte-source.ts";
import type { ContainerFormat, VolumeContent } from "../disk.ts";
import { probeExfat } from "./exfat/boot-region.ts";
import { openExfat } from "./exfat/exfat-file-system.ts";
import { openExt4 } from "./ext4/ext4-file-system.ts";
import { probeExt4 } from "./ext4/superblock.ts";
import { probeFat } from "./fat/boot-sector.ts";
import { openFat } from "./fat/fat-file-system.ts";
import type { FileSystem } from "./file-system.ts";
import { probeNtfs } from "./ntfs/boot-sector.ts";
import { openNtfs } from "./ntfs/ntfs-file-system.ts";
import { hasText, MD_MAGIC, matches, SIGNATURE_AREA, SIGNATURES, type Signature } from "./signatures.ts";
import { probeXfs } from "./xfs/superblock.ts";
import { openXfs } from "./xfs/xfs-file-system.ts";

export interface OpenVolumeOptions {
  readonly limits?: Limits;
  readonly signal?: AbortSignal;
}

/** A format whose files can be read. `recognises` is pure and does not throw. */
interface Reader {
  readonly type: string;
  readonly what: string;
  /** As of a Signature. */
  readonly inBootSector?: boolean;
  recognises(first: Uint8Array): boolean;
  open(source: ByteSource, options: OpenVolumeOptions): Promise<FileSystem>;
}

/** In the order they are tried, FAT last because it has no magic number. A new format is one entry here. */
const READERS: readonly Reader[] = [
  { type: "ext4", what: "ext file system", recognises: (first) => probeExt4(first) !== undefined, open: openExt4 },
  { type: "xfs", what: "XFS file system", recognises: probeXfs, open: openXfs },
  { type: "ntfs", what: "NTFS file system", recognises: probeNtfs, open: openNtfs, inBootSector: true },
  { type: "exfat", what: "exFAT file system", recognises: probeExfat, open: openExfat, inBootSector: true },
  { type: "vfat", what: "FAT file system", recognises: probeFat, open: openFat, inBootSector: true },
];

/** One of the things the first bytes of a volume say it is. */
type Candidate = { readonly reader: Reader } | { readonly reader?: never; readonly signature: Signature };

export interface Detection {
  /** Short and lower case: `ext4`, `luks`, `unknown`. */
  readonly type: string;
  readonly content: VolumeContent;
  /** Sentences, when the bytes say more than one thing. */
  readonly warnings: readonly string[];
}

/** The bytes that all signatures lie in. */
export function readSignatureArea(source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
  return source.read(0, Math.min(SIGNATURE_AREA, source.size), signal);
}

/** Where the signatures of a whole disk lie, if it has any: see PartitionTableOptions. */
export function signaturePlace(first: Uint8Array): "in-boot-sector" | "elsewhere" | undefined {
  const found = candidates(first);
  if (found.length === 0) return undefined;
  const inBootSector = found.every((each) => (each.reader ?? each.signature).inBootSector === true);
  return inBootSector ? "in-boot-sector" : "elsewhere";
}

/**
 * Opens what is on a volume. Damage and what is not supported become an `unreadable` content with the reason.
 * @param first what `readSignatureArea` gave
 * @throws SourceError when it may pass, and the signal's reason; everything else is in the result
 */
export async function detectContent(
  source: ByteSource,
  first: Uint8Array,
  options: OpenVolumeOptions,
): Promise<Detection> {
  const found = candidates(first);
  let failure: Detection | undefined;
  for (const candidate of found) {
    const others = found.filter((each) => each !== candidate).map(describe);
    const warnings =
      others.length === 0 ? [] : [`looks like ${describe(candidate)}, but also like ${others.join(", ")}`];
    if (candidate.reader === undefined) {
      failure ??= { type: candidate.signature.type, content: unreadContent(candidate.signature), warnings };
      continue;
    }
    const { type, what } = candidate.reader;
    try {
      const fileSystem = await candidate.reader.open(source, options);
      return { type: fileSystem.info().type, content: { kind: "file-system", fileSystem }, warnings };
    } catch (error) {
      failure ??= { type, content: { kind: "unreadable", what, reason: reasonOf(error, options.signal) }, warnings };
    }
  }
  return failure ?? nothingFound(source, first, options.signal);
}

/** What a failure to open says; throws it again when trying later may help. */
export function reasonOf(error: unknown, signal: AbortSignal | undefined): string {
  signal?.throwIfAborted();
  if (error instanceof SourceError && error.retryable) throw error;
  return describeError(error);
}

function candidates(first: Uint8Array): Candidate[] {
  const readers = READERS.filter((reader) => reader.recognises(first));
  const read = new Set(READERS.map(({ type }) => type));
  const signatures = SIGNATURES.filter((signature) => !read.has(signature.type) && matches(signature, first));
  return [...readers.map((reader) => ({ reader })), ...signatures.map((signature) => ({ signature }))];
}

function describe(candidate: Candidate): string {
  return candidate.reader === undefined ? candidate.signature.what : candidate.reader.what;
}

const CONTAINERS: readonly string[] = ["lvm2", "md", "luks"] satisfies ContainerFormat[];

const isContainer = (type: string): type is ContainerFormat => CONTAINERS.includes(type);

function unreadContent({ type, what, kind }: Signature): VolumeContent {
  if (kind === "no-files") return { kind: "no-files", what };
  if (kind === "encrypted") {
    const content = { kind: "unreadable", what: `${what} encryption` } as const;
    if (!isContainer(type)) return { ...content, reason: `encrypted with ${what}: not read by this version` };
    return { ...content, reason: "encrypted: to be opened with its passphrase", container: type };
  }
  if (isContainer(type)) {
    const reason = "part of a larger volume: to be read together with all disks of the virtual machine";
    return { kind: "unreadable", what, reason, container: type };
  }
  return { kind: "unreadable", what, reason: `${what}: not read by this version` };
}

async function nothingFound(source: ByteSource, first: Uint8Array, signal?: AbortSignal): Promise<Detection> {
  const length = Math.min(SIGNATURE_AREA, source.size);
  const last = await source.read(source.size - length, length, signal);
  // RAID metadata 0.90 and 1.0 lie at the end; a mirror's file system is found at the start before this is asked.
  if (hasRaidAtEnd(last, source.size)) {
    const signature = SIGNATURES.find(({ type }) => type === "md") as Signature;
    return { type: signature.type, content: unreadContent(signature), warnings: [] };
  }
  const empty = first.every((byte) => byte === 0) && last.every((byte) => byte === 0);
  const content: VolumeContent = empty
    ? { kind: "no-files", what: "empty: zeros at its start and end" }
    : {
        kind: "unreadable",
        what: "unknown content",
        reason: "no known file system, container or encryption was recognised",
      };
  return { type: empty ? "empty" : "unknown", content, warnings: [] };
}

/** 0.90: in the last 64 KiB-aligned block of 64 KiB; 1.0: at least 8 KiB from the end, aligned to 4 KiB. */
function hasRaidAtEnd(last: Uint8Array, size: number): boolean {
  const start = size - last.length;
  const version090 = Math.floor(size / 65_536) * 65_536 - 65_536;
  const version10 = Math.floor((size - 8192) / 4096) * 4096;
  return [version090, version10].some((offset) => hasText(last, offset - start, MD_MAGIC));
}
