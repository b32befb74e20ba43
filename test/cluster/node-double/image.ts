/** What stands for a container image: the host's `/usr`, read-only, and some files of ours. */
export interface Image {
  /** Used when the container has no command. */
  readonly entrypoint: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Unless the pod says otherwise. */
  readonly user?: number;
  /** Files and folders of the host by their place in the container; bound read-only. */
  readonly files: Readonly<Record<string, string>>;
  /** Symbolic links by their place. */
  readonly links?: Readonly<Record<string, string>>;
}

/** Images by the name pods call them. */
export type Images = ReadonlyMap<string, Image>;
