import { beforeAll, expect, test } from "vitest";
import { ALGORITHMS } from "../../../src/serve/ssh/server/algorithms.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { MemoryFileSystem } from "../../setup/memory-file-system.ts";
import { runClient } from "../../setup/ssh-client.ts";
import { tally } from "../../setup/tally.ts";
import { startSshFixture } from "./ssh-fixture.ts";

beforeAll(() => requireDebianPackages("ssh-audit"));

/** ssh-audit's lines about algorithms: `(kex) name -- [level] reason`, further reasons each on a line of its own. */
async function findings(...args: readonly string[]): Promise<{ readonly level: string; readonly line: string }[]> {
  const { stdout } = await runClient("ssh-audit", ["--no-colors", ...args]);
  return Array.from(stdout.toString().matchAll(/^(.*\[(fail|warn|info)\].*)$/gm), ([, line = "", level = ""]) => ({
    level,
    line,
  }));
}

test("ssh-audit finds no failure in any of the algorithms offered", async () => {
  const { port } = await startSshFixture(new MemoryFileSystem());
  const target = ["-p", String(port), "127.0.0.1"];
  const { stdout } = await runClient("ssh-audit", ["--json", ...target]);
  const seen = JSON.parse(stdout.toString());
  const kex = seen.kex.map(({ algorithm }: { algorithm: string }) => algorithm);
  expect(kex).toEqual([...([ALGORITHMS.kex].flat() as string[]), "kex-strict-s-v00@openssh.com"]);
  expect({ enc: seen.enc, mac: seen.mac }).toEqual({ enc: ALGORITHMS.cipher, mac: ALGORITHMS.hmac });

  const found = await findings(...target);
  expect(found.length).toBeGreaterThan(kex.length + seen.enc.length + seen.mac.length);
  expect(found.filter(({ level }) => level === "fail")).toEqual([]);
  // What it does not know, or what newer versions say of every key exchange that is not post-quantum.
  const isKnown = (line: string) => /kex-strict|post-quantum/.test(line);
  expect(found.filter(({ level, line }) => level === "warn" && !isKnown(line))).toEqual([]);
  tally("findings of ssh-audit, none a failure", found.length);
});

test("what is left out is what ssh-audit fails", async () => {
  const found = await findings("--lookup=ssh-rsa,diffie-hellman-group1-sha1,aes128-cbc,ecdh-sha2-nistp256");
  expect(found.some(({ level }) => level === "fail")).toBe(true);
});
