import { createReadStream, type Stats, statSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { isDue, type S3Faults } from "./s3-faults.ts";
import { escapeXml, listObjects } from "./s3-listing.ts";
import { S3Writer } from "./s3-writing.ts";
import { type ServerCredentials, verifySignature } from "./signature-v4.ts";
import type { TestCertificates } from "./test-certificates.ts";

export interface S3ServerOptions extends S3Faults {
  /** Its files are the bucket's objects; read at each request. */
  readonly directory: string;
  readonly bucket: string;
  /** Serves HTTPS with these. */
  readonly tls?: TestCertificates;
  readonly credentials?: ServerCredentials;
  /** Keys per page of a listing. */
  readonly pageSize?: number;
  /** Also takes PUT, DELETE and uploads in parts; read-only otherwise. */
  readonly writable?: boolean;
}

export interface S3Usage {
  requests: number;
  /** Bytes of bodies sent. */
  bytes: number;
}

export interface S3Server {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  readonly bucket: string;
  readonly credentials: ServerCredentials;
  readonly faults: S3Faults;
  readonly usage: S3Usage;
  close(): Promise<void>;
}

const DEFAULT_CREDENTIALS = { accessKeyId: "test-access-key", secretAccessKey: "test-secret-key" };
const DEFAULT_PAGE_SIZE = 1000;

/**
 * An S3 server on loopback, path-style, that verifies signatures and does wrong what `faults` says.
 * Counts what it serves.
 */
export async function startS3Server(options: S3ServerOptions): Promise<S3Server> {
  const {
    tls,
    credentials = DEFAULT_CREDENTIALS,
    bucket,
    directory,
    pageSize = DEFAULT_PAGE_SIZE,
    writable = false,
    ...faults
  } = options;
  const usage: S3Usage = { requests: 0, bytes: 0 };
  const writer = writable ? new S3Writer(directory) : undefined;
  const service = new S3Service({ directory, bucket, pageSize, credentials, faults, usage, writer });
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    service.answer(request, response).catch(() => response.destroy());
  };
  const server: Server =
    tls === undefined ? createHttpServer(handle) : createHttpsServer({ cert: tls.certificate, key: tls.key }, handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    bucket,
    credentials,
    faults,
    usage,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface ServiceOptions {
  readonly directory: string;
  readonly bucket: string;
  readonly pageSize: number;
  readonly credentials: ServerCredentials;
  readonly faults: S3Faults;
  readonly usage: S3Usage;
  readonly writer: S3Writer | undefined;
}

class S3Service {
  readonly #options: ServiceOptions;
  #gets = 0;

  constructor(options: ServiceOptions) {
    this.#options = options;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { faults, usage, bucket, credentials, writer } = this.#options;
    usage.requests++;
    const due = usage.requests;
    if (faults.silent === true) return;
    if (faults.latencyMs !== undefined) await sleep(faults.latencyMs);
    if (isDue(faults.busyEvery, due)) return fail(request, response, 503, "SlowDown");
    if (faults.expired === true) return fail(request, response, 400, "ExpiredToken");
    const denial = verifySignature(request, credentials);
    if (denial !== undefined) return fail(request, response, 403, denial);
    const url = new URL(request.url ?? "/", "http://server");
    const [, requested = "", ...names] = url.pathname.split("/").map(decodeURIComponent);
    const key = names.join("/");
    if (requested !== bucket) return fail(request, response, 404, "NoSuchBucket");
    if (names.includes("..")) return fail(request, response, 400, "InvalidArgument");
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead && (writer === undefined || key === "")) return fail(request, response, 405, "MethodNotAllowed");
    if (!isRead) return writer?.answer(key, url.searchParams, request, response);
    if (key === "" && url.searchParams.has("location")) return answerLocation(response);
    if (key === "") return this.#list(url.searchParams, response);
    if (faults.forbidden !== undefined && key.includes(faults.forbidden))
      return fail(request, response, 403, "AccessDenied");
    if (faults.archived !== undefined && key.includes(faults.archived))
      return fail(request, response, 403, "InvalidObjectState");
    await this.#object(key, request, response);
  }

  #list(parameters: URLSearchParams, response: ServerResponse): void {
    const { directory, bucket, pageSize } = this.#options;
    const token = parameters.get("continuation-token");
    const xml = listObjects(directory, bucket, {
      prefix: parameters.get("prefix") ?? "",
      delimiter: parameters.get("delimiter") ?? undefined,
      after: token === null ? (parameters.get("start-after") ?? undefined) : Buffer.from(token, "base64url").toString(),
      pageSize: Math.min(pageSize, Number(parameters.get("max-keys") ?? pageSize)),
    });
    response.writeHead(200, { "content-type": "application/xml", "content-length": Buffer.byteLength(xml) }).end(xml);
  }

  async #object(key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const file = path.join(this.#options.directory, key);
    const found = statFile(file);
    if (found === undefined) return fail(request, response, 404, "NoSuchKey");
    const range = parseRange(request.headers.range, found.size);
    if (range === undefined) return fail(request, response, 416, "InvalidRange");
    const length = range.end - range.start;
    const headers = {
      "content-length": length,
      "last-modified": found.mtime.toUTCString(),
      etag: '"0"',
      ...(range.partial ? { "content-range": `bytes ${range.start}-${range.end - 1}/${found.size}` } : {}),
    };
    response.writeHead(range.partial ? 206 : 200, headers);
    if (request.method === "HEAD" || length === 0) {
      response.end();
      return;
    }
    const body = createReadStream(file, { start: range.start, end: range.end - 1 });
    await pipeline(body, this.#spoiled(length), response);
  }

  /** Passes a body of `length` bytes on, counted, and cut or corrupted where that is due. */
  #spoiled(length: number): Transform {
    const { faults, usage } = this.#options;
    this.#gets++;
    const middle = Math.floor(length / 2);
    const cut = isDue(faults.cutEvery, this.#gets);
    const corrupt = isDue(faults.corruptEvery, this.#gets);
    let position = 0;
    return new Transform({
      transform(chunk: Buffer, _encoding, done) {
        const start = position;
        position += chunk.length;
        usage.bytes += chunk.length;
        if (corrupt && start <= middle && middle < position)
          chunk[middle - start] = (chunk[middle - start] as number) ^ 0x10;
        if (cut && position > middle) done(new Error("cut as asked"));
        else done(null, chunk);
      },
    });
  }
}

/** The empty constraint, which clients read as us-east-1. */
function answerLocation(response: ServerResponse): void {
  const xml = '<?xml version="1.0" encoding="UTF-8"?><LocationConstraint/>';
  response.writeHead(200, { "content-type": "application/xml", "content-length": xml.length }).end(xml);
}

function statFile(file: string): Stats | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found?.isFile() === true ? found : undefined;
}

/** Bytes `start` to `end - 1`; undefined when the range begins behind the object. */
function parseRange(
  header: string | undefined,
  size: number,
): { start: number; end: number; partial: boolean } | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined) return { start: 0, end: size, partial: false };
  const start = Number(first);
  if (start >= size) return undefined;
  return { start, end: last === "" ? size : Math.min(size, Number(last) + 1), partial: true };
}

function fail(request: IncomingMessage, response: ServerResponse, status: number, code: string): void {
  const xml = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${escapeXml(code)}</Code><Message>${escapeXml(code)}</Message></Error>`;
  response.writeHead(status, { "content-type": "application/xml", "content-length": Buffer.byteLength(xml) });
  response.end(request.method === "HEAD" ? undefined : xml);
}
