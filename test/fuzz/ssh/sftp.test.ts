import { expect, test } from "vitest";
import { PacketType, StatusCode } from "../../../src/serve/ssh/sftp/protocol.ts";
import { exchangeSftp, sftpPacket } from "../../setup/sftp-exchange.ts";
import { FUZZ_TIMEOUT_MS, fuzz } from "./fuzz-run.ts";
import { createFuzzedGuest } from "./guest.ts";
import { call, cut, GREETING, isWrite, mutate, type SftpCall } from "./sftp-sessions.ts";

const guest = createFuzzedGuest();

async function exchange(chunks: readonly Buffer[], handles = 4) {
  const { status, replies, errors } = await exchangeSftp(guest.tree, chunks, { limits: { handles } });
  expect([0, 1]).toContain(status);
  expect(errors).toEqual([]);
  expect(guest.fileSystem.openSources).toBe(0);
  return { status, replies };
}

/** What a reply may be, and that nothing that writes is granted. */
function judge(asked: SftpCall, reply: Buffer): void {
  const { STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED_REPLY, CLOSE } = PacketType;
  expect([STATUS, HANDLE, DATA, NAME, ATTRS, EXTENDED_REPLY]).toContain(reply[0]);
  const code = reply[0] === STATUS ? reply.readUInt32BE(5) : undefined;
  if (isWrite(asked)) expect(code).toBe(StatusCode.PERMISSION_DENIED);
  if (code === StatusCode.OK) expect(asked.type).toBe(CLOSE);
}

test(
  "well-formed requests in any order are each answered once, and no write is granted",
  () => {
    return fuzz({
      name: "SFTP sessions of well-formed requests",
      share: 0.2,
      attempt: async (random) => {
        const calls = Array.from({ length: 1 + random.below(12) }, (_, id) => call(random, id));
        const bytes = Buffer.concat([GREETING, ...calls.map(({ packet }) => packet)]);
        const { status, replies } = await exchange(cut(random, bytes));
        expect(status).toBe(0);
        expect(replies).toHaveLength(1 + calls.length);
        const byId = new Map(replies.slice(1).map((reply) => [reply.readUInt32BE(1), reply]));
        for (const asked of calls) judge(asked, byId.get(asked.id) ?? Buffer.of());
      },
    });
  },
  FUZZ_TIMEOUT_MS,
);

test(
  "packets with broken fields, lengths and order get answers or end the session",
  () => {
    return fuzz({
      name: "SFTP sessions with broken packets",
      share: 0.3,
      attempt: async (random) => {
        const calls = random.several(8, () => call(random, random.below(10)).packet);
        const bytes = Buffer.concat(mutate(random, [GREETING, ...calls]));
        const { replies } = await exchange(cut(random, bytes));
        // The shortest packet that gets an answer has nine bytes.
        expect(replies.length).toBeLessThanOrEqual(1 + bytes.length / 9);
      },
    });
  },
  FUZZ_TIMEOUT_MS,
);

test(
  "floods of requests are answered in bounded memory",
  () => {
    return fuzz({
      name: "SFTP floods",
      share: 0.001,
      attempt: async (random) => {
        const open = sftpPacket(PacketType.OPEN, 0, "/web/file", 1, 0);
        const flood = call(random, 1).packet;
        const count = 200 + random.below(800);
        const { replies } = await exchange([Buffer.concat([GREETING, open, ...Array(count).fill(flood)])], 8);
        expect(replies.length).toBeGreaterThanOrEqual(2);
        expect(replies.length).toBeLessThanOrEqual(2 + count);
      },
    });
  },
  FUZZ_TIMEOUT_MS,
);
