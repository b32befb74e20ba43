/** What 7-Zip makes of a file system's image, as a listing: the second reader where the first one gives up. */
import { execFile } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import type { Listing } from "../listing/listing-entry.ts";
import { walkReference } from "../listing/reference-walk.ts";

/** Its exit code, and all it prints. */
function extract(image: string, format: string, directory: string): Promise<{ code: unknown; text: string }> {
  const options = { env: { ...process.env, LC_ALL: "C.UTF-8" } };
  return new Promise((resolve) => {
    execFile("7zz", ["x", `-t${format}`, "-y", `-o${directory}`, image], options, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, text: `${stdout}\n${stderr}` });
    });
  });
}

/**
 * Names, types, sizes and content of what it extracts; what it complains of is shown as refused.
 * @param format as 7-Zip calls it: `FAT`
 * @throws when it does not take the image for one
 */
export async function sevenZipListing(image: string, format: string): Promise<Listing> {
  const directory = `${image}.extracted`;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const { code, text } = await extract(image, format, directory);
  if (typeof code !== "number" || code > 2 || text.includes("Cannot open")) throw new Error(`7-Zip: ${text.trim()}`);
  const complaints = [...text.matchAll(/^ERROR: .* : (.+)$/gm)].map(([, name = ""]) =>
    Buffer.from(name).toString("hex"),
  );
  const listing = await walkReference(directory);
  return new Map(
    [...listing].map(([at, entry]) => [at, complaints.includes(at) ? { ...entry, contentError: "data error" } : entry]),
  );
}
