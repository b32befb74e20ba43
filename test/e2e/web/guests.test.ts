import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeLinuxDisk } from "../../oracle/guest/linux-disk.ts";
import { makeWindowsDisk } from "../../oracle/guest/windows-disk.ts";
import { requireDebianPackages } from "../../setup/debian-packages.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { launchBrowser } from "../setup/browser.ts";
import { startServer } from "../setup/vmfr.ts";

let browser: Browser;

beforeAll(async () => {
  await requireDebianPackages("ntfs-3g", "fuse3", "mount", "python3-hivex", "fdisk", "dosfstools", "mtools", "attr");
  browser = await launchBrowser();
}, 120_000);

afterAll(() => browser?.close());

test("a Windows and a Linux disk: each as one tree, volume by volume, and with its system's name", async () => {
  const windows = await makeWindowsDisk(scratchDirectory(), "mbr");
  const linux = makeLinuxDisk(scratchDirectory());
  const server = await startServer(["--disk", `windows=${windows.image}`, "--disk", `linux=${linux.image}`]);
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  page.setDefaultTimeout(20_000);
  try {
    const { url, user, password } = server.https;
    await page.goto(url);
    await page.getByLabel("User", { exact: false }).first().fill(user);
    await page.locator("input[type=password]").fill(password);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("link", { name: "windows", exact: true }).waitFor();
    const expectRows = async (at: string, names: readonly string[]) => {
      await page.goto(`${url}/browse${at}`);
      for (const name of names) await page.getByRole("row").getByText(name, { exact: true }).waitFor();
    };
    await expectRows("/windows", ["C", "D"]);
    await expectRows("/windows/C/Users/ann", ["Documents", "Archive", "report.txt"]);
    await expectRows("/windows.volumes", ["1-System Reserved", "2-C", "3-Daten"]);
    await expectRows("/linux/boot/efi", ["EFI"]);
    await expectRows("/linux.volumes", ["1-ESP", "2-ext4", "3-root"]);
    await page.goto(url);
    await page.getByText("Windows Server 2022 Standard").waitFor();
    await page.getByText("Debian GNU/Linux 12 (bookworm)").waitFor();
  } finally {
    await page.close();
    expect(await server.stop()).toBe(0);
  }
}, 120_000);
