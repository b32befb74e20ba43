/** `GET|HEAD /files/<tree path>`: a guest file's bytes, exactly, or an error. */
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { displayName, splitPath } from "../../bytes/byte-name.ts";
import { PathError, SourceError } from "../../errors.ts";
import type { TreeNode, TreeStat } from "../../restore-tree/tree-node.ts";
import type { ByteSource } from "../../source/byte-source.ts";
import { readChunks } from "../../source/read-chunks.ts";
import { recordTransfer } from "./audit.ts";
import { type ByteRange, parseRange } from "./byte-range.ts";
import { attachment } from "./content-disposition.ts";
import { encodedTreePath, type HttpContext, isNavigation, type ServerContext } from "./context.ts";
import { HttpError } from "./error-response.ts";
import { listPage, parsePageRequest } from "./listing.ts";
import { mediaTypeOf } from "./media-type.ts";
import { decodePath, encodePath } from "./request-path.ts";
import { commonHeaders, GUEST_POLICY } from "./security-headers.ts";
import { sendStream } from "./send-stream.ts";
import { isNotModified, isRangeCurrent, type Validators, validatorsOf } from "./validators.ts";

/** Big enough for TLS and disks to run at full speed, small enough for many downloads at once. */
const CHUNK_SIZE = 512 * 1024;

export async function fileRoute(server: ServerContext, c: HttpContext, signal: AbortSignal): Promise<Response> {
  const node = await server.tree.resolve(decodePath(encodedTreePath(c, "/files")), { signal });
  if (node.type === "directory") return await directoryAnswer(server, c, node, signal);
  if (node.type !== "file") throw new PathError("not-a-file", displayName(node.path), `it is a ${node.type}`);
  return await fileAnswer(server, c, node, signal);
}

async function directoryAnswer(
  server: ServerContext,
  c: HttpContext,
  node: TreeNode,
  signal: AbortSignal,
): Promise<Response> {
  const wantsJson = (c.req.header("accept") ?? "").includes("application/json");
  if (wantsJson) return c.json(await listPage(server.tree, node, parsePageRequest(c.get("target").query), signal));
  const path = displayName(node.path);
  if (isNavigation(c)) return c.redirect(`/browse${encodePath(node.path)}`, 303);
  c.header("Location", `/browse${encodePath(node.path)}`);
  return c.text(
    `${path} is a directory: ask with "Accept: application/json", or for /archive${encodePath(node.path)}\n`,
    303,
  );
}

async function fileAnswer(
  server: ServerContext,
  c: HttpContext,
  node: TreeNode,
  signal: AbortSignal,
): Promise<Response> {
  const stat = await node.stat(signal);
  const validators = validatorsOf(stat);
  const headers = fileHeaders(c, node, validators);
  const conditions = { ifNoneMatch: c.req.header("if-none-match"), ifModifiedSince: c.req.header("if-modified-since") };
  if (isNotModified(conditions, validators)) return new Response(null, { status: 304, headers });
  const head = c.req.method === "HEAD";
  const range = head ? "whole" : requestedRange(c, stat, validators);
  if (range === "unsatisfiable") {
    throw new HttpError(416, "bad-request", `the file has ${stat.size} bytes`, {
      "Content-Range": `bytes */${stat.size}`,
    });
  }
  if (head) return new Response(null, { headers: { ...headers, "Content-Length": String(stat.size) } });
  const source = await node.open(signal);
  try {
    // METADATA.json changes as disks are opened; two answers to "how long is it" would make a Content-Length that lies.
    if (source.size !== stat.size) {
      throw new SourceError(`${displayName(node.path)}: changed while it was opened`, { retryable: true });
    }
    return await sendFile(server, c, { node, stat, source, range, headers, signal });
  } finally {
    await source.close();
  }
}

interface FileToSend {
  readonly node: TreeNode;
  readonly stat: TreeStat;
  readonly source: ByteSource;
  readonly range: ByteRange | "whole";
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

async function sendFile(server: ServerContext, c: HttpContext, file: FileToSend): Promise<Response> {
  const { source, range, signal } = file;
  const { size } = source;
  const { offset, length } = range === "whole" ? { offset: 0, length: size } : range;
  const partial = range === "whole" ? {} : { "Content-Range": `bytes ${offset}-${offset + length - 1}/${size}` };
  const head = {
    status: range === "whole" ? 200 : 206,
    headers: { ...file.headers, ...partial, "Content-Length": length },
  };
  const transfer = recordTransfer(server.logger, c, "file read", file.node.path);
  const body = readChunks(source, offset, offset + length, { chunkSize: CHUNK_SIZE, inFlight: 2, signal });
  transfer.ended(await sendStream(c.env.outgoing, head, body, signal));
  return RESPONSE_ALREADY_SENT;
}

function requestedRange(c: HttpContext, stat: TreeStat, validators: Validators): ByteRange | "whole" | "unsatisfiable" {
  if (!isRangeCurrent(c.req.header("if-range"), validators)) return "whole";
  return parseRange(c.req.header("range"), stat.size);
}

function fileHeaders(c: HttpContext, node: TreeNode, validators: Validators): Record<string, string> {
  const name = splitPath(node.path).at(-1) ?? new Uint8Array();
  return {
    ...commonHeaders(c.req.header("host")),
    "Content-Security-Policy": GUEST_POLICY,
    "Cache-Control": "private, no-store",
    "Content-Type": mediaTypeOf(name),
    "Content-Disposition": attachment(name),
    "Accept-Ranges": "bytes",
    ETag: validators.etag,
    "Last-Modified": validators.lastModified,
  };
}
