/**
 * Packets encrypted with AES-GCM (RFC 5647, as aes128-gcm@openssh.com and aes256-gcm@openssh.com use it). ssh2 does
 * this with an addon that is not built here, or else with more work for each packet than the encryption itself is.
 */
import { type CipherGCMTypes, createCipheriv, createSecretKey, type KeyObject, randomFillSync } from "node:crypto";
import { ConfigError } from "../../../errors.ts";

/** What ssh2 encrypts packets with: it fills one from `allocPacket` behind the fifth byte, and hands it back at once. */
interface PacketCipher {
  /** Counts packets; ssh2 sets it when it agrees on new keys. */
  outSeqno: number;
  /** A packet with its length and padding in place. */
  allocPacket(payloadLength: number): Buffer;
  /** Sends a packet. */
  encrypt(packet: Buffer): void;
  /** Nothing is sent any more. */
  free(): void;
}

/** What is taken over from ssh2's own, as it is without the addon. */
interface PlainGcmCipher {
  readonly outSeqno: number;
  readonly _encSSLName: CipherGCMTypes;
  readonly _encKey: Buffer;
  readonly _encIV: Buffer;
  readonly _onWrite: (bytes: Uint8Array) => void;
}

/**
 * From now on AES-GCM packets to this client are made here. Call before the first key exchange.
 * @throws ConfigError with a version of ssh2 that works otherwise.
 */
export function encryptGcmPackets(connection: object): void {
  const protocol: unknown = Reflect.get(connection, "_protocol");
  if (typeof protocol !== "object" || protocol === null || !("_cipher" in protocol)) {
    throw new ConfigError("this version of ssh2 does not show what it encrypts with");
  }
  let cipher = protocol._cipher;
  Object.defineProperty(protocol, "_cipher", {
    get: () => cipher,
    set: (next: unknown) => {
      cipher = isPlainGcmCipher(next) ? new GcmPackets(next) : next;
    },
  });
}

function isPlainGcmCipher(cipher: unknown): cipher is PlainGcmCipher {
  return (
    typeof cipher === "object" &&
    cipher !== null &&
    "_encSSLName" in cipher &&
    (cipher._encSSLName === "aes-128-gcm" || cipher._encSSLName === "aes-256-gcm") &&
    "_encKey" in cipher &&
    "_encIV" in cipher &&
    "_onWrite" in cipher
  );
}

const BLOCK = 16;
const LENGTH_FIELD = 4;
/** Behind the length: how much padding there is. */
const HEAD = LENGTH_FIELD + 1;
const MIN_PADDING = 4;
/** Payloads from this length on, that is data, are written where the ones before were, and sent uncopied. */
const LARGE = 4096;
const SHARED_LENGTH = 40_000;
const RANDOM_LENGTH = 4096;
/** RFC 5647 section 7.1: the last eight bytes of the nonce count packets. */
const COUNTER = 4;

export class GcmPackets implements PacketCipher {
  outSeqno: number;
  readonly #algorithm: CipherGCMTypes;
  readonly #key: KeyObject;
  readonly #nonce: Buffer;
  readonly #send: (bytes: Uint8Array) => void;
  readonly #shared = Buffer.allocUnsafeSlow(SHARED_LENGTH);
  readonly #random = Buffer.allocUnsafeSlow(RANDOM_LENGTH);
  #randomLeft = 0;
  #isDone = false;

  constructor(cipher: PlainGcmCipher) {
    this.outSeqno = cipher.outSeqno;
    this.#algorithm = cipher._encSSLName;
    // Bytes would be made a key again for every packet.
    this.#key = createSecretKey(cipher._encKey);
    this.#nonce = cipher._encIV;
    this.#send = cipher._onWrite;
  }

  allocPacket(payloadLength: number): Buffer {
    const unpadded = HEAD + payloadLength;
    let padding = BLOCK - ((unpadded - LENGTH_FIELD) % BLOCK);
    if (padding < MIN_PADDING) padding += BLOCK;
    const length = unpadded + padding;
    const isShared = payloadLength >= LARGE && length <= SHARED_LENGTH;
    const packet = isShared ? this.#shared.subarray(0, length) : Buffer.allocUnsafe(length);
    packet.writeUInt32BE(length - LENGTH_FIELD, 0);
    packet[LENGTH_FIELD] = padding;
    this.#fillRandomly(packet.subarray(unpadded));
    return packet;
  }

  encrypt(packet: Buffer): void {
    if (this.#isDone) return;
    const cipher = createCipheriv(this.#algorithm, this.#key, this.#nonce);
    const length = Buffer.from(packet.subarray(0, LENGTH_FIELD));
    cipher.setAAD(length);
    const encrypted = cipher.update(packet.subarray(LENGTH_FIELD));
    cipher.final();
    const pieces = [length, encrypted, cipher.getAuthTag()];
    // Many small answers cost less in one piece, data costs less uncopied.
    if (packet.length < LARGE) this.#send(Buffer.concat(pieces));
    else for (const piece of pieces) this.#send(piece);
    this.#countPacket();
  }

  free(): void {
    this.#isDone = true;
  }

  /** A little at a time costs as much as a lot. */
  #fillRandomly(padding: Uint8Array): void {
    if (this.#randomLeft < padding.length) {
      randomFillSync(this.#random);
      this.#randomLeft = RANDOM_LENGTH;
    }
    this.#randomLeft -= padding.length;
    padding.set(this.#random.subarray(this.#randomLeft, this.#randomLeft + padding.length));
  }

  #countPacket(): void {
    this.outSeqno = (this.outSeqno + 1) >>> 0;
    for (let index = this.#nonce.length - 1; index >= COUNTER; index--) {
      const next = ((this.#nonce[index] ?? 0) + 1) & 0xff;
      this.#nonce[index] = next;
      if (next !== 0) return;
    }
  }
}
