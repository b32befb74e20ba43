/** `GET|HEAD /archive/<tree path>?format=…`: a directory as one stream, from the first entry on. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import {
  type ArchiveFormat,
  archiveContentType,
  archiveExtension,
  archiveKeeps,
  isArchiveFormat,
  writeArchive,
} from "../../archive/archive-format.ts";
import { ArchiveReport } from "../../archive/archive-report.ts";
import { nameFromText, nameKey, splitPath } from "../../bytes/byte-name.ts";
import { ConfigError } from "../../errors.ts";
import { archiveEntries } from "../../restore-tree/archive-entries.ts";
import { recordTransfer } from "./audit.ts";
import { attachment } from "./content-disposition.ts";
import { encodedTreePath, type HttpContext, type ServerContext } from "./context.ts";
import { HttpError } from "./error-response.ts";
import { decodePath } from "./request-path.ts";
import { commonHeaders, GUEST_POLICY } from "./security-headers.ts";
import { sendStream } from "./send-stream.ts";

export async function archiveRoute(server: ServerContext, c: HttpContext, signal: AbortSignal): Promise<Response> {
  const format = parseFormat(c.get("target").query.get("format") ?? "tar.gz");
  const node = await server.tree.resolve(decodePath(encodedTreePath(c, "/archive")), { signal });
  const names = splitPath(node.path);
  const name = names.at(-1);
  const headers = {
    ...commonHeaders(c.req.header("host")),
    "Content-Security-Policy": GUEST_POLICY,
    "Cache-Control": "private, no-store",
    "Content-Type": archiveContentType(format),
    "Content-Disposition": attachment(archiveName(names, format)),
  };
  const report = new ArchiveReport();
  const options = { ...archiveKeeps(format), report, signal };
  const entries = archiveEntries(node, name === undefined ? options : { ...options, name });
  const body = startArchive(format, entries, report);
  if (c.req.method === "HEAD") return new Response(null, { headers });
  const transfer = recordTransfer(server.logger, c, "archive", node.path);
  transfer.ended(await sendStream(c.env.outgoing, { status: 200, headers }, body, signal));
  if (report.count > 0) server.logger.warn({ problems: report.count }, "archive: some entries could not be read");
  return RESPONSE_ALREADY_SENT;
}

function startArchive(...parameters: Parameters<typeof writeArchive>): AsyncIterable<Uint8Array> {
  try {
    return writeArchive(...parameters);
  } catch (error) {
    if (error instanceof ConfigError) throw new HttpError(501, "unsupported-feature", error.message);
    throw error;
  }
}

function parseFormat(text: string): ArchiveFormat {
  if (isArchiveFormat(text)) return text;
  throw new HttpError(400, "bad-request", "format must be tar, tar.gz, tar.zst or zip");
}

/** `etc-nightly-1.tar.gz`: the directory's name and, below `/backups` or `/restores`, its backup's. */
export function archiveName(names: readonly Uint8Array[], format: ArchiveFormat): Uint8Array {
  const top = nameKey(names[0] ?? new Uint8Array());
  const backup = top === "backups" ? names[1] : top === "restores" ? names[2] : undefined;
  const directory = names.at(-1) ?? nameFromText("files");
  const parts = backup === undefined || backup === directory ? [directory] : [directory, nameFromText("-"), backup];
  return Buffer.concat([...parts, nameFromText(archiveExtension(format))]);
}
