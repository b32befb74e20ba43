/** Payloads of RFC 4252, 4253 and 4254, from message number and fields. */

type Field = number | string | Uint8Array | boolean;

/** Numbers are 32 bits, booleans one byte, everything else is a string with its length. */
export function payload(message: number, ...fields: readonly Field[]): Buffer {
  return Buffer.concat([Uint8Array.of(message), ...fields.map(encoded)]);
}

function encoded(field: Field): Uint8Array {
  if (typeof field === "boolean") return Uint8Array.of(field ? 1 : 0);
  if (typeof field === "number") {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(field >>> 0, 0);
    return bytes;
  }
  return Buffer.concat([encoded(field.length), Buffer.from(field)]);
}

export const Message = {
  DISCONNECT: 1,
  IGNORE: 2,
  UNIMPLEMENTED: 3,
  DEBUG: 4,
  SERVICE_REQUEST: 5,
  KEXINIT: 20,
  NEWKEYS: 21,
  KEX_INIT: 30,
  USERAUTH_REQUEST: 50,
  USERAUTH_INFO_RESPONSE: 61,
  GLOBAL_REQUEST: 80,
  CHANNEL_OPEN: 90,
  CHANNEL_OPEN_CONFIRMATION: 91,
  CHANNEL_OPEN_FAILURE: 92,
  CHANNEL_WINDOW_ADJUST: 93,
  CHANNEL_DATA: 94,
  CHANNEL_EXTENDED_DATA: 95,
  CHANNEL_EOF: 96,
  CHANNEL_CLOSE: 97,
  CHANNEL_REQUEST: 98,
  CHANNEL_SUCCESS: 99,
  CHANNEL_FAILURE: 100,
} as const;

export const WINDOW = 2 * 1024 * 1024;

/** A session channel of the client's number `sender`. */
export function openSession(sender: number, window = WINDOW, packetSize = 32_768): Buffer {
  return payload(Message.CHANNEL_OPEN, "session", sender, window, packetSize);
}

export function startSftp(channel: number): Buffer {
  return payload(Message.CHANNEL_REQUEST, channel, "subsystem", true, "sftp");
}

export function startCommand(channel: number, command: string): Buffer {
  return payload(Message.CHANNEL_REQUEST, channel, "exec", true, command);
}
