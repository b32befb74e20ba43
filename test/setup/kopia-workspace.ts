import { spawn } from "node:child_process";
import { closeSync, copyFileSync, mkdirSync, openSync, readdirSync } from "node:fs";
import path from "node:path";
import { kopiaCli } from "./kopia-cli.ts";

/** Velero's password for every repository unless an administrator changed it. */
export const VELERO_PASSWORD = "static-passw0rd";

const IDENTITY = "default@default";

/** What `kopia snapshot create --json` prints, as far as tests look at it. */
export interface CreatedSnapshot {
  /** Manifest id, Velero's `snapshotHandle`. */
  readonly id: string;
  readonly rootEntry: { readonly obj: string };
}

export interface RunOptions {
  /** File that becomes standard input. */
  readonly stdin?: string;
}

/**
 * The real Kopia with a configuration, cache and log folder of its own, connected to one repository in
 * `<directory>/repository`. Repositories and snapshots are made the way Velero's data mover makes them.
 */
export class KopiaWorkspace {
  readonly directory: string;
  readonly password: string;
  readonly #binary: string;

  private constructor(directory: string, password: string, binary: string) {
    this.directory = directory;
    this.password = password;
    this.#binary = binary;
  }

  /** Creates the repository. `flags` go to `kopia repository create filesystem`, for other hashes, formats, splitters. */
  static async create(
    directory: string,
    flags: readonly string[] = [],
    password: string = VELERO_PASSWORD,
  ): Promise<KopiaWorkspace> {
    const workspace = new KopiaWorkspace(directory, password, await kopiaCli());
    mkdirSync(workspace.repository, { recursive: true });
    const identity = ["--override-hostname", "default", "--override-username", "default"];
    await workspace.run([
      "repository",
      "create",
      "filesystem",
      "--path",
      workspace.repository,
      "--flat",
      ...identity,
      ...flags,
    ]);
    await workspace.run(["policy", "set", "--global", "--compression", "none"]);
    return workspace;
  }

  get repository(): string {
    return path.join(this.directory, "repository");
  }

  /** Velero's source for the data of a PVC. */
  static sourceOf(namespace: string, persistentVolumeClaim: string): string {
    return `${IDENTITY}:snapshot-data-upload-download/kopia/${namespace}/${persistentVolumeClaim}`;
  }

  /** Runs the command line and returns its standard output; throws with its standard error when it fails. */
  run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const input = options.stdin === undefined ? "ignore" : openSync(options.stdin, "r");
    const child = spawn(this.#binary, args, {
      cwd: this.directory,
      stdio: [input, "pipe", "pipe"],
      env: {
        PATH: process.env["PATH"],
        HOME: this.directory,
        KOPIA_CONFIG_PATH: path.join(this.directory, "repository.config"),
        KOPIA_CACHE_DIRECTORY: path.join(this.directory, "cache"),
        KOPIA_LOG_DIR: path.join(this.directory, "logs"),
        KOPIA_PASSWORD: this.password,
        KOPIA_CHECK_FOR_UPDATES: "false",
      },
    });
    if (typeof input === "number") closeSync(input);
    return collectOutput(child, `kopia ${args.join(" ")}`);
  }

  /** A Filesystem-mode volume: `sourceDirectory` holds `disk.img`. `flags` go to `kopia snapshot create`. */
  async snapshotDirectory(
    sourceDirectory: string,
    source: string,
    flags: readonly string[] = [],
  ): Promise<CreatedSnapshot> {
    const created = await this.run([...snapshotCommand(sourceDirectory, source), ...flags]);
    return JSON.parse(created) as CreatedSnapshot;
  }

  /** A Block-mode volume: the bytes of `file`, streamed under the name Velero gives them (`/<DataUpload uid>`). */
  async snapshotBlockDevice(
    file: string,
    source: string,
    dataUploadUid: string,
    flags: readonly string[] = [],
  ): Promise<CreatedSnapshot> {
    const name = `/${dataUploadUid}`;
    const command = [...snapshotCommand(name, source), "--stdin-file", name, ...flags];
    return JSON.parse(await this.run(command, { stdin: file })) as CreatedSnapshot;
  }

  /**
   * Copies the repository to `directory` as a bucket holds it: Kopia's file-system storage appends `.f` to
   * every blob's name and adds `.shards`; buckets have neither.
   */
  copyAsBucket(directory: string): void {
    mkdirSync(directory, { recursive: true });
    for (const file of readdirSync(this.repository)) {
      if (!file.endsWith(".f")) continue;
      copyFileSync(path.join(this.repository, file), path.join(directory, file.slice(0, -2)));
    }
  }
}

function snapshotCommand(what: string, source: string): string[] {
  const description = ["--description", "Kopia Uploader", "--pin", "velero-pin", "--tags", "snapshot-uploader:kopia"];
  return ["snapshot", "create", what, "--override-source", source, ...description, "--json", "--no-progress"];
}

async function collectOutput(child: ReturnType<typeof spawn>, command: string): Promise<string> {
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => output.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => complaints.push(chunk));
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  if (code !== 0) throw new Error(`${command} failed (${String(code)}): ${Buffer.concat(complaints).toString()}`);
  return Buffer.concat(output).toString();
}
