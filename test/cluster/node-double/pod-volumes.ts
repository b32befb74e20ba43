import { chmodSync, chownSync, constants, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { V1KeyToPath, V1Volume, V1VolumeProjection } from "@kubernetes/client-node";
import { runTool } from "../../setup/run-tool.ts";
import type { KubernetesApi } from "../control-plane/kubernetes-api.ts";
import { type ConfigData, readConfigData } from "./config-data.ts";
import { fieldOf, type PodIdentity } from "./pod-objects.ts";
import { type PersistentVolume, type PersistentVolumeClaim, PVS } from "./storage-objects.ts";
import type { VolumeStore } from "./volume-store.ts";

/** A volume as the pod's containers get it. */
export type MountedVolume =
  | { readonly kind: "directory"; readonly path: string; readonly readOnly: boolean }
  | { readonly kind: "device"; readonly loopDevice: string };

/** The volumes of one pod, made as a kubelet makes them, and taken down when the pod ends. */
export class PodVolumes {
  readonly #api: KubernetesApi;
  readonly #store: VolumeStore;
  readonly #identity: PodIdentity;
  readonly #directory: string;
  readonly #mounted = new Map<string, MountedVolume>();

  /** @param directory the pod's own, for everything that lives no longer than it */
  constructor(api: KubernetesApi, store: VolumeStore, identity: PodIdentity, directory: string) {
    this.#api = api;
    this.#store = store;
    this.#identity = identity;
    this.#directory = directory;
  }

  /** May be called again after it failed, say for a Secret that comes later. */
  async mountAll(): Promise<void> {
    for (const volume of this.#identity.pod.spec.volumes ?? []) {
      if (!this.#mounted.has(volume.name)) this.#mounted.set(volume.name, await this.#mount(volume));
    }
  }

  get(name: string): MountedVolume {
    const volume = this.#mounted.get(name);
    if (volume === undefined) throw new Error(`the pod has no volume ${name}`);
    return volume;
  }

  async unmountAll(): Promise<void> {
    for (const volume of this.#mounted.values()) {
      if (volume.kind === "device") await runTool("losetup", ["--detach", volume.loopDevice]);
    }
    this.#mounted.clear();
  }

  async #mount(volume: V1Volume): Promise<MountedVolume> {
    const directory = path.join(this.#directory, "volumes", volume.name);
    if (volume.persistentVolumeClaim !== undefined) {
      const { claimName, readOnly = false } = volume.persistentVolumeClaim;
      return this.#mountClaim(claimName, readOnly);
    }
    mkdirSync(directory, { recursive: true });
    if (volume.emptyDir !== undefined) {
      chmodSync(directory, 0o777);
      this.#shareWithGroup(directory, 0o660);
      return { kind: "directory", path: directory, readOnly: false };
    }
    await this.#project(volume, directory);
    return { kind: "directory", path: directory, readOnly: true };
  }

  async #mountClaim(claimName: string, readOnly: boolean): Promise<MountedVolume> {
    const { namespace } = this.#identity.pod.metadata;
    const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${claimName}`;
    const claim = await this.#api.get<PersistentVolumeClaim>(path);
    const { spec } = await this.#api.get<PersistentVolume>(`${PVS}/${claim.spec.volumeName}`);
    if (spec.csi === undefined) throw new Error(`the volume of ${claimName} is not the node double's`);
    if (spec.volumeMode === "Block") {
      const options = ["--find", "--show", ...(readOnly ? ["--read-only"] : [])];
      const device = await runTool("losetup", [...options, this.#store.deviceOf(spec.csi.volumeHandle)]);
      return { kind: "device", loopDevice: device.trim() };
    }
    const content = this.#store.contentOf(spec.csi.volumeHandle);
    if (!readOnly) this.#shareWithGroup(content, 0o660);
    return { kind: "directory", path: content, readOnly };
  }

  /** Secrets, ConfigMaps, the downward API and tokens become files. */
  async #project(volume: V1Volume, directory: string): Promise<void> {
    const { secret, configMap, downwardAPI, projected } = volume;
    const sources: V1VolumeProjection[] = projected?.sources ?? [];
    let mode = projected?.defaultMode;
    if (secret !== undefined) {
      sources.push({ secret: { ...secret, name: String(secret.secretName) } });
      mode = secret.defaultMode;
    }
    if (configMap !== undefined) {
      sources.push({ configMap });
      mode = configMap.defaultMode;
    }
    if (downwardAPI !== undefined) {
      sources.push({ downwardAPI });
      mode = downwardAPI.defaultMode;
    }
    if (sources.length === 0) throw new Error(`the node double has no volumes of the kind of ${volume.name}`);
    for (const source of sources) await this.#projectSource(source, directory, mode ?? 0o644);
    this.#shareWithGroup(directory, 0o440);
  }

  async #projectSource(source: V1VolumeProjection, directory: string, mode: number): Promise<void> {
    const { secret, configMap, downwardAPI, serviceAccountToken } = source;
    const { namespace } = this.#identity.pod.metadata;
    const reference = secret ?? configMap;
    if (reference !== undefined) {
      const kind = secret === undefined ? "configmaps" : "secrets";
      const data = await readConfigData(this.#api, namespace, kind, String(reference.name), reference.optional);
      writeItems(directory, data, reference.items, mode, reference.optional === true);
    }
    for (const { path, fieldRef } of downwardAPI?.items ?? []) {
      if (fieldRef !== undefined) writeFile(directory, path, fieldOf(this.#identity, fieldRef.fieldPath), mode);
    }
    if (serviceAccountToken !== undefined) {
      const { audience, expirationSeconds, path } = serviceAccountToken;
      writeFile(directory, path, await this.#token(audience, expirationSeconds), mode);
    }
  }

  async #token(audience: string | undefined, expirationSeconds = 3600): Promise<string> {
    const { metadata, spec } = this.#identity.pod;
    const account = spec.serviceAccountName ?? "default";
    const path = `/api/v1/namespaces/${metadata.namespace}/serviceaccounts/${account}/token`;
    const { status } = await this.#api.create<{ status: { token: string } }>(path, {
      spec: {
        expirationSeconds,
        ...(audience === undefined ? {} : { audiences: [audience] }),
        boundObjectRef: { kind: "Pod", apiVersion: "v1", name: metadata.name, uid: metadata.uid },
      },
    });
    return status.token;
  }

  #shareWithGroup(directory: string, mask: number): void {
    const group = this.#identity.pod.spec.securityContext?.fsGroup;
    if (group !== undefined) shareWithGroup(directory, group, mask);
  }
}

/** What a kubelet does for `fsGroup`: the group owns everything, and is given the rights of `mask` beside those it has. */
function shareWithGroup(file: string, group: number, mask: number): void {
  const { mode, uid } = lstatSync(file);
  const type = mode & constants.S_IFMT;
  if (type === constants.S_IFLNK) return;
  chownSync(file, uid, group);
  chmodSync(file, (mode & 0o7777) | mask | (type === constants.S_IFDIR ? 0o2110 : 0));
  if (type !== constants.S_IFDIR) return;
  for (const name of readdirSync(file)) shareWithGroup(path.join(file, name), group, mask);
}

function writeItems(
  directory: string,
  data: ConfigData,
  items: V1KeyToPath[] | undefined,
  mode: number,
  optional: boolean,
): void {
  const wanted: V1KeyToPath[] = items ?? [...data.keys()].map((key) => ({ key, path: key }));
  for (const item of wanted) {
    const content = data.get(item.key);
    if (content !== undefined) writeFile(directory, item.path, content, item.mode ?? mode);
    else if (!optional) throw new Error(`references non-existent key: ${item.key}`);
  }
}

function writeFile(directory: string, name: string, content: string | Buffer, mode: number): void {
  const file = path.join(directory, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}
