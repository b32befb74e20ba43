import path from "node:path";
import { API_SERVER_NAME } from "../control-plane/credentials.ts";
import type { Image } from "./image.ts";
import type { Container, Pod } from "./pod-objects.ts";
import type { PodVolumes } from "./pod-volumes.ts";

/** What a container's root file system is put together from. */
export interface ContainerRootPlan {
  readonly pod: Pod;
  readonly network: { readonly podIp: string; readonly gateway: string };
  readonly container: Container;
  readonly image: Image;
  readonly volumes: PodVolumes;
  /** Empty folder of the host that becomes the root. */
  readonly root: string;
  /** File of the host that becomes the termination log. */
  readonly terminationLog: string;
  /** Owner of block devices, as runtimes set it where device_ownership_from_security_context is on. */
  readonly deviceOwner: { readonly user: number; readonly group: number };
}

/**
 * A shell script that, in a mount namespace of its own, builds the container's root: a small writable one,
 * with the host's programs and libraries read-only, the image's files, the pod's volumes and devices.
 * It ends by running its own arguments in that root.
 */
export function containerRootScript(plan: ContainerRootPlan): string {
  const { root, container, pod, network } = plan;
  const at = (place: string) => quote(path.join(root, place));
  return [
    "set -e",
    // The environment is the container's already, and its PATH may lack the tools used here.
    "container_path=$PATH; PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    `mount -t tmpfs -o mode=755 tmpfs ${quote(root)}`,
    `cd ${quote(root)}`,
    "mkdir -p usr etc proc dev/shm tmp run var/tmp root sys",
    "chmod 1777 tmp var/tmp dev/shm",
    "mount --bind /usr usr && mount -o remount,bind,ro usr",
    "for name in bin sbin lib lib64; do ln -s usr/$name $name; done",
    "mount -t proc proc proc",
    deviceNodes(),
    "mkdir -p etc/ssl && mount --bind /etc/ssl etc/ssl && mount -o remount,bind,ro etc/ssl",
    "for file in ld.so.cache ld.so.conf nsswitch.conf alternatives; do cp -a /etc/$file etc/ 2>/dev/null || true; done",
    "echo root:x:0:0:root:/root:/bin/sh > etc/passwd; echo root:x:0: > etc/group",
    `printf '%s %s\\n' 127.0.0.1 localhost ${network.podIp} ${quote(pod.metadata.name)} ${network.gateway} ${API_SERVER_NAME} > etc/hosts`,
    `echo ${quote(pod.metadata.name.slice(0, 63))} > /proc/sys/kernel/hostname`,
    ...Object.entries(plan.image.files).map(([place, source]) => bind(source, at(place), true)),
    ...Object.entries(plan.image.links ?? {}).map(([place, target]) => link(target, at(place))),
    ...volumeMounts(plan),
    bind(plan.terminationLog, at(container.terminationMessagePath ?? "/dev/termination-log"), false),
    ...(container.securityContext?.readOnlyRootFilesystem === true ? ["mount -o remount,ro ."] : []),
    'PATH=$container_path; exec /usr/sbin/chroot . "$@"',
  ].join("\n");
}

function volumeMounts({ container, volumes, root, deviceOwner }: ContainerRootPlan): string[] {
  const at = (place: string) => quote(path.join(root, place));
  const mounts = (container.volumeMounts ?? []).map((mount) => {
    const volume = volumes.get(mount.name);
    if (volume.kind === "device") throw new Error(`${mount.name} is a block device, not a file system`);
    const source = path.join(volume.path, mount.subPath ?? "");
    return bind(source, at(mount.mountPath), volume.readOnly || mount.readOnly === true);
  });
  const devices = (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const volume = volumes.get(name);
    if (volume.kind !== "device") throw new Error(`${name} is a file system, not a block device`);
    const node = at(devicePath);
    const numbers = `$(stat -c '%Hr %Lr' ${volume.loopDevice})`;
    const { user, group } = deviceOwner;
    return `mkdir -p "$(dirname ${node})" && mknod -m 660 ${node} b ${numbers} && chown ${user}:${group} ${node}`;
  });
  return [...mounts, ...devices];
}

function bind(source: string, target: string, readOnly: boolean): string {
  const from = quote(source);
  const prepare = `if [ -d ${from} ]; then mkdir -p ${target}; else mkdir -p "$(dirname ${target})"; touch ${target}; fi`;
  const restrict = readOnly ? ` && mount -o remount,bind,ro ${target}` : "";
  return `${prepare}; mount --bind ${from} ${target}${restrict}`;
}

function link(target: string, place: string): string {
  return `mkdir -p "$(dirname ${place})" && ln -s ${quote(target)} ${place}`;
}

function deviceNodes(): string {
  const nodes = ["null 1 3", "zero 1 5", "full 1 7", "random 1 8", "urandom 1 9", "tty 5 0"];
  const made = nodes.map((node) => `mknod -m 666 dev/${node.replace(" ", " c ")}`);
  return [...made, "ln -s /proc/self/fd dev/fd"].join("\n");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
