import type { RestoreTree } from "../../src/restore-tree/tree-node.ts";
import type { SessionStream } from "../../src/serve/ssh/session-stream.ts";
import { type SftpOptions, serveSftp } from "../../src/serve/ssh/sftp/sftp-session.ts";

export interface Exchange {
  readonly status: number;
  /** Without their length fields, in the order sent. */
  readonly replies: readonly Buffer[];
  readonly explanations: readonly string[];
  /** Messages logged as errors. */
  readonly errors: readonly string[];
}

/** Sends chunks to an SFTP session as a client would and collects what comes back until it ends. */
export async function exchangeSftp(
  tree: RestoreTree,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: Partial<SftpOptions> = {},
): Promise<Exchange> {
  const output: Uint8Array[] = [];
  const explanations: string[] = [];
  const errors: string[] = [];
  const stream: SessionStream = {
    input: (async function* () {
      yield* chunks;
    })(),
    write: (bytes) => output.push(bytes),
    drain: async () => undefined,
    explain: (sentence) => explanations.push(sentence),
    signal: new AbortController().signal,
  };
  const ignore = () => undefined;
  const logger = { info: ignore, warn: ignore, error: (_fields: unknown, message: string) => errors.push(message) };
  const status = await serveSftp(stream, { tree, logger, ...options });
  return { status, replies: splitReplies(Buffer.concat(output)), explanations, errors };
}

/** Cuts what a server sent into replies, without their length fields. */
export function splitReplies(bytes: Buffer): Buffer[] {
  const replies: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = bytes.readUInt32BE(offset);
    if (offset + 4 + length > bytes.length) throw new Error("the last reply is cut off");
    replies.push(bytes.subarray(offset + 4, offset + 4 + length));
    offset += 4 + length;
  }
  return replies;
}

/** A packet from a type and fields: numbers are 32 bits, bigints 64, text and bytes strings with their length. */
export function sftpPacket(type: number, ...fields: readonly (number | bigint | string | Uint8Array)[]): Buffer {
  const body = Buffer.concat([Uint8Array.of(type), ...fields.map(encodeField)]);
  return Buffer.concat([encodeField(body.length), body]);
}

function encodeField(field: number | bigint | string | Uint8Array): Buffer {
  if (typeof field === "number") {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(field, 0);
    return bytes;
  }
  if (typeof field === "bigint") {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(field, 0);
    return bytes;
  }
  const bytes = Buffer.from(field);
  return Buffer.concat([encodeField(bytes.length), bytes]);
}
