import type { FileAccess } from "../../api/v1alpha1/file-access.ts";

/** By which ways the files are served. */
export interface AccessMethods {
  readonly ssh: boolean;
  readonly web: boolean;
}

/** The web browser when nothing was asked for. */
export function accessMethods(fileAccess: FileAccess | undefined): AccessMethods {
  const ssh = fileAccess?.ssh !== undefined;
  return { ssh, web: fileAccess?.fileBrowser !== undefined || !ssh };
}
