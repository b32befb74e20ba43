/** ListObjectsV2 over a folder. */
import { readdirSync, statSync } from "node:fs";
import path from "node:path";

export interface ListQuery {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  /** The last key or prefix of the page before, or where the client asked to begin. */
  readonly after: string | undefined;
  readonly pageSize: number;
}

/** The answer's XML. */
export function listObjects(directory: string, bucket: string, query: ListQuery): string {
  const rows: string[] = [];
  let next: string | undefined;
  let last: string | undefined;
  for (const key of sortedKeys(directory)) {
    if (!key.startsWith(query.prefix)) continue;
    const cut = query.delimiter === undefined ? -1 : key.indexOf(query.delimiter, query.prefix.length);
    const row = cut < 0 ? key : key.slice(0, cut + 1);
    if (row === last || (query.after !== undefined && Buffer.compare(Buffer.from(row), Buffer.from(query.after)) <= 0))
      continue;
    if (rows.length === query.pageSize) {
      next = last;
      break;
    }
    rows.push(
      cut < 0 ? contents(directory, key) : `<CommonPrefixes><Prefix>${escapeXml(row)}</Prefix></CommonPrefixes>`,
    );
    last = row;
  }
  const token =
    next === undefined
      ? ""
      : `<NextContinuationToken>${Buffer.from(next).toString("base64url")}</NextContinuationToken>`;
  return (
    `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
    `<Name>${escapeXml(bucket)}</Name><KeyCount>${rows.length}</KeyCount><MaxKeys>${query.pageSize}</MaxKeys>` +
    `<IsTruncated>${next !== undefined}</IsTruncated>${token}${rows.join("")}</ListBucketResult>`
  );
}

function sortedKeys(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(directory, path.join(entry.parentPath, entry.name)))
    .sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
}

function contents(directory: string, key: string): string {
  const { size, mtime } = statSync(path.join(directory, key));
  return `<Contents><Key>${escapeXml(key)}</Key><LastModified>${mtime.toISOString()}</LastModified><ETag>&quot;0&quot;</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
}

export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
