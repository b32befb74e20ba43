/** How an argument or a line of `--files-from` is cut into where the transfer starts and what it names; flist.c, send_file_list(). */
import { ConfigError } from "../../../errors.ts";

export interface SourceArgument {
  /** Directory the names in the transfer start from; may be relative or empty. */
  readonly directory: string;
  /** Name in the transfer. */
  readonly name: string;
  /** `dot`: what is in a directory; `slash`: a directory, even behind a symlink; else anything. */
  readonly kind: "plain" | "slash" | "dot";
}

/** @throws ConfigError for `..` in the part of a path that `-R` keeps. */
export function cutArgument(argument: string, isRelative: boolean): SourceArgument {
  return isRelative ? cutRelative(argument) : cutPlain(argument);
}

function cutPlain(argument: string): SourceArgument {
  let path = argument;
  if (path === "" || path.endsWith("/")) path = path === "./" ? "." : `${path}.`;
  else if (path === ".." || path.endsWith("/..")) path = `${path}/.`;
  const slash = path.lastIndexOf("/");
  const name = path.slice(slash + 1);
  const directory = slash === 0 ? "/" : path.slice(0, Math.max(0, slash));
  return { directory, name, kind: name === "." ? "dot" : "plain" };
}

function cutRelative(argument: string): SourceArgument {
  const marker = argument.indexOf("/./");
  const directory = marker === 0 ? "/" : argument.slice(0, Math.max(0, marker));
  const rest = marker < 0 ? argument : argument.slice(marker + 3).replace(/^\/+/, "");
  const isAbsolute = rest.startsWith("/");
  const hasSlash = /\/\.?$/.test(rest);
  const elements = rest.split("/").filter((element) => element !== "" && element !== ".");
  if (elements.includes("..")) throw new ConfigError(`rsync: found ".." in the path that -R keeps`);
  if (elements.length === 0) return { directory, name: isAbsolute ? "/." : ".", kind: "dot" };
  const name = `${isAbsolute ? "/" : ""}${elements.join("/")}`;
  return { directory, name, kind: hasSlash ? "slash" : "plain" };
}

/** A line of `--files-from`: no way up, nothing absolute. */
export function sanitizeListed(path: string): string {
  const isDotted = path.startsWith("./");
  const marker = path.includes("/./") ? path.indexOf("/./") : -1;
  if (marker >= 0) return `${sanitizeListed(path.slice(0, marker))}/./${sanitizeListed(path.slice(marker + 3))}`;
  const kept: string[] = [];
  for (const element of path.split("/")) {
    if (element === "" || element === ".") continue;
    if (element === "..") kept.pop();
    else kept.push(element);
  }
  const cleaned = kept.join("/");
  if (cleaned === "") return ".";
  return `${isDotted ? "./" : ""}${cleaned}${path.endsWith("/") ? "/" : ""}`;
}

/** A path without slashes at its ends. In one pass: an expression would try every run of slashes a client sends. */
export function trimSlashes(path: string): string {
  let start = 0;
  let end = path.length;
  while (start < end && path[start] === "/") start++;
  while (end > start && path[end - 1] === "/") end--;
  return path.slice(start, end);
}

/** The directories on the way to a name, outermost first. */
export function impliedDirectories(name: string): string[] {
  const directories: string[] = [];
  for (let slash = name.indexOf("/", 1); slash > 0; slash = name.indexOf("/", slash + 1)) {
    directories.push(name.slice(0, slash));
  }
  return directories;
}

/** rsync(1) "SYMBOLIC LINKS": absolute ones, and those that may lead out of the transfer. */
export function isUnsafeLink(target: string, name: string): boolean {
  if (target === "" || target.startsWith("/")) return true;
  const elements = target.split("/");
  const firstDown = elements.findIndex((element) => element !== ".." && element !== "");
  if (firstDown >= 0 && elements.slice(firstDown).includes("..")) return true;
  const depth = name.split("/").length - 1;
  return elements.filter((element) => element === "..").length > depth;
}
