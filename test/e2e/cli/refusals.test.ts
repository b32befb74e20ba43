import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { example, exampleBucket, type Finished, type Server, startServer, vmfr } from "../setup/vmfr.ts";

const VM = ["--vm", "demo/web-1"];
const DISK = "web-1-2026-11-18/web-1-root";

beforeAll(() => requireDebianPackages("e2fsprogs", "qemu-utils", "curl", "openssh-client"));

function flipByte(file: string, offset: number): void {
  const bytes = readFileSync(file);
  bytes[offset] = (bytes[offset] ?? 0) ^ 0x01;
  writeFileSync(file, bytes);
}

function expectRefusal({ code, stdout, stderr }: Finished, expectedCode: number, sentence: RegExp): void {
  expect(stderr).toMatch(sentence);
  expect(code).toBe(expectedCode);
  expect(stdout.length).toBe(0);
}

describe("a bucket", () => {
  /** A copy of the example whose Kopia blobs with a prefix are handed to `damage`. */
  function damagedBucket(prefix: string, damage: (file: string) => void): string {
    const bucket = path.join(scratchDirectory(), "bucket");
    cpSync(exampleBucket, bucket, { recursive: true });
    const repository = path.join(bucket, "kopia/demo");
    const blobs = readdirSync(repository).filter((name) => name.startsWith(prefix));
    expect(blobs.length).toBeGreaterThan(0);
    for (const name of blobs) damage(path.join(repository, name));
    return bucket;
  }
  const image = (bucket: string, ...options: string[]) => vmfr(["inspect", "--store", bucket, ...VM, ...options, DISK]);

  test("wrong password", async () => {
    const file = path.join(scratchDirectory(), "password");
    writeFileSync(file, "not-the-password\n");
    const refused = await image(exampleBucket, "--repo-password-file", file);
    expectRefusal(refused, 7, /password/);
    expect(refused.stderr).not.toContain("not-the-password");
    expectRefusal(await vmfr(["inspect", ...example, DISK], { VMFR_REPO_PASSWORD: "also-wrong" }), 7, /password/);
  });

  test("flipped byte in a pack", async () => {
    const bucket = damagedBucket("p", (file) => flipByte(file, 100));
    const refused = await vmfr(["image", "--store", bucket, ...VM, DISK]);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/kopia: .*p[0-9a-f]{32}/);
  });

  test("flipped byte in an index", async () => {
    const bucket = damagedBucket("xn", (file) => flipByte(file, 60));
    expectRefusal(await image(bucket), 4, /kopia: .*xn/);
  });

  test("missing pack", async () => {
    const bucket = damagedBucket("q", (file) => rmSync(file));
    expectRefusal(await image(bucket), 6, /q[0-9a-f]{32}.*(copy|missing|exist)/);
  });

  test("a backup whose data is only in a CSI snapshot", async () => {
    const refused = await vmfr([
      "ls",
      "--store",
      exampleBucket,
      ...VM,
      "--backup",
      "before-upgrade-2026-11-14",
      "/backups",
    ]);
    expect(refused.stderr + refused.stdout).not.toContain("web-1-root/");
    const { stdout } = await vmfr(["discover", "--store", exampleBucket, ...VM]);
    expect(stdout.toString()).toMatch(/before-upgrade-2026-11-14 .* no .*CSI snapshot and not in the bucket/);
  });
});

