/** Log records ("XFS Algorithms & Data Structures", chapter "Journaling Log"; xlog_rec_header); headers are big-endian. */
import { compareBytes } from "../../../../bytes/byte-name.ts";
import { crc32c } from "../../../../bytes/crc32c.ts";
import { Cursor } from "../../../../bytes/cursor.ts";
import { LogDamage } from "./log-damage.ts";
import { BASIC_BLOCK, type LogDevice } from "./log-device.ts";

/** One header block has room for the cycle words of so much data; longer records have further header blocks. */
const CYCLE_AREA = 32 * 1024;
const CYCLES_PER_HEADER = CYCLE_AREA / BASIC_BLOCK;
const LONGEST_RECORD = 256 * 1024;
const CYCLE_DATA = 44;
const CRC = 32;
/** Bytes of the header that the checksum covers: 64-bit kernels count the padding at its end. */
const HEADER_SIZES = [328, 324];
const EXTENDED_HEADER_SIZE = 260;
const LITTLE_ENDIAN = 1;

export interface LogRecord {
  /** Basic block it starts at. */
  readonly block: number;
  /** Basic blocks it takes, headers included. */
  readonly blocks: number;
  readonly headerBlocks: number;
  /** Bytes of data. */
  readonly length: number;
  /** Cycle in the upper, block in the lower 32 bits. */
  readonly sequence: bigint;
  readonly tailBlock: number;
  readonly operations: number;
  readonly checksum: number;
  /** Bytes of the buffer it was written from; bounds how much a crash can tear. */
  readonly bufferSize: number;
  readonly isLittleEndian: boolean;
  readonly uuid: Uint8Array;
}

/** @throws LogDamage when no record starts there, or its header is impossible */
export async function readRecordHeader(log: LogDevice, block: number): Promise<LogRecord> {
  const cursor = new Cursor(await log.read(block, 1), { format: "xfs log", structure: `block ${block}` });
  if (!(await log.startsRecord(block))) throw new LogDamage(block, "no record starts here");
  const version = cursor.u32be(8);
  const length = cursor.u32be(12);
  const bufferSize = cursor.u32be(320);
  if (version !== 1 && version !== 2 && version !== 3)
    throw new LogDamage(block, `record version ${version} is unknown`);
  if (length === 0 || length > LONGEST_RECORD) throw new LogDamage(block, `a record of ${length} bytes is impossible`);
  const isLong = (version & 2) !== 0 && bufferSize > CYCLE_AREA;
  if (isLong && bufferSize > LONGEST_RECORD)
    throw new LogDamage(block, `a buffer of ${bufferSize} bytes is impossible`);
  const headerBlocks = isLong ? Math.ceil(bufferSize / CYCLE_AREA) : 1;
  if (length > headerBlocks * CYCLE_AREA) throw new LogDamage(block, `${length} bytes exceed the record's buffer`);
  const blocks = headerBlocks + Math.ceil(length / BASIC_BLOCK);
  const tailBlock = cursor.u32be(28);
  if (blocks > log.size || tailBlock >= log.size) throw new LogDamage(block, "it points outside the log");
  return {
    ...{ block, blocks, headerBlocks, length, tailBlock, bufferSize: isLong ? bufferSize : CYCLE_AREA },
    sequence: cursor.u64beBig(16),
    operations: cursor.u32be(40),
    checksum: new DataView(cursor.bytes.buffer, cursor.bytes.byteOffset).getUint32(CRC, true),
    isLittleEndian: cursor.u32be(300) === LITTLE_ENDIAN,
    uuid: cursor.slice(304, 16),
  };
}

/** Whether the record is as it was written. Records of old kernels and of mkfs carry no checksum. */
export async function isIntact(log: LogDevice, record: LogRecord): Promise<boolean> {
  if (record.checksum === 0) return true;
  const bytes = await log.read(record.block, record.blocks);
  return HEADER_SIZES.some((size) => recordChecksum(bytes, record, size) === record.checksum);
}

/** Over the first header with the field itself as zeros, what the other headers use, and the data as it lies. */
function recordChecksum(bytes: Uint8Array, { headerBlocks, length }: LogRecord, headerSize: number): number {
  let register = crc32c(0xffffffff, bytes.subarray(0, CRC));
  register = crc32c(register, new Uint8Array(4));
  register = crc32c(register, bytes.subarray(CRC + 4, headerSize));
  for (let header = 1; header < Math.ceil(length / CYCLE_AREA); header++) {
    register = crc32c(register, bytes.subarray(header * BASIC_BLOCK, header * BASIC_BLOCK + EXTENDED_HEADER_SIZE));
  }
  const start = headerBlocks * BASIC_BLOCK;
  return ~crc32c(register, bytes.subarray(start, start + length)) >>> 0;
}

/** The record's data, with the words back in place that the cycle numbers took. */
export async function readRecordData(
  log: LogDevice,
  { block, blocks, headerBlocks, length }: LogRecord,
): Promise<Uint8Array> {
  const bytes = await log.read(block, blocks);
  const data = Uint8Array.from(bytes.subarray(headerBlocks * BASIC_BLOCK));
  for (let index = 0; index * BASIC_BLOCK < data.length; index++) {
    const header = Math.floor(index / CYCLES_PER_HEADER);
    const words = header === 0 ? CYCLE_DATA : header * BASIC_BLOCK + 4;
    const word = words + (index % CYCLES_PER_HEADER) * 4;
    data.set(bytes.subarray(word, word + 4), index * BASIC_BLOCK);
  }
  return data.subarray(0, length);
}

/** @throws LogDamage when it belongs to another file system, or to a machine of the other byte order */
export function requireOwn({ block, isLittleEndian, uuid }: LogRecord, expected: Uint8Array): void {
  if (!isLittleEndian) throw new LogDamage(block, "written by a big-endian machine");
  if (compareBytes(uuid, expected) !== 0 && uuid.some((byte) => byte !== 0)) {
    throw new LogDamage(block, "belongs to another file system");
  }
}
