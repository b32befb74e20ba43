/**
 * The resources around one VM, collected from a backup's tarball in a single pass. Members are
 * `resources/<resource>[.<group>]/namespaces/<namespace>/<name>.json`; the same bytes stand again below
 * `<version>-preferredversion/`, which is skipped (velero: pkg/archive/parser.go).
 */
import { z } from "zod";
import type { Limits } from "../bytes/limits.ts";
import { CorruptDataError, LimitError } from "../errors.ts";
import { optional, parseJson, stringMap } from "./backup-object-reader.ts";
import { readTar, type TarMember } from "./tar-reader.ts";
import {
  type VirtualMachine,
  type VirtualMachineInstance,
  virtualMachineInstanceSchema,
  virtualMachineSchema,
} from "./virtual-machine.ts";

const text = optional(z.string());

const persistentVolumeClaimSchema = z.object({
  metadata: z.object({ name: z.string(), uid: text, labels: stringMap, annotations: stringMap }),
  spec: z.object({
    volumeMode: z
      .enum(["Filesystem", "Block"])
      .nullish()
      .transform((value) => value ?? "Filesystem"),
    storageClassName: text,
    resources: optional(z.object({ requests: optional(z.object({ storage: text })) })),
  }),
  status: optional(z.object({ capacity: optional(z.object({ storage: text })) })),
});
export type PersistentVolumeClaim = z.output<typeof persistentVolumeClaimSchema>;

/** velero: pkg/apis/velero/v2alpha1/data_upload_types.go */
const dataUploadSchema = z.object({
  metadata: z.object({ labels: stringMap }),
  spec: z.object({ sourcePVC: z.string(), sourceNamespace: z.string(), datamover: text }),
  status: optional(z.object({ phase: text, snapshotID: text, message: text })),
});
export type DataUpload = z.output<typeof dataUploadSchema>;

const podSchema = z.object({
  metadata: z.object({ name: z.string(), labels: stringMap, annotations: stringMap }),
});
type Pod = z.output<typeof podSchema>;

export interface VmReference {
  readonly namespace: string;
  readonly name: string;
}

export interface VmResources {
  /** Undefined when the backup does not hold the VM. */
  readonly machine?: VirtualMachine;
  /** Present when the VM was running. */
  readonly instance?: VirtualMachineInstance;
  readonly launcherPod?: Pod;
  /** Of the VM's namespace, by name. */
  readonly claims: ReadonlyMap<string, PersistentVolumeClaim>;
  /** Of PVCs of the VM's namespace. */
  readonly dataUploads: readonly DataUpload[];
  /** Members that could not be used, each a sentence. */
  readonly warnings: readonly string[];
}

/**
 * @throws CorruptDataError when the archive itself or the VM's own description is damaged; any other damaged
 *         member becomes a warning.
 */
export async function collectVmResources(
  tarball: AsyncIterable<Uint8Array>,
  vm: VmReference,
  limits: Limits,
): Promise<VmResources> {
  const collector = new Collector(vm);
  let kept = 0;
  const wants = (path: string) => collector.wants(path);
  for await (const member of readTar(tarball, { wants, limits })) {
    kept += member.content?.length ?? 0;
    if (kept > limits.tarballKept) throw new LimitError("tarballKept", limits.tarballKept, "backup tarball");
    collector.add(member);
  }
  return collector.resources();
}

class Collector {
  readonly #vm: VmReference;
  readonly #machinePath: string;
  readonly #instancePath: string;
  readonly #claimPrefix: string;
  readonly #podPrefix: string;
  readonly #claims = new Map<string, PersistentVolumeClaim>();
  readonly #dataUploads: DataUpload[] = [];
  readonly #warnings: string[] = [];
  #machine: VirtualMachine | undefined;
  #instance: VirtualMachineInstance | undefined;
  #launcherPod: Pod | undefined;

  constructor(vm: VmReference) {
    this.#vm = vm;
    this.#machinePath = `resources/virtualmachines.kubevirt.io/namespaces/${vm.namespace}/${vm.name}.json`;
    this.#instancePath = `resources/virtualmachineinstances.kubevirt.io/namespaces/${vm.namespace}/${vm.name}.json`;
    this.#claimPrefix = `resources/persistentvolumeclaims/namespaces/${vm.namespace}/`;
    this.#podPrefix = `resources/pods/namespaces/${vm.namespace}/virt-launcher-`;
  }

  wants(path: string): boolean {
    return (
      path === this.#machinePath ||
      path === this.#instancePath ||
      path.startsWith(this.#claimPrefix) ||
      path.startsWith(this.#podPrefix) ||
      path.startsWith("resources/datauploads.velero.io/namespaces/")
    );
  }

  add({ path, size, content }: TarMember): void {
    if (content === undefined) {
      this.#refuse(
        path,
        new CorruptDataError({ format: "velero", structure: path }, `implausibly large (${size} bytes)`),
      );
      return;
    }
    try {
      this.#parse(path, content);
    } catch (error) {
      this.#refuse(path, error);
    }
  }

  resources(): VmResources {
    return {
      ...(this.#machine === undefined ? {} : { machine: this.#machine }),
      ...(this.#instance === undefined ? {} : { instance: this.#instance }),
      ...(this.#launcherPod === undefined ? {} : { launcherPod: this.#launcherPod }),
      claims: this.#claims,
      dataUploads: this.#dataUploads,
      warnings: this.#warnings,
    };
  }

  #parse(path: string, content: Uint8Array): void {
    if (path === this.#machinePath) this.#machine = parseJson(content, virtualMachineSchema, path);
    else if (path === this.#instancePath) this.#instance = parseJson(content, virtualMachineInstanceSchema, path);
    else if (path.startsWith(this.#claimPrefix)) {
      const claim = parseJson(content, persistentVolumeClaimSchema, path);
      this.#claims.set(claim.metadata.name, claim);
    } else if (path.startsWith(this.#podPrefix)) this.#addPod(parseJson(content, podSchema, path));
    else {
      const upload = parseJson(content, dataUploadSchema, path);
      if (upload.spec.sourceNamespace === this.#vm.namespace) this.#dataUploads.push(upload);
    }
  }

  #addPod(pod: Pod): void {
    const { labels, annotations } = pod.metadata;
    if (labels["kubevirt.io"] === "virt-launcher" && annotations["kubevirt.io/domain"] === this.#vm.name) {
      this.#launcherPod = pod;
    }
  }

  #refuse(path: string, error: unknown): void {
    if (path === this.#machinePath || !(error instanceof CorruptDataError)) throw error;
    // A hostile archive may hold any number of bad members; the first few tell the story.
    if (this.#warnings.length < 100) this.#warnings.push(error.message);
  }
}
