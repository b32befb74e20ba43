import type { S3Credentials } from "../../../object-store/s3-options.ts";

/**
 * A profile of an AWS shared credentials file; undefined when it has no such profile, or no keys in it (a role to
 * assume, say).
 */
export function parseSharedCredentials(text: string, profile = "default"): S3Credentials | undefined {
  const fields = new Map<string, string>();
  let section = "";
  for (const line of text.split(/\r?\n/)) {
    const [, heading] = /^\s*\[\s*(?:profile\s+)?([^\]]*?)\s*\]/.exec(line) ?? [];
    if (heading !== undefined) section = heading;
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section === profile && name !== undefined && value !== undefined) fields.set(name, value);
  }
  const accessKeyId = fields.get("aws_access_key_id");
  const secretAccessKey = fields.get("aws_secret_access_key");
  const sessionToken = fields.get("aws_session_token");
  if (!accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}
