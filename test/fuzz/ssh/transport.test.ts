import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { beforeAll, expect, test } from "vitest";
import { PacketType } from "../../../src/serve/ssh/sftp/protocol.ts";
import { startSshFixture } from "../../oracle/ssh/ssh-fixture.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { sftpPacket } from "../../setup/sftp-exchange.ts";
import { runClient } from "../../setup/ssh-client.ts";
import { FUZZ_TIMEOUT_MS, fuzz } from "./fuzz-run.ts";
import { guestFileSystem } from "./guest.ts";
import { RawClient } from "./raw-client.ts";
import type { SeededRandom } from "./seeded-random.ts";
import { Message, openSession, payload, startCommand, startSftp } from "./ssh-payloads.ts";

beforeAll(() => requireDebianPackages("openssh-client"));

const BANNERS = ["SSH-2.0-x\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "SSH-1.5-old\n", "GET / HTTP/1.1\r\n\r\n", "\n\n\n", ""];

/** What comes before keys are agreed on: text, then packets with their lengths in the clear. */
function opening(random: SeededRandom): Buffer {
  const banner = random.percent(10) ? random.bytes(300).toString("latin1") : random.pick(BANNERS);
  const lists = Array.from({ length: 10 }, () =>
    random.pick(["curve25519-sha256", "ssh-ed25519", "aes256-ctr", "", "x,y"]),
  );
  const parts = random.several(4, () => {
    const body = random.pick([
      Buffer.concat([Buffer.of(Message.KEXINIT), random.bytes(16), payload(0, ...lists, false, 0).subarray(1)]),
      payload(Message.KEX_INIT, random.bytes(40)),
      payload(Message.USERAUTH_REQUEST, "restore", "ssh-connection", "none"),
      payload(Message.DISCONNECT, 11, "bye", ""),
      Buffer.of(Message.NEWKEYS),
      random.bytes(60),
    ]);
    const padding = 4 + ((8 - ((body.length + 9) % 8)) % 8);
    const length = Buffer.alloc(5);
    length.writeUInt32BE(random.percent(20) ? random.boundary() : body.length + padding + 1, 0);
    length[4] = random.percent(10) ? random.below(256) : padding;
    return Buffer.concat([length, body, Buffer.alloc(padding)]);
  });
  const bytes = Buffer.concat([Buffer.from(banner, "latin1"), ...parts]);
  return random.percent(20) ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
}

/** A packet of a client that is logged in. */
function statement(random: SeededRandom): Buffer {
  const channel = random.percent(90) ? random.below(4) : random.boundary();
  const text = random.pick(["sftp", "netconf", "scp -r -f /web", "rsync --server --sender -re.i . /web", "\xff", ""]);
  const statements = [
    () => openSession(channel, random.boundary(), random.boundary()),
    () => openSession(channel),
    () => startSftp(channel),
    () => startCommand(channel, text),
    () => payload(Message.CHANNEL_DATA, channel, random.bytes(200)),
    () => payload(Message.CHANNEL_DATA, channel, sftpPacket(PacketType.INIT, 3)),
    () => payload(Message.CHANNEL_EXTENDED_DATA, channel, 1, random.bytes(50)),
    () => payload(Message.CHANNEL_WINDOW_ADJUST, channel, random.boundary()),
    () => payload(Message.CHANNEL_EOF, channel),
    () => payload(Message.CHANNEL_CLOSE, channel),
    () =>
      payload(
        Message.CHANNEL_REQUEST,
        channel,
        random.pick(["env", "pty-req", "shell", "x11-req", "signal"]),
        true,
        text,
      ),
    () =>
      payload(Message.CHANNEL_OPEN, random.pick(["direct-tcpip", "x11", "tun@openssh.com"]), channel, 9, 9, text, 22),
    () => payload(Message.GLOBAL_REQUEST, random.pick(["tcpip-forward", "keepalive@openssh.com"]), true, text, 22),
    () => payload(random.pick(Object.values(Message)), random.bytes(40)),
    () => Buffer.concat([Buffer.of(random.below(256)), random.bytes(60)]),
  ];
  const made = random.pick(statements)();
  return random.percent(15) ? made.subarray(0, 1 + random.below(made.length)) : made;
}

test(
  "no connection does anything to another, whatever it sends",
  async () => {
    const fixture = await startSshFixture(guestFileSystem(), { limits: { unauthenticatedConnections: 64 } });
    const { port, configFile } = fixture;
    const privateKey = readFileSync(fixture.keyFile, "utf8");
    await fuzz({
      name: "SSH connections",
      share: 0.006,
      concurrency: 4,
      attempt: async (random) => {
        if (random.percent(65)) {
          const socket = connect(port, "127.0.0.1").on("error", () => undefined);
          const closed = once(socket, "close");
          socket.resume().end(opening(random));
          await closed;
          return;
        }
        const client = random.percent(70)
          ? await RawClient.login({ port, privateKey })
          : await RawClient.stranger({ port });
        for (const packet of [openSession(0), ...random.several(30, () => statement(random))]) client.send(packet);
        client.socket.end();
        await client.ended();
      },
    });
    expect(fixture.log.filter(({ level }) => level === "error")).toEqual([]);
    const { status, stdout } = await runClient("sftp", ["-F", configFile, "-b", "-", "vmfr"], "ls /web\n");
    expect([status, stdout.toString()]).toEqual([0, expect.stringContaining("file")]);
  },
  FUZZ_TIMEOUT_MS,
);
