import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runTool } from "../../setup/run-tool.ts";

export type VolumeMode = "Block" | "Filesystem";

/** The double's storage system: a volume is a folder that holds one disk image or the files of a file system. */
export class VolumeStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** A new volume of zeros, or an empty folder that anyone may write to, as a new file system's root. */
  create(handle: string, mode: VolumeMode, bytes: number): void {
    mkdirSync(this.#folderOf(handle), { recursive: true });
    if (mode === "Block") {
      writeFileSync(this.deviceOf(handle), "");
      truncateSync(this.deviceOf(handle), bytes);
    } else {
      mkdirSync(this.contentOf(handle), { mode: 0o777, recursive: true });
    }
  }

  /** What a snapshot, a restore of one and a clone are: all bytes, owners and modes, holes kept. */
  async copy(from: string, to: string): Promise<void> {
    const unfinished = `${this.#folderOf(to)}.unfinished`;
    await runTool("rm", ["-rf", unfinished, this.#folderOf(to)]);
    mkdirSync(this.#directory, { recursive: true });
    await runTool("cp", ["--archive", "--sparse=always", this.#folderOf(from), unfinished]);
    await runTool("mv", [unfinished, this.#folderOf(to)]);
  }

  /** Grows a device to `bytes`, when a copy was asked for with more room than its source. */
  grow(handle: string, bytes: number): void {
    truncateSync(this.deviceOf(handle), bytes);
  }

  remove(handle: string): void {
    rmSync(this.#folderOf(handle), { recursive: true, force: true });
  }

  /** The image behind a Block volume. */
  deviceOf(handle: string): string {
    return path.join(this.#folderOf(handle), "device.img");
  }

  /** The root of a Filesystem volume. */
  contentOf(handle: string): string {
    return path.join(this.#folderOf(handle), "content");
  }

  #folderOf(handle: string): string {
    return path.join(this.#directory, path.basename(handle));
  }
}
