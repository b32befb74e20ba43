/** Puts the file systems of a guest on the directories its fstab, or its drive letters, name. */
import { displayName, splitPath } from "../bytes/byte-name.ts";
import type { Guest } from "../disk/guest/find-guest.ts";
import { describeError, PathError } from "../errors.ts";
import { GuestNode } from "./guest-node.ts";
import { GuestView, type GuestVolume } from "./guest-view.ts";
import { type ResolverLimits, resolvePath } from "./path-resolver.ts";
import { VirtualDirectory } from "./virtual-node.ts";

/**
 * Outer mounts before inner ones, as the guest does. A mount point that does not exist costs that mount only:
 * the sentence goes to `reasons`, and the file system is still there by itself.
 */
export async function placeMounts(
  guest: Guest,
  volumes: readonly GuestVolume[],
  limits: ResolverLimits,
  reasons: string[],
): Promise<GuestView | undefined> {
  const volumeOf = new Map(volumes.map((volume) => [volume.fileSystem, volume]));
  const [first] = volumes;
  if (guest.root === undefined || first === undefined) return undefined;
  // What holds a guest's drives is no volume of the disk.
  const root = volumeOf.get(guest.root) ?? { fileSystem: guest.root, key: `${first.key}.drives` };
  const drives = [...(guest.drives ?? [])].flatMap(([letter, fileSystem]) => {
    const volume = volumeOf.get(fileSystem);
    return volume === undefined ? [] : [[letter, volume] as const];
  });
  const view = new GuestView(root, guest.drives === undefined ? undefined : new Map(drives));
  const depth = ({ path }: { path: Uint8Array }): number => splitPath(path).length;
  for (const { path, fileSystem } of [...guest.mounts].sort((left, right) => depth(left) - depth(right))) {
    const volume = volumeOf.get(fileSystem);
    if (volume === undefined) continue;
    try {
      await placeMount(view, path, volume, limits);
    } catch (error) {
      reasons.push(`not mounted on ${displayName(path)} as the guest does: ${describeError(error)}`);
    }
  }
  return view;
}

async function placeMount(
  view: GuestView,
  path: Uint8Array,
  volume: GuestVolume,
  limits: ResolverLimits,
): Promise<void> {
  const nowhere = new VirtualDirectory({ name: Uint8Array.of(), modified: new Date(0) }, []);
  const guestRoot = GuestNode.root(nowhere, Uint8Array.of(), view);
  const directory = await resolvePath(guestRoot, path, limits);
  if (!(directory instanceof GuestNode) || directory.type !== "directory") {
    throw new PathError("not-a-directory", displayName(path));
  }
  view.mount(directory.location.volume, directory.location.node, volume);
}
