import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CONTAINERS, PASSPHRASE, uuidOf } from "../../oracle/luks/recipes.ts";
import { type ApplianceImages, imagesFromAppliance } from "../../setup/appliance.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { serveCommand, startServer, vmfr } from "../setup/vmfr.ts";

const LARGE = 64 * 1024 * 1024;

/** A server whose volume group lies over two encrypted disks, and whose third disk is encrypted inside a logical volume. */
let images: ApplianceImages;
let disks: string[];
let wholeDisk: string[];

beforeAll(async () => {
  await requireDebianPackages("curl", "util-linux", "bsdutils");
  images = await imagesFromAppliance(CONTAINERS);
  const [, whole = "", ...server] = images.disks;
  wholeDisk = ["--disk", `whole=${whole}`];
  disks = server.flatMap((image, index) => ["--disk", `${["root", "more", "data"][index]}=${image}`]);
}, 600_000);

function passphraseFile(content: string): string {
  const file = path.join(scratchDirectory(), "passphrase");
  writeFileSync(file, content);
  return file;
}

const QUESTION = "Passphrase of the encrypted volumes: ";
const lines = (text: Buffer): string[] => text.toString().trimEnd().split("\n");

describe("a server with encrypted disks", () => {
  const opened = () => [...disks, "--passphrase-file", passphraseFile(`${PASSPHRASE}\n`)];

  test("is one tree, as its fstab and crypttab put it together", async () => {
    const listed = await vmfr(["ls", ...opened(), "/root"]);
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    expect(lines(listed.stdout)).toEqual(expect.arrayContaining(["big", "boot", "etc", "home", "srv"]));
    for (const [file, content] of [
      ["/root/boot/vmlinuz", "kernel\n"],
      ["/root/home/readme", "hello\n"],
      ["/root/srv/table", "rows\n"],
      ["/root.volumes/rhel-home/readme", "hello\n"],
      ["/data/table", "rows\n"],
    ] as const) {
      expect((await vmfr(["cat", ...opened(), file])).stdout.toString(), file).toBe(content);
    }
  });

  test("copies out what its kernel wrote", async () => {
    const { stdout } = await vmfr(["cat", ...opened(), "/root/big"]);
    const pattern = 'seq -f "big %.0f" 1 100000000 2>/dev/null | head -c 18000000';
    const expected = execFileSync("sh", ["-c", pattern], { maxBuffer: LARGE });
    expect(stdout.equals(expected)).toBe(true);
    const target = path.join(scratchDirectory(), "out");
    expect(await vmfr(["get", ...opened(), "/root/home", "-o", target])).toMatchObject({ code: 0 });
    expect(execFileSync("cat", [path.join(target, "readme")], { encoding: "utf8" })).toBe("hello\n");
  });

  test("is inspected together", async () => {
    const files = images.disks.slice(2);
    const { code, stdout } = await vmfr([
      "inspect",
      "--json",
      ...files,
      "--passphrase-file",
      passphraseFile(PASSPHRASE),
    ]);
    expect(code).toBe(0);
    const [first, second] = JSON.parse(stdout.toString());
    expect(first).toMatchObject({
      name: files[0],
      operatingSystem: { id: "rhel" },
      mounts: [
        { path: "/", volume: "rhel-root" },
        { path: "/boot", volume: "1-boot" },
        { path: "/home", volume: "rhel-home" },
        { path: "/srv", volume: `luks-${uuidOf(13)}`, disk: "4" },
      ],
    });
    expect(second.volumes).toEqual([
      expect.objectContaining({ name: "whole-luks", what: `LUKS2 encryption of luks-${uuidOf(12)}` }),
      expect.objectContaining({ what: "LVM2 physical volume of volume group rhel, shown under 2" }),
    ]);
    const text = (await vmfr(["inspect", ...files, "--passphrase-file", passphraseFile(PASSPHRASE)])).stdout.toString();
    expect(text).toMatch(/^ {2}mount {6}\/srv {3}luks-[\d-]+ on 4$/m);
  });

  test("is served", async () => {
    const server = await startServer(opened());
    const { url, user, password, caFile } = server.https;
    const fetched = execFileSync(
      "curl",
      [...["--silent", "--fail", "--cacert", caFile, "--user", `${user}:${password}`], `${url}/files/root/big`],
      { maxBuffer: LARGE },
    );
    const { stdout } = await vmfr(["cat", ...opened(), "/root/big"]);
    const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(sha256(fetched)).toBe(sha256(stdout));
    expect(await server.stop()).toBe(0);
  });

  test("without its passphrase: what is not encrypted is there, the rest says why", async () => {
    for (const [options, reason] of [
      [[], "encrypted; give the passphrase with --passphrase-file"],
      [["--passphrase-file", passphraseFile("wrong")], "no given passphrase opens it"],
    ] as const) {
      const inspected = (await vmfr(["inspect", ...images.disks.slice(2, 3), ...options])).stdout.toString();
      expect(inspected).toContain("ext4, label boot");
      expect(inspected).toContain(`LUKS encryption: ${reason}`);
      const { code, stderr } = await vmfr(["ls", ...wholeDisk, ...options, "/whole"]);
      expect(code).toBe(9);
      expect(stderr).toContain(`whole-luks (LUKS encryption): ${reason}`);
    }
  });
});

