/** The writing half of the server: whole objects, parts and deletion, as Velero's plugin and Kopia use them. */
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { escapeXml } from "./s3-listing.ts";

/** More than any client here sends at once; they upload larger objects in parts. */
const MAX_BODY_BYTES = 128 * 1024 * 1024;
const UPLOADS = ".uploads";

/** Stores objects as files of `directory`; parts wait in a folder beside it until they are put together. */
export class S3Writer {
  readonly #directory: string;
  readonly #uploads: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#uploads = `${directory}${UPLOADS}`;
  }

  /** Answers PUT, POST and DELETE of the object `key`. */
  async answer(key: string, query: URLSearchParams, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const upload = query.get("uploadId");
    if (request.method === "DELETE") {
      if (upload === null) rmSync(this.#fileOf(key), { force: true });
      else rmSync(this.#partsOf(upload), { recursive: true, force: true });
      response.writeHead(204).end();
      return;
    }
    const body = await readBody(request);
    if (request.method === "PUT") {
      const part = query.get("partNumber");
      this.#store(upload === null || part === null ? this.#fileOf(key) : this.#partOf(upload, part), body);
      response.writeHead(200, { etag: ETAG, "content-length": 0 }).end();
    } else if (query.has("uploads")) {
      const id = randomUUID();
      mkdirSync(this.#partsOf(id), { recursive: true });
      answerXml(response, "InitiateMultipartUploadResult", key, `<UploadId>${id}</UploadId>`);
    } else if (upload !== null) {
      this.#complete(key, upload, body.toString());
      answerXml(response, "CompleteMultipartUploadResult", key, `<ETag>${escapeXml(ETAG)}</ETag>`);
    } else {
      response.writeHead(501).end();
    }
  }

  #complete(key: string, upload: string, list: string): void {
    const whole = this.#partOf(upload, "whole");
    writeFileSync(whole, "");
    for (const [, part] of list.matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)) {
      appendFileSync(whole, readFileSync(this.#partOf(upload, String(part))));
    }
    const file = this.#fileOf(key);
    mkdirSync(path.dirname(file), { recursive: true });
    renameSync(whole, file);
    rmSync(this.#partsOf(upload), { recursive: true });
  }

  /** Renamed into place, so that nobody ever reads half an object. */
  #store(file: string, body: Buffer): void {
    mkdirSync(path.dirname(file), { recursive: true });
    mkdirSync(this.#uploads, { recursive: true });
    const unfinished = path.join(this.#uploads, randomUUID());
    writeFileSync(unfinished, body);
    renameSync(unfinished, file);
  }

  #fileOf(key: string): string {
    return path.join(this.#directory, key);
  }

  #partsOf(upload: string): string {
    return path.join(this.#uploads, `parts-${path.basename(upload)}`);
  }

  #partOf(upload: string, part: string): string {
    return path.join(this.#partsOf(upload), path.basename(part));
  }
}

/** Nobody here compares entity tags; clients only want one. */
const ETAG = '"0"';

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Error("body too long");
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  const isChunked = String(request.headers["x-amz-content-sha256"]).startsWith("STREAMING-");
  return isChunked ? decodeAwsChunks(body) : body;
}

/** `aws-chunked`: each chunk is a hexadecimal size, extensions, CRLF, the data, CRLF; the chunk of size 0 ends the data. */
function decodeAwsChunks(body: Buffer): Buffer {
  const data: Buffer[] = [];
  let position = 0;
  for (;;) {
    const end = body.indexOf("\r\n", position);
    const size = Number.parseInt(body.toString("latin1", position, end), 16);
    if (end < 0 || !(size >= 0)) throw new Error("malformed aws-chunked body");
    if (size === 0) return Buffer.concat(data);
    data.push(body.subarray(end + 2, end + 2 + size));
    position = end + 2 + size + 2;
  }
}

function answerXml(response: ServerResponse, element: string, key: string, content: string): void {
  const xml = `<?xml version="1.0" encoding="UTF-8"?><${element}><Key>${escapeXml(key)}</Key>${content}</${element}>`;
  response.writeHead(200, { "content-type": "application/xml", "content-length": Buffer.byteLength(xml) }).end(xml);
}
