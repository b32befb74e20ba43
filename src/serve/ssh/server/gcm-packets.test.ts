import { type CipherGCMTypes, createDecipheriv, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { GcmPackets } from "./gcm-packets.ts";

const TAG = 16;

/** Payloads as the other side reads them, RFC 5647 section 7; `count` is where the nonce's counter began. */
function decrypt(name: CipherGCMTypes, key: Buffer, start: Buffer, count: bigint, stream: Buffer): Buffer[] {
  const payloads: Buffer[] = [];
  let offset = 0;
  for (let packet = 0n; offset < stream.length; packet++) {
    const nonce = Buffer.from(start);
    nonce.writeBigUInt64BE(BigInt.asUintN(64, count + packet), 4);
    const length = stream.readUInt32BE(offset);
    expect(length % 16).toBe(0);
    const end = offset + 4 + length;
    const decipher = createDecipheriv(name, key, nonce);
    decipher.setAAD(stream.subarray(offset, offset + 4));
    decipher.setAuthTag(stream.subarray(end, end + TAG));
    const plain = Buffer.concat([decipher.update(stream.subarray(offset + 4, end)), decipher.final()]);
    const padding = plain[0] ?? Number.NaN;
    expect(padding).toBeGreaterThanOrEqual(4);
    expect(padding).toBeLessThan(20);
    payloads.push(plain.subarray(1, plain.length - padding));
    offset = end + TAG;
  }
  return payloads;
}

test.each([
  ["aes-128-gcm", 16, 0n],
  ["aes-256-gcm", 32, 0xffn],
  ["aes-256-gcm", 32, 0xffff_ffff_fffen],
  ["aes-256-gcm", 32, 0xffff_ffff_ffff_fffan],
] as const)("%s packets can be read whatever their length, %i-byte key, counting from %i", (name, keyLength, count) => {
  const key = randomBytes(keyLength);
  const nonce = randomBytes(12);
  nonce.writeBigUInt64BE(count, 4);
  const sent: Uint8Array[] = [];
  const packets = new GcmPackets({
    _encSSLName: name,
    _encKey: key,
    _encIV: Buffer.from(nonce),
    _onWrite: (bytes) => sent.push(bytes),
    outSeqno: 0xffff_ffff,
  });
  const payloads = [1, 2, 11, 12, 15, 16, 17, 4095, 4096, 32_768, 32_777, 39_000, 60_000, 5].map((length) =>
    randomBytes(length),
  );
  for (const payload of payloads) {
    const packet = packets.allocPacket(payload.length);
    payload.copy(packet, 5);
    packets.encrypt(packet);
  }
  expect(packets.outSeqno).toBe(payloads.length - 1);
  expect(decrypt(name, key, nonce, count, Buffer.concat(sent))).toEqual(payloads);
  const before = sent.length;
  packets.free();
  packets.encrypt(packets.allocPacket(1));
  expect(sent).toHaveLength(before);
});
