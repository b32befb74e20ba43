/** AWS Signature Version 4 in the Authorization header or a presigned URL, as the specification describes it for Amazon S3. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

export interface ServerCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

const MAX_SKEW_MS = 15 * 60_000;

/** S3's error code when the request is not signed by the holder of the credentials, else undefined. */
export function verifySignature(request: IncomingMessage, credentials: ServerCredentials): string | undefined {
  const [, accessKeyId, date, region, signedHeaders, signature] =
    AUTHORIZATION.exec(request.headers.authorization ?? authorizationOfQuery(request)) ?? [];
  if (accessKeyId === undefined || !date || !region || !signedHeaders || !signature) return "AccessDenied";
  if (accessKeyId !== credentials.accessKeyId) return "InvalidAccessKeyId";
  const presigned = queryOf(request).get("X-Amz-Date");
  const time = presigned ?? headerOf(request, "x-amz-date");
  if (!time.startsWith(date) || Math.abs(Date.now() - parseTime(time)) > MAX_SKEW_MS) return "RequestTimeTooSkewed";
  const names = signedHeaders.split(";");
  if (!names.includes("host") || !(names.includes("x-amz-date") || presigned !== null)) return "AccessDenied";
  const scope = `${date}/${region}/s3/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonicalRequest(request, names))].join("\n");
  const signingKey = [date, region, "s3", "aws4_request"].reduce<Buffer | string>(
    (key, part) => hmac(key, part),
    `AWS4${credentials.secretAccessKey}`,
  );
  const expected = hmac(signingKey, toSign);
  return timingSafeEqual(expected, Buffer.from(signature, "hex")) ? undefined : "SignatureDoesNotMatch";
}

/** What a presigned URL says in its query, in the words of the Authorization header. */
function authorizationOfQuery(request: IncomingMessage): string {
  const value = (name: string) => queryOf(request).get(`X-Amz-${name}`) ?? "";
  const credential = `Credential=${value("Credential")}`;
  return `${value("Algorithm")} ${credential}, SignedHeaders=${value("SignedHeaders")}, Signature=${value("Signature")}`;
}

function queryOf(request: IncomingMessage): URLSearchParams {
  return new URLSearchParams((request.url ?? "").split("?", 2)[1] ?? "");
}

function canonicalRequest(request: IncomingMessage, names: readonly string[]): string {
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  const headers = names.map((name) => `${name}:${headerOf(request, name).trim().replace(/\s+/g, " ")}\n`).join("");
  const payload = headerOf(request, "x-amz-content-sha256") || "UNSIGNED-PAYLOAD";
  return [request.method, path, canonicalQuery(query), headers, names.join(";"), payload].join("\n");
}

function canonicalQuery(query: string): string {
  const pairs = [...new URLSearchParams(query.replaceAll("+", "%2B"))];
  return pairs
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join("&");
}

/** RFC 3986 unreserved characters stay as they are, and nothing else. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(",") : (value ?? "");
}

/** `20261123T183138Z` */
function parseTime(text: string): number {
  return Date.parse(text.replace(/^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/, "$1-$2-$3T$4:$5:$6Z"));
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