describe("a disk image", () => {
  function ext4Image(...debugfs: string[]): string {
    const scratch = scratchDirectory();
    const file = path.join(scratch, "disk.img");
    const content = path.join(scratch, "content");
    execFileSync("mkdir", ["-p", path.join(content, "a/b")]);
    writeFileSync(path.join(content, "a/file.txt"), "content\n".repeat(1000));
    execFileSync("mke2fs", [
      "-q",
      "-t",
      "ext4",
      "-O",
      "metadata_csum,^has_journal",
      "-b",
      "1024",
      "-d",
      content,
      file,
      "8M",
    ]);
    for (const request of debugfs)
      execFileSync("debugfs", ["-w", "-R", request, file], { stdio: ["ignore", "ignore", "pipe"] });
    return file;
  }
  const debugfs = (file: string, request: string) =>
    execFileSync("debugfs", ["-R", request, file], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });

  test("flipped byte in an inode table", async () => {
    const file = ext4Image();
    const [, inode] = /Inode: (\d+)/.exec(debugfs(file, "stat /a/file.txt")) ?? [];
    const [, block, offset] =
      /located at block (\d+), offset 0x([0-9a-f]+)/.exec(debugfs(file, "imap /a/file.txt")) ?? [];
    flipByte(file, Number(block) * 1024 + Number.parseInt(offset ?? "", 16) + 0x28 + 20);
    expectRefusal(
      await vmfr(["cat", "--disk", file, "/disk/a/file.txt"]),
      4,
      new RegExp(`ext4: inode ${inode}\\b.*checksum`),
    );
    // The rest of the disk is still there.
    expect((await vmfr(["ls", "--disk", file, "/disk"])).stdout.toString()).toContain("a\n");
  });

  test("truncated image", async () => {
    const file = ext4Image();
    truncateSync(file, 100 * 1024);
    const refused = await vmfr(["get", "--disk", file, "/disk", "-o", path.join(scratchDirectory(), "out")]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/lie outside: it ends at byte 102400/);
  });

  test("directory cycle", async () => {
    const file = ext4Image("unlink /a/b/nothing", "link /a /a/b/again");
    const walked = await vmfr(["ls", "-R", "--disk", file, "/disk"]);
    expect(walked.stderr).toMatch(/again.*(itself|cycle|ancestor)/);
    expect(walked.code).toBe(9);
    expect(walked.stdout.toString()).toContain("/disk/a/file.txt");
  });

  test("qcow2 whose L1 table lies", async () => {
    const raw = ext4Image();
    const file = path.join(path.dirname(raw), "disk.qcow2");
    execFileSync("qemu-img", ["convert", "-O", "qcow2", raw, file]);
    const bytes = readFileSync(file);
    const l1 = Number(bytes.readBigUInt64BE(40));
    // The first L2 table is claimed to lie far behind the end of the file.
    bytes.writeBigUInt64BE((1n << 63n) | 0x7fff_0000_0000n, l1);
    writeFileSync(file, bytes);
    const refused = await vmfr(["image", "--disk", `disk=${file}`, "disk"]);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/qcow2: L[12]/);
  });
});

describe("a client", () => {
  let server: Server;
  beforeAll(async () => {
    server = await startServer(example);
  });
  afterAll(async () => {
    await server?.stop();
  });

  const curl = (...args: string[]) =>
    execFileSync(
      "curl",
      ["--silent", "--cacert", server.https.caFile, "--write-out", "%{http_code}", "--output", "/dev/null", ...args],
      { encoding: "utf8" },
    );
  const credentials = () => ["--user", `${server.https.user}:${server.https.password}`];

  test("a path with ..", async () => {
    const url = `${server.https.url}/files/backups/web-1-2026-11-18/web-1-root`;
    for (const up of ["/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd"]) {
      expect(curl("--path-as-is", ...credentials(), url + up)).toMatch(/^40[04]$/);
    }
    const climbed = await vmfr([
      "cat",
      ...example,
      "/backups/web-1-2026-11-18/web-1-root/../../../../../../../etc/passwd",
    ]);
    expectRefusal(climbed, 3, /no such file/);
  });

  test("without or with a wrong password", () => {
    const url = `${server.https.url}/files/METADATA.json`;
    expect(curl(url)).toBe("401");
    expect(curl("--user", `${server.https.user}:wrong`, url)).toBe("401");
    expect(curl(...credentials(), url)).toBe("200");
  });

  test("with a wrong SSH key", () => {
    const scratch = scratchDirectory();
    const knownHosts = path.join(scratch, "known_hosts");
    writeFileSync(knownHosts, `${server.ssh.knownHostsLine}\n`);
    const key = path.join(scratch, "key");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
    const list = (identity: string) =>
      spawnSync(
        "sftp",
        [
          "-b",
          "-",
          "-P",
          String(server.ssh.port),
          "-i",
          identity,
          "-o",
          "IdentitiesOnly=yes",
          "-o",
          `UserKnownHostsFile=${knownHosts}`,
          `${server.ssh.user}@${server.ssh.host}`,
        ],
        { input: "ls /backups\n", encoding: "utf8" },
      );
    const refused = list(key);
    expect(refused.status).toBe(255);
    expect(refused.stderr).toMatch(/Permission denied/);
    expect(list(server.ssh.privateKeyFile)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("web-1-2026-11-18"),
    });
  });
});
