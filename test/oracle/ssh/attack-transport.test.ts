import { readFileSync } from "node:fs";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { PacketType } from "../../../src/serve/ssh/sftp/protocol.ts";
import { RawClient } from "../../fuzz/ssh/raw-client.ts";
import { Message, openSession, payload, startCommand, startSftp, WINDOW } from "../../fuzz/ssh/ssh-payloads.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";
import { sftpPacket } from "../../setup/sftp-exchange.ts";
import { runClient } from "../../setup/ssh-client.ts";
import { type SshFixture, startSshFixture } from "./ssh-fixture.ts";

beforeAll(() => requireDebianPackages("openssh-client"));

const MIB = 1024 * 1024;

function guest(): MemoryFileSystem {
  const fileSystem = new MemoryFileSystem();
  fileSystem.file(fileSystem.root, "hello", "hello\n");
  fileSystem.file(fileSystem.root, "big", Buffer.alloc(8 * MIB, "big"));
  return fileSystem;
}

function login(fixture: SshFixture): Promise<RawClient> {
  return RawClient.login({ port: fixture.port, privateKey: readFileSync(fixture.keyFile, "utf8") });
}

/** Somebody else is served as always. */
async function servesOthers({ configFile }: SshFixture): Promise<void> {
  const { status, stdout } = await runClient("sftp", ["-F", configFile, "-b", "-", "vmfr"], "ls /web\n");
  expect([status, stdout.toString()]).toEqual([0, expect.stringContaining("hello")]);
}

/** Sends until the server takes no more, or all of it has. @returns whether the server stopped reading. */
async function flood(client: RawClient, packet: Buffer, count: number): Promise<boolean> {
  for (let sent = 0; sent < count && client.isConnected; sent += 500) {
    for (let index = 0; index < 500; index++) client.send(packet);
    await nextTurn();
    let waits = 0;
    for (; client.socket.writableLength > 4 * MIB && waits < 20; waits++) await sleep(50);
    if (waits === 20) return true;
  }
  return false;
}

test.each([0, 1, 1023])(
  "a channel of packets of %d bytes ends the connection and nobody else's",
  async (packetSize) => {
    const fixture = await startSshFixture(guest());
    const client = await login(fixture);
    client.send(openSession(0, WINDOW, packetSize));
    client.send(startCommand(0, "scp -f /web/big"));
    client.send(payload(Message.CHANNEL_DATA, 0, Buffer.alloc(10)));
    await client.ended();
    await servesOthers(fixture);
    expect(fixture.log).toContainEqual(expect.objectContaining({ message: "ssh connection failed" }));
  },
);

test("data beyond the channel's window ends the connection", async () => {
  const fixture = await startSshFixture(guest());
  const client = await login(fixture);
  // Without a window for answers the session stops reading requests.
  client.send(openSession(0, 0));
  client.send(startSftp(0));
  client.send(payload(Message.CHANNEL_DATA, 0, sftpPacket(PacketType.INIT, 3)));
  const request = payload(Message.CHANNEL_DATA, 0, Buffer.alloc(30_000, sftpPacket(PacketType.STAT, 1, "/web")));
  const before = process.memoryUsage.rss();
  const isStopped = await flood(client, request, 4000);
  expect([client.isConnected, isStopped]).toEqual([false, false]);
  expect(process.memoryUsage.rss() - before).toBeLessThan(200 * MIB);
  await servesOthers(fixture);
});

test("requests whose answers nobody reads stop being read, also before a login", async () => {
  const fixture = await startSshFixture(guest(), { limits: { loginTimeMs: 300_000 } });
  const question = payload(Message.GLOBAL_REQUEST, "who@example.org", true);
  const client = await RawClient.stranger(fixture);
  client.socket.pause();
  expect(await flood(client, question, 1_500_000)).toBe(true);
  await servesOthers(fixture);
  client.close();
}, 240_000);

test("a client that leaves new keys unanswered and goes on asking is cut off", async () => {
  const fixture = await startSshFixture(guest(), { limits: { rekeyBytes: MIB, loginTimeMs: 20_000 } });
  const client = await login(fixture);
  client.send(openSession(0, 1024 * MIB));
  client.send(startCommand(0, "scp -f /web/big"));
  client.send(payload(Message.CHANNEL_DATA, 0, Buffer.alloc(10)));
  client.ignoreEverything();
  await expect.poll(() => client.socket.bytesRead, { timeout: 10_000 }).toBeGreaterThan(MIB);
  const startedAt = performance.now();
  await flood(client, payload(Message.GLOBAL_REQUEST, "who@example.org", true), 50_000);
  await client.ended();
  expect(performance.now() - startedAt).toBeLessThan(15_000);
  expect(fixture.log).toContainEqual(
    expect.objectContaining({
      fields: expect.objectContaining({ reason: expect.stringContaining("agreeing on new keys") }),
    }),
  );
});

test("channels opened and closed for nothing end the connection, many used ones do not", async () => {
  const fixture = await startSshFixture(guest());
  const idle = await login(fixture);
  for (let channel = 0; channel < 100; channel++) {
    idle.send(openSession(channel));
    idle.send(payload(Message.CHANNEL_CLOSE, channel));
  }
  await idle.ended();
  const busy = await login(fixture);
  for (let channel = 0; channel < 300; channel++) {
    busy.send(openSession(channel));
    busy.send(startCommand(channel, "true"));
    busy.send(payload(Message.CHANNEL_CLOSE, channel));
  }
  await sleep(300);
  expect(busy.isConnected).toBe(true);
});

test("behind a broken packet nothing is looked at, and it is one line in the log", async () => {
  const fixture = await startSshFixture(guest());
  const client = await login(fixture);
  for (let index = 0; index < 5000; index++) client.send(payload(Message.CHANNEL_DATA, 0xffff_ffff, "x"));
  await client.ended();
  expect(fixture.log.filter(({ message }) => message === "ssh connection failed").length).toBeLessThan(3);
  await servesOthers(fixture);
});
