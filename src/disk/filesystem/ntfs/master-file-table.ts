import { CorruptDataError, PathError } from "../../../errors.ts";
import { RunListSource } from "../../../source/run-list-source.ts";
import { ATTRIBUTE, type Attribute } from "./attribute.ts";
import { LONGEST_LIST, parseAttributeList } from "./attribute-list.ts";
import { readWhole } from "./content.ts";
import { type FileRecord, type FileReference, parseFileRecord, recordPlace } from "./file-record.ts";
import type { ClusterRun } from "./mapping-pairs.ts";
import { clusterRuns, findValue, type Value } from "./value.ts";
import type { Volume } from "./volume.ts";

/** Records whose numbers NTFS fixes. */
export const SYSTEM_RECORD = { MFT: 0, MFT_MIRROR: 1, LOG_FILE: 2, VOLUME: 3, ROOT: 5, UPCASE: 10, SECURE: 9 };
/** Records below are the file system's own, hidden from listings but for the root. */
export const FIRST_USER_RECORD = 16;
/** The copy holds at least these. */
const MIRRORED = 4;

/** Where each MFT record is. Single records are read through the cache, without awaiting when it has them. */
export class MasterFileTable {
  readonly warnings: string[] = [];
  readonly #volume: Volume;
  /** Ascending, without gaps. */
  #runs: readonly ClusterRun[];
  #source: RunListSource;
  #recordCount: number;

  private constructor(volume: Volume, value: Value, runs: readonly ClusterRun[]) {
    this.#volume = volume;
    this.#runs = runs;
    const { clusterSize, recordSize } = volume.geometry;
    const placed = runs.flatMap(({ vcn, length, lcn }) =>
      lcn === undefined
        ? []
        : [{ fileOffset: vcn * clusterSize, length: length * clusterSize, sourceOffset: lcn * clusterSize }],
    );
    const size = value.kind === "resident" ? 0 : value.head.initializedSize;
    this.#source = new RunListSource(volume.metadata, placed, size, "ntfs $MFT");
    this.#recordCount = Math.floor(size / recordSize);
  }

  /**
   * The table describes itself: its first record says where it lies, or where its attribute list is, whose
   * records must lie in the part already known.
   * @throws CorruptDataError when neither the first record nor its copy leads to the table
   */
  static async open(volume: Volume, signal?: AbortSignal): Promise<MasterFileTable> {
    const { mftCluster, mirrorCluster } = volume.geometry;
    try {
      return await MasterFileTable.#openAt(volume, mftCluster, signal);
    } catch (error) {
      if (!(error instanceof CorruptDataError)) throw error;
      try {
        const table = await MasterFileTable.#openAt(volume, mirrorCluster, signal);
        table.warnings.push(`${error.message}; its copy in $MFTMirr is used`);
        return table;
      } catch (second) {
        if (!(second instanceof CorruptDataError)) throw second;
        throw error;
      }
    }
  }

