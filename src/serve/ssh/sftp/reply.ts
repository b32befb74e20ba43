/** Packets from server to client, complete with their length; section 7 of the draft. */
import { nameFromText } from "../../../bytes/byte-name.ts";
import { EXTENSIONS, PacketType, PROTOCOL_VERSION, type StatusCode } from "./protocol.ts";

export interface ReplyName {
  readonly name: Uint8Array;
  readonly longName: Uint8Array;
  /** Encoded by `encodeAttributes`. */
  readonly attributes: Uint8Array;
}

/** A packet, in one piece or several. */
export type Reply = Uint8Array | readonly Uint8Array[];

export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

export function uint64(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(value, 0);
  return bytes;
}

export function string(bytes: Uint8Array): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function text(value: string): Buffer {
  return string(nameFromText(value));
}

function packet(type: number, ...fields: readonly Uint8Array[]): Buffer {
  const length = fields.reduce((sum, field) => sum + field.length, 1);
  return Buffer.concat([uint32(length), Uint8Array.of(type), ...fields]);
}

export function versionReply(): Buffer {
  const extensions = EXTENSIONS.flatMap(([name, version]) => [text(name), text(version)]);
  return packet(PacketType.VERSION, uint32(PROTOCOL_VERSION), ...extensions);
}

export function statusReply(id: number, code: StatusCode, message: string): Buffer {
  return packet(PacketType.STATUS, uint32(id), uint32(code), text(message), text(""));
}

export function handleReply(id: number, handle: Uint8Array): Buffer {
  return packet(PacketType.HANDLE, uint32(id), string(handle));
}

export function attributesReply(id: number, attributes: Uint8Array): Buffer {
  return packet(PacketType.ATTRS, uint32(id), attributes);
}

/** Of data that goes into one packet of the transport with what precedes it: clients take 32 KiB in one. */
const FIRST_DATA = 32 * 1024 - 13;

/** The pieces' bytes, one after the other, as one SSH_FXP_DATA; only its beginning is a copy. */
export function dataReply(id: number, pieces: readonly Uint8Array[]): Reply {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const [first = Uint8Array.of(), ...others] = pieces;
  const start = Buffer.allocUnsafe(13 + Math.min(first.length, FIRST_DATA));
  start.writeUInt32BE(9 + length, 0);
  start[4] = PacketType.DATA;
  start.writeUInt32BE(id, 5);
  start.writeUInt32BE(length, 9);
  start.set(first.subarray(0, FIRST_DATA), 13);
  return [start, first.subarray(FIRST_DATA), ...others].filter((piece) => piece.length > 0);
}

/** Bytes one name takes in a reply. */
export function nameLength(entry: ReplyName): number {
  return 8 + entry.name.length + entry.longName.length + entry.attributes.length;
}

export function nameReply(id: number, entries: readonly ReplyName[]): Buffer {
  const fields = entries.flatMap(({ name, longName, attributes }) => [
    uint32(name.length),
    name,
    uint32(longName.length),
    longName,
    attributes,
  ]);
  return packet(PacketType.NAME, uint32(id), uint32(entries.length), ...fields);
}

export function extendedReply(id: number, ...fields: readonly Uint8Array[]): Buffer {
  return packet(PacketType.EXTENDED_REPLY, uint32(id), ...fields);
}
