import { expect, test } from "vitest";
import { ConfigError } from "../errors.ts";
import { parseStoreUrl } from "./store-url.ts";

test.each([
  ["/srv/backups", { kind: "directory", directory: "/srv/backups" }],
  ["backups", { kind: "directory", directory: "backups" }],
  ["file:///srv/a%20b", { kind: "directory", directory: "/srv/a b" }],
  ["s3://bucket", { kind: "s3", bucket: "bucket", prefix: "" }],
  ["s3://bucket/clusters/one/?region=eu-1", { kind: "s3", bucket: "bucket", prefix: "clusters/one/", region: "eu-1" }],
  [
    "s3://b/p?endpoint=https://minio:9000&pathStyle=true&caFile=/ca.pem&insecureSkipTLSVerify=false&profile=dr",
    {
      kind: "s3",
      bucket: "b",
      prefix: "p/",
      endpoint: "https://minio:9000",
      pathStyle: true,
      caFile: "/ca.pem",
      insecureSkipTLSVerify: false,
      profile: "dr",
    },
  ],
])("%s", (url, expected) => {
  expect(parseStoreUrl(url)).toEqual(expected);
});

test.each([
  ["", /empty/],
  ["azblob://container", /not supported by this version/],
  ["gs://bucket", /not supported by this version/],
  ["ftp://host/dir", /not a kind of store/],
  ["file://host/dir", /absolute/],
  ["s3://", /names no bucket|not valid/],
  ["s3://key:hidden@bucket/", /must not hold credentials/],
  ["s3://b?regoin=x", /unknown parameter regoin/],
  ["s3://b?pathStyle=yes", /true or false/],
  ["s3://b?endpoint=minio:9000", /http:\/\/host/],
  ["s3://b/%zz", /not valid/],
])("refused: %s", (url, message) => {
  expect(() => parseStoreUrl(url)).toThrow(ConfigError);
  expect(() => parseStoreUrl(url)).toThrow(message);
  expect(() => parseStoreUrl(url)).not.toThrow(/hidden/);
});
