/**
 * ssh2 reads the command line of an exec request as UTF-8 and replaces what is not. File names on it are
 * bytes, so they are widened to one character a byte before ssh2 sees them.
 */
const CHANNEL_REQUEST = 98;
const EXEC = Buffer.from("\0\0\0\u0004exec", "latin1");
/** Behind message type and channel number. */
const REQUEST_NAME = 5;
/** RFC 4254 section 6.5: the name is followed by want-reply, then by the command with its length. */
const COMMAND_LENGTH = REQUEST_NAME + EXEC.length + 1;

/** The payload of one packet; every other one is returned as it is. */
export function widenExecCommand(payload: Buffer): Buffer {
  if (payload[0] !== CHANNEL_REQUEST || payload.length < COMMAND_LENGTH + 4) return payload;
  if (!payload.subarray(REQUEST_NAME, REQUEST_NAME + EXEC.length).equals(EXEC)) return payload;
  const length = payload.readUInt32BE(COMMAND_LENGTH);
  const start = COMMAND_LENGTH + 4;
  if (length > payload.length - start) return payload;
  const widened = Buffer.from(payload.toString("latin1", start, start + length), "utf8");
  const lengthField = Buffer.alloc(4);
  lengthField.writeUInt32BE(widened.length, 0);
  return Buffer.concat([payload.subarray(0, COMMAND_LENGTH), lengthField, widened]);
}