describe("a passphrase", () => {
  test("may be one of several, and loses one newline", async () => {
    const files = ["wrong", `${PASSPHRASE}\n`].flatMap((text) => ["--passphrase-file", passphraseFile(text)]);
    expect((await vmfr(["cat", ...wholeDisk, ...files, "/whole/readme"])).stdout.toString()).toBe(
      "on the whole disk\n",
    );
    const two = await vmfr([
      "cat",
      ...wholeDisk,
      "--passphrase-file",
      passphraseFile(`${PASSPHRASE}\n\n`),
      "/whole/readme",
    ]);
    expect(two.code).not.toBe(0);
  });

  test("that is none is a wrong call", async () => {
    for (const [options, reason] of [
      [["--passphrase-file", "/nowhere/passphrase"], "--passphrase-file /nowhere/passphrase cannot be read"],
      [["--passphrase-file", passphraseFile("\n")], "is empty"],
      [["--ask-passphrase"], "--ask-passphrase needs a terminal"],
    ] as const) {
      expect(await vmfr(["ls", ...wholeDisk, ...options])).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(reason),
      });
    }
  });

  /** In a terminal of its own, when the question is there; what the terminal shows. */
  async function type(keys: string): Promise<{ code: number | null; shown: string }> {
    const [command, [program = ""]] = serveCommand([]);
    const words = [command, program, "cat", ...wholeDisk, "--ask-passphrase", "/whole/readme"];
    const line = words.map((word) => `'${word}'`).join(" ");
    const terminal = spawn("script", ["--quiet", "--return", "--command", line, "/dev/null"]);
    const ended = new Promise<number | null>((resolve) => terminal.once("exit", resolve));
    let shown = "";
    for await (const text of terminal.stdout) {
      const asked = shown.includes(QUESTION);
      shown += text;
      if (!asked && shown.includes(QUESTION)) terminal.stdin.write(keys);
    }
    return { code: await ended, shown };
  }

  test("is asked for on a terminal, and not shown", async () => {
    const { code, shown } = await type(`nonsense\u0015${PASSPHRASE}ä\u007f\r`);
    expect(shown).toMatch(/Passphrase of the encrypted volumes: \r?\n+on the whole disk\r?\n/);
    expect(shown).not.toContain(PASSPHRASE);
    expect(code).toBe(0);
    const refused = await type("correct\u0003");
    expect(refused.shown).toContain("no passphrase was given");
    expect(refused.code).toBe(7);
  });
});
