import { fileURLToPath } from "node:url";
import { ConfigError } from "../errors.ts";
import type { S3Options } from "./s3-options.ts";

/** Where a backup storage location is. */
export type StoreLocation =
  | { readonly kind: "directory"; readonly directory: string }
  | ({ readonly kind: "s3" } & S3Options);

const NOT_YET = new Map([
  ["azblob", "Azure Blob Storage"],
  ["gs", "Google Cloud Storage"],
]);

const S3_PARAMETERS = ["endpoint", "region", "pathStyle", "caFile", "insecureSkipTLSVerify", "profile"];

/**
 * Understands `file:///dir`, a plain path, and
 * `s3://bucket/prefix?endpoint=…&region=…&pathStyle=true&caFile=…&insecureSkipTLSVerify=true&profile=…`.
 * @throws ConfigError; its message never holds a password someone put into the URL.
 */
export function parseStoreUrl(text: string): StoreLocation {
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (scheme === undefined) {
    if (text === "") throw new ConfigError("the store's URL is empty");
    return { kind: "directory", directory: text };
  }
  const notYet = NOT_YET.get(scheme.toLowerCase());
  if (notYet !== undefined) throw new ConfigError(`${scheme}:// (${notYet}) is not supported by this version`);
  switch (scheme.toLowerCase()) {
    case "file":
      return { kind: "directory", directory: pathOf(text) };
    case "s3":
      return { kind: "s3", ...parseS3(text) };
    default:
      throw new ConfigError(`${scheme}:// is not a kind of store; use s3://bucket/prefix, file:///directory or a path`);
  }
}

function pathOf(text: string): string {
  try {
    return fileURLToPath(text);
  } catch (error) {
    throw new ConfigError("a file:// URL must be file:///absolute/path", { cause: error });
  }
}

function parseS3(text: string): S3Options {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw new ConfigError("the s3:// URL is not valid; it looks like s3://bucket/prefix?endpoint=…", { cause: error });
  }
  if (url.hostname === "") throw new ConfigError("the s3:// URL names no bucket");
  if (url.username !== "" || url.password !== "") {
    throw new ConfigError(
      "the s3:// URL must not hold credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile",
    );
  }
  const unknown = [...url.searchParams.keys()].find((name) => !S3_PARAMETERS.includes(name));
  if (unknown !== undefined) {
    throw new ConfigError(`the s3:// URL has the unknown parameter ${unknown}; known are ${S3_PARAMETERS.join(", ")}`);
  }
  const folder = decodePath(url.pathname).replace(/^\/+|\/+$/g, "");
  const parameter = (name: string) => url.searchParams.get(name) ?? undefined;
  return {
    bucket: url.hostname,
    prefix: folder === "" ? "" : `${folder}/`,
    ...present("endpoint", checkEndpoint(parameter("endpoint"))),
    ...present("region", parameter("region")),
    ...present("pathStyle", flag(url, "pathStyle")),
    ...present("caFile", parameter("caFile")),
    ...present("insecureSkipTLSVerify", flag(url, "insecureSkipTLSVerify")),
    ...present("profile", parameter("profile")),
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    throw new ConfigError("the path of the s3:// URL is not valid: write % as %25", { cause: error });
  }
}

function present<Name extends string, Value>(name: Name, value: Value | undefined): { [name in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { [name in Name]?: Value });
}

function flag(url: URL, name: string): boolean | undefined {
  const value = url.searchParams.get(name);
  if (value === null) return undefined;
  if (value !== "true" && value !== "false") throw new ConfigError(`${name} in the s3:// URL must be true or false`);
  return value === "true";
}

function checkEndpoint(endpoint: string | undefined): string | undefined {
  if (endpoint === undefined || /^https?:\/\/[^/@\s]+\/?/.test(endpoint)) return endpoint;
  throw new ConfigError("endpoint in the s3:// URL must be http://host[:port] or https://host[:port]");
}
