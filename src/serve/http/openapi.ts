/** The API for people and generators: OpenAPI 3.1, with the shapes of api-types.ts. */

const text = { type: "string" } as const;
const integer = { type: "integer" } as const;
const texts = { type: "array", items: text } as const;
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const list = (name: string) => ({ type: "array", items: ref(name) });
const json = (name: string, description: string) => ({
  description,
  content: { "application/json": { schema: ref(name) } },
});
const bytes = (description: string) => ({
  description,
  content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
});
const object = (required: Record<string, unknown>, optional: Record<string, unknown> = {}) => ({
  type: "object",
  required: Object.keys(required),
  properties: { ...required, ...optional },
});
const query = (name: string, schema: unknown, description: string) => ({ name, in: "query", schema, description });
const path = {
  name: "path",
  in: "path",
  required: true,
  schema: text,
  description: "Tree path; each octet of a name that is not plain ASCII percent-encoded, slashes as they are.",
} as const;
const errors = { default: json("Error", "What went wrong; the status says whose doing it is.") };
const operation = (summary: string, responses: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  summary,
  responses: { ...responses, ...errors },
  ...more,
});

const fileType = {
  type: "string",
  enum: ["file", "directory", "symlink", "fifo", "socket", "character-device", "block-device", "unknown"],
};

const entryName = {
  name: { ...text, description: "For display." },
  href: { ...text, description: "Percent-encoded raw name, one segment." },
  type: ref("FileType"),
};

const schemas = {
  FileType: fileType,
  Path: object({
    text: { ...text, description: "For display." },
    href: { ...text, description: "Percent-encoded raw path." },
  }),
  Entry: { oneOf: [ref("ReadableEntry"), ref("UnreadableEntry")] },
  ReadableEntry: object(
    {
      ...entryName,
      size: integer,
      mode: { ...integer, description: "Permission bits, 0 to 4095." },
      uid: integer,
      gid: integer,
      mtime: { ...text, format: "date-time", description: "UTC, with nanoseconds." },
      mtimeMs: integer,
      allocated: integer,
      links: integer,
    },
    {
      flags: texts,
      target: { ...text, description: "Symlinks: the target, for display." },
      targetType: { type: "string", enum: [...fileType.enum, "broken"] },
    },
  ),
  UnreadableEntry: object({ ...entryName, error: { ...text, description: "Why its metadata cannot be read." } }),
  EntryDetails: {
    allOf: [
      ref("Entry"),
      object(
        { path: ref("Path"), xattrs: { type: "array", items: object({ name: text, valueBase64: text }) } },
        { xattrsError: text },
      ),
    ],
  },
  Listing: object(
    { path: ref("Path"), stat: ref("Entry"), entries: list("Entry") },
    { next: { ...text, description: "Cursor of the next page; absent on the last." } },
  ),
  Login: object({ user: text, password: text }),
  Session: object({ user: text, version: text }, { expiresAt: { ...text, format: "date-time" } }),
  Inventory: object({ generatedAt: { ...text, format: "date-time" }, backups: list("Backup") }),
  Backup: object(
    { name: text, vm: object({ namespace: text, name: text }), disks: list("Disk") },
    { completedAt: { ...text, format: "date-time" } },
  ),
  Disk: object(
    {
      name: text,
      state: { type: "string", enum: ["not-opened", "available", "unavailable"] },
      path: text,
      fileSystems: list("FileSystem"),
      reasons: texts,
    },
    { size: integer, format: text, partitionTable: text, operatingSystem: ref("OperatingSystem") },
  ),
  OperatingSystem: object({ id: text, name: text }, { version: text, hostName: text }),
  FileSystem: object(
    {
      volume: text,
      type: text,
      size: integer,
      consistency: object({ state: text, detail: text }),
      warnings: texts,
      path: text,
    },
    { label: text, uuid: text },
  ),
  Error: object({ error: object({ kind: text, message: text }) }),
};

const paths = {
  "/api/v1/session": {
    get: operation("Who is logged in", { 200: json("Session", "The session.") }),
    post: operation(
      "Log in",
      { 204: { description: "The session's cookie is set." } },
      { security: [], requestBody: { required: true, content: { "application/json": { schema: ref("Login") } } } },
    ),
    delete: operation("Log out", { 204: { description: "The session has ended." } }),
  },
  "/api/v1/inventory": {
    get: operation("Backups, disks and file systems, and why something is not there", {
      200: json("Inventory", "The inventory."),
    }),
  },
  "/api/v1/tree/{path}": {
    get: operation(
      "One page of a directory, in disk order",
      { 200: json("Listing", "The page.") },
      {
        parameters: [
          path,
          query("after", text, "Cursor of the page before."),
          query("limit", { ...integer, minimum: 1, maximum: 5000, default: 1000 }, "Entries a page."),
        ],
      },
    ),
  },
  "/api/v1/stat/{path}": {
    get: operation(
      "One entry with its extended attributes; links are not followed",
      { 200: json("EntryDetails", "The entry.") },
      { parameters: [path] },
    ),
  },
  "/files/{path}": {
    get: operation(
      "A file's bytes; one range at a time, conditional requests honoured",
      {
        200: bytes("The whole file."),
        206: bytes("The range."),
        303: { description: "A directory: its page in the app. With `Accept: application/json` its listing instead." },
        304: { description: "The client's copy is the same." },
        416: json("Error", "The range lies beyond the end."),
      },
      { parameters: [path] },
    ),
  },
  "/archive/{path}": {
    get: operation(
      "A directory as an archive, streamed at once; a failure half-way cuts the connection",
      { 200: bytes("The archive.") },
      {
        parameters: [
          path,
          query(
            "format",
            { type: "string", enum: ["tar", "tar.gz", "tar.zst", "zip"], default: "tar.gz" },
            "The format.",
          ),
        ],
      },
    ),
  },
};

export function openApiDocument(version: string): object {
  return {
    openapi: "3.1.0",
    info: { title: "vmfr", version, description: "Files of VM backups, read-only." },
    security: [{ basic: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        basic: { type: "http", scheme: "basic" },
        session: { type: "apiKey", in: "cookie", name: "__Host-vmfr" },
      },
      schemas,
    },
  };
}
