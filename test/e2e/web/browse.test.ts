import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import type { Browser, Download, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { resultsDirectory } from "../../setup/tally.ts";
import { launchBrowser } from "../setup/browser.ts";
import { example, type Server, startServer, vmfr } from "../setup/vmfr.ts";

const BACKUP = "web-1-2026-11-18";
const DISK = "web-1-root";
const PICTURE = path.resolve(import.meta.dirname, "../../../docs/images/browser.png");

let server: Server;
let browser: Browser;
let page: Page;
/** What the page complained about: a refused script or style shows here and nowhere else. */
let complaints: string[];

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(example), launchBrowser()]);
});

afterAll(async () => {
  await browser?.close();
  expect(await server?.stop()).toBe(0);
});

beforeEach(async () => {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1360, height: 800 },
    locale: "en-GB",
    timezoneId: "UTC",
  });
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
  complaints = [];
  page.on("console", (message) => {
    // Asking whether there is a session is how the app finds out that there is none.
    if (message.type() === "error" && !message.text().includes("401")) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
});

afterEach(async () => {
  await page.context().close();
});

async function logIn(): Promise<void> {
  await page.goto(server.https.url);
  await page.getByLabel("User", { exact: false }).first().fill(server.https.user);
  await page.locator("input[type=password]").fill(server.https.password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("heading", { name: "Backups of demo/web-1" }).waitFor();
}

async function openDisk(): Promise<void> {
  await page.getByRole("region", { name: BACKUP }).getByRole("link", { name: DISK }).click();
  await row("etc").waitFor();
}

const row = (name: string) => page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });

async function expectAccessible(): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}

async function bytesOf(download: Download): Promise<Buffer> {
  return readFileSync(await download.path());
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("a wrong password is refused in words, the right one shows the backups", async () => {
  await page.goto(server.https.url);
  await page.getByLabel("User", { exact: false }).first().fill("oadp");
  await page.locator("input[type=password]").fill("wrong");
  await expectAccessible();
  await page.getByRole("button", { name: "Log in" }).click();
  await page
    .getByText(/wrong|refused|incorrect|do not match/i)
    .first()
    .waitFor();
  await logIn();
  for (const day of [16, 17, 18]) await page.getByRole("heading", { name: `web-1-2026-11-${day}` }).waitFor();
  await expectAccessible();
});

test("from a backup to a file: list, preview a text, download it", async () => {
  await logIn();
  await openDisk();
  await row("etc").click();
  await row("nginx").click();
  await row("nginx.conf").click();
  await page.getByText("worker_processes").waitFor();
  await expectAccessible();
  mkdirSync(resultsDirectory, { recursive: true });
  const picture = path.join(resultsDirectory, "browser.png");
  await page.screenshot({ path: picture });
  if (process.env["VMFR_UPDATE_PICTURE"] !== undefined) {
    mkdirSync(path.dirname(PICTURE), { recursive: true });
    copyFileSync(picture, PICTURE);
  }

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download", exact: true }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("nginx.conf");
  const expected = await vmfr(["cat", ...example, `/backups/${BACKUP}/${DISK}/etc/nginx/nginx.conf`]);
  expect(sha256(await bytesOf(download))).toBe(sha256(expected.stdout));
  expect(complaints).toEqual([]);
});

test("an image is shown", async () => {
  await logIn();
  await page.goto(`${server.https.url}/browse/backups/${BACKUP}/${DISK}/srv/www`);
  await row("logo.png").click();
  await page.getByText(/\d+ × \d+ pixels/).waitFor();
  expect(complaints).toEqual([]);
});

test("a folder arrives as it is in the backup", async () => {
  await logIn();
  await page.goto(`${server.https.url}/browse/backups/${BACKUP}/${DISK}/etc`);
  await page.getByRole("button", { name: "Download folder" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: /^tar\.gz/ }).click(),
  ]);
  const scratch = scratchDirectory();
  mkdirSync(path.join(scratch, "browser"));
  execFileSync("tar", ["-xzf", await download.path(), "-C", path.join(scratch, "browser")]);
  const copied = await vmfr(["get", ...example, `/backups/${BACKUP}/${DISK}/etc`, "-o", path.join(scratch, "etc")]);
  expect(copied.stderr).toBe("");
  execFileSync("diff", [
    "--recursive",
    "--no-dereference",
    path.join(scratch, "browser/etc"),
    path.join(scratch, "etc"),
  ]);
});

test("the keyboard alone leads into a directory and back", async () => {
  await logIn();
  await openDisk();
  await page.getByRole("grid").focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.getByRole("row").nth(1).waitFor();
  await page.getByRole("grid").focus();
  await page.keyboard.press("Backspace");
  await row("etc").waitFor();
});

test("the same folder in another backup is one choice away", async () => {
  await logIn();
  await page.goto(`${server.https.url}/browse/backups/${BACKUP}/${DISK}/etc/nginx`);
  await page.getByRole("button", { name: BACKUP }).click();
  await page.getByRole("option", { name: /web-1-2026-11-16/ }).click();
  await page.waitForURL(`**/browse/backups/web-1-2026-11-16/${DISK}/etc/nginx`);
  await row("nginx.conf").waitFor();
});

test("without a login there is nothing but the login", async () => {
  await page.goto(`${server.https.url}/browse/backups`);
  await page.getByRole("button", { name: "Log in" }).waitFor();
  expect(await page.getByRole("row").count()).toBe(0);
});
