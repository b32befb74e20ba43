import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "./cache-directory.ts";
import { withLock } from "./debian-packages.ts";

const execute = promisify(execFile);

/** A command of a pinned Go module. */
export interface GoCommand {
  /** Folder of the go.mod and go.sum that pin the command and everything it is built from. */
  readonly moduleDirectory: string;
  /** Import path of the command's package. */
  readonly package: string;
  /** The binary's file name. */
  readonly name: string;
  /** String variables to set when linking, as releases set their versions: `package.variable` to value. */
  readonly variables?: Readonly<Record<string, string>>;
}

/**
 * Path of the command's binary: built once with the Go toolchain and kept in the cache outside the
 * checkout, keyed by the pins, so that a changed pin builds anew. Safe to call from parallel processes.
 */
export async function goBinary(command: GoCommand): Promise<string> {
  const directory = cacheDirectory("go", command.name, pinsOf(command), `${process.platform}-${process.arch}`);
  const binary = path.join(directory, command.name);
  if (existsSync(binary)) return binary;
  await withLock(path.join(directory, "build.lock"), async () => {
    if (!existsSync(binary)) await build(command, binary);
  });
  return binary;
}

/** The folder of a module's source, downloaded when missing, for files that come with it such as CRDs. */
export async function goModuleSource(moduleDirectory: string, module: string): Promise<string> {
  const { stdout } = await go(moduleDirectory, ["mod", "download", "-json", module]);
  return (JSON.parse(stdout) as { Dir: string }).Dir;
}

function pinsOf({ moduleDirectory, variables = {} }: GoCommand): string {
  const hash = createHash("sha256");
  for (const file of ["go.mod", "go.sum"]) hash.update(readFileSync(path.join(moduleDirectory, file)));
  return hash.update(JSON.stringify(variables)).digest("hex").slice(0, 16);
}

async function build(command: GoCommand, binary: string): Promise<void> {
  const unfinished = `${binary}.unfinished`;
  const variables = Object.entries(command.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  const linker = ["-s", "-w", ...variables].join(" ");
  try {
    await go(command.moduleDirectory, ["build", "-ldflags", linker, "-o", unfinished, command.package]);
  } catch (error) {
    throw new Error(`building ${command.name} with "go build ${command.package}" failed`, { cause: error });
  }
  // Renamed into place, so that an interrupted build never looks like a finished one.
  renameSync(unfinished, binary);
}

async function go(moduleDirectory: string, args: readonly string[]): Promise<{ stdout: string }> {
  const environment = { CGO_ENABLED: "0", GOFLAGS: "-trimpath -mod=readonly -buildvcs=false", GOWORK: "off" };
  try {
    return await execute("go", args, {
      cwd: moduleDirectory,
      env: { ...process.env, ...environment },
      maxBuffer: 64 * 1024 * 1024,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error("the Go toolchain (1.26 or later) is missing; it builds the real programs these tests run against");
  }
}
