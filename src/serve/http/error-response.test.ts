import { expect, test } from "vitest";
import {
  AccessError,
  ConfigError,
  CorruptDataError,
  LimitError,
  PathError,
  SourceError,
  UnsupportedFeatureError,
} from "../../errors.ts";
import { errorAnswer, errorPage, HttpError } from "./error-response.ts";

test.each([
  [new PathError("not-found", "/a"), 404, "not-found", "/a: no such file or directory"],
  [new PathError("not-a-directory", "/a"), 404, "path", "/a: not a directory"],
  [new PathError("invalid-path", "/a"), 400, "path", "/a: not a valid path"],
  [new PathError("not-a-file", "/a"), 422, "path", "/a: not a regular file"],
  [
    new CorruptDataError({ format: "ext4", structure: "inode 12" }, "bad checksum"),
    500,
    "corrupt-data",
    "ext4: inode 12: bad checksum",
  ],
  [new UnsupportedFeatureError("ext4", ["encrypt"]), 501, "unsupported-feature", "ext4: not supported: encrypt"],
  [new SourceError("gone", { retryable: true }), 502, "source", "gone"],
  [new LimitError("symlinks", 40, "path"), 422, "limit", "path: exceeds the limit of 40 (symlinks)"],
  [new ConfigError("no"), 500, "config", "no"],
  [new AccessError("refused"), 502, "access", "refused"],
  [new HttpError(421, "forbidden", "no"), 421, "forbidden", "no"],
  [new Error("secret"), 500, "internal", "the server failed unexpectedly; its log says how"],
])("%s", (error, status, kind, message) => {
  const answer = errorAnswer(error);
  expect([answer.status, answer.body]).toEqual([status, { error: { kind, message } }]);
});

test("names in messages stay text", () => {
  expect(errorPage(`<script>"'&`)).toContain("<p>&#60;script&#62;&#34;&#39;&#38;</p>");
});
