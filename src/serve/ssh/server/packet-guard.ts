/** Looks at each packet of a client before ssh2 does, which trusts clients further than a server should. */
import { ConfigError, CorruptDataError } from "../../../errors.ts";
import { widenExecCommand } from "./command-bytes.ts";

const CHANNEL_OPEN = 90;
/** Clients announce 16 KiB and more. With 0, ssh2 would send empty packets without end. */
const SMALLEST_PACKET = 1024;
/** Answers that wait for new session keys; ssh2 keeps every one. */
const MOST_QUEUED = 4096;

interface PacketReader {
  _onPayload(payload: Buffer): unknown;
  readonly _queue?: readonly unknown[];
}

/**
 * From now on packets that would stop or fill the server end this connection with an error, and the `command`
 * of its exec requests holds one UTF-16 unit a byte (`nameKey`). Call before the first key exchange.
 * @throws ConfigError with a version of ssh2 that works otherwise.
 */
export function guardPackets(connection: object): void {
  const protocol: unknown = Reflect.get(connection, "_protocol");
  if (!isPacketReader(protocol)) throw new ConfigError("this version of ssh2 does not show the packets it reads");
  const read = protocol._onPayload;
  protocol._onPayload = (payload) => {
    checkPacketSize(payload);
    if ((protocol._queue?.length ?? 0) > MOST_QUEUED) {
      throw violation("key exchange", "the client goes on asking instead of agreeing on new keys");
    }
    return read(widenExecCommand(payload));
  };
}

function isPacketReader(protocol: unknown): protocol is PacketReader {
  return typeof protocol === "object" && protocol !== null && "_onPayload" in protocol;
}

/** RFC 4254 section 5.1: type of the channel, its number, window size, largest packet. */
function checkPacketSize(payload: Buffer): void {
  if (payload[0] !== CHANNEL_OPEN || payload.length < 5) return;
  const position = 5 + payload.readUInt32BE(1) + 8;
  if (position + 4 > payload.length) return;
  const size = payload.readUInt32BE(position);
  if (size < SMALLEST_PACKET) throw violation("channel", `the client takes packets of ${size} bytes only`);
}

function violation(structure: string, problem: string): CorruptDataError {
  return new CorruptDataError({ format: "ssh", structure }, problem);
}