  static async #openAt(volume: Volume, cluster: number, signal?: AbortSignal): Promise<MasterFileTable> {
    const { clusterSize, recordSize } = volume.geometry;
    const byteOffset = cluster * clusterSize;
    if (byteOffset + recordSize > volume.metadata.size) {
      throw new CorruptDataError(recordPlace(0, byteOffset), "lies outside the volume");
    }
    const first = parseFileRecord(await volume.metadata.read(byteOffset, recordSize, signal), 0, byteOffset);
    const stretches: Attribute[] = first.attributes.filter(isTableStretch);
    let table = MasterFileTable.#of(volume, stretches);
    const list = findValue(first.attributes, ATTRIBUTE.ATTRIBUTE_LIST, "", 0);
    if (list === undefined) return table;
    const listed = parseAttributeList(await readWhole(volume, list, 0, LONGEST_LIST, signal), 0);
    const wanted = listed.filter(
      ({ type, name, reference }) => type === ATTRIBUTE.DATA && name === "" && reference.record !== 0,
    );
    for (const { reference, firstVcn } of wanted.toSorted((left, right) => left.firstVcn - right.firstVcn)) {
      const record = await table.#continuation(reference, signal);
      stretches.push(...record.attributes.filter((each) => isTableStretch(each) && each.firstVcn === firstVcn));
      table = MasterFileTable.#of(volume, stretches);
    }
    return table;
  }

  static #of(volume: Volume, stretches: readonly Attribute[]): MasterFileTable {
    const value = findValue(stretches, ATTRIBUTE.DATA, "", 0);
    if (value?.kind !== "non-resident") throw new CorruptDataError(recordPlace(0), "has no $DATA outside itself");
    // While the table is being put together its runs end before its size does.
    const partial = { ...value, head: { ...value.head, dataSize: 0 } };
    return new MasterFileTable(volume, value, clusterRuns(volume, partial, 0));
  }

  async #continuation(reference: FileReference, signal?: AbortSignal): Promise<FileRecord> {
    const record = await this.record(reference, signal);
    if (record.base?.record !== 0) throw new CorruptDataError(recordPlace(record.number), "does not continue the $MFT");
    return record;
  }

  get recordCount(): number {
    return this.#recordCount;
  }

  /**
   * The record if it takes no waiting, else undefined.
   * @throws CorruptDataError as `record` does
   */
  peek(reference: FileReference): FileRecord | undefined {
    const place = this.#placeOf(reference.record);
    if (place === undefined) return undefined;
    const bytes = this.#volume.metadata.peek(place, this.#volume.geometry.recordSize);
    return bytes === undefined ? undefined : this.#parse(bytes, reference, place);
  }

  /**
   * @throws PathError when there is no such record, CorruptDataError when it is damaged, free, or in use for
   *         another file by now
   */
  async record(reference: FileReference, signal?: AbortSignal): Promise<FileRecord> {
    const { recordSize } = this.#volume.geometry;
    const { record: number } = reference;
    if (number >= this.#recordCount) throw new PathError("not-found", `MFT record ${number}`);
    try {
      const bytes = await this.#source.read(number * recordSize, recordSize, signal);
      return this.#parse(bytes, reference, this.#placeOf(number));
    } catch (error) {
      if (!(error instanceof CorruptDataError) || number >= MIRRORED) throw error;
      return this.#mirrored(reference, error, signal);
    }
  }

  async #mirrored(reference: FileReference, damage: CorruptDataError, signal?: AbortSignal): Promise<FileRecord> {
    const { clusterSize, mirrorCluster, recordSize } = this.#volume.geometry;
    const place = mirrorCluster * clusterSize + reference.record * recordSize;
    if (place + recordSize > this.#volume.metadata.size) throw damage;
    const bytes = await this.#volume.metadata.read(place, recordSize, signal);
    try {
      const record = this.#parse(bytes, reference, place);
      const warning = `${damage.message}; its copy in $MFTMirr is used`;
      if (!this.warnings.includes(warning)) this.warnings.push(warning);
      return record;
    } catch (error) {
      throw error instanceof CorruptDataError ? damage : error;
    }
  }

  #parse(bytes: Uint8Array, { record: number, sequence }: FileReference, byteOffset: number | undefined): FileRecord {
    const record = parseFileRecord(bytes, number, byteOffset);
    if (sequence !== 0 && record.sequence !== sequence) {
      throw new CorruptDataError(
        recordPlace(number, byteOffset),
        `holds another file now (sequence ${record.sequence}, referred to as ${sequence})`,
      );
    }
    return record;
  }

  /** Byte offset of a record on the volume, unless it spans two runs or lies outside. */
  #placeOf(number: number): number | undefined {
    const { clusterSize, recordSize } = this.#volume.geometry;
    if (number >= this.#recordCount) return undefined;
    const offset = number * recordSize;
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.#runs[middle];
      if (run !== undefined && (run.vcn + run.length) * clusterSize <= offset) low = middle + 1;
      else high = middle;
    }
    const run = this.#runs[low];
    if (run?.lcn === undefined || offset + recordSize > (run.vcn + run.length) * clusterSize) return undefined;
    const place = offset + (run.lcn - run.vcn) * clusterSize;
    return place + recordSize <= this.#volume.metadata.size ? place : undefined;
  }
}

function isTableStretch(attribute: Attribute): attribute is Attribute & { resident: false } {
  return attribute.type === ATTRIBUTE.DATA && attribute.name === "" && !attribute.resident;
}
