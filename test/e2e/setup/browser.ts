import { type Browser, chromium } from "playwright-core";
import { requireDebianPackages } from "../../setup/debian-packages.ts";

/** Debian's Chromium, without what it would ask of the network on its own. */
export async function launchBrowser(): Promise<Browser> {
  await requireDebianPackages("chromium", "fonts-dejavu-core");
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
