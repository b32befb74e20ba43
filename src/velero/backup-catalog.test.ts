import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { VolumeData } from "../../test/setup/velero-objects/backup-plan.ts";
import { MemoryStore } from "../../test/setup/velero-objects/memory-store.ts";
import { disk, manifestId, openPlanned, openVm, otherId, planned, vm } from "../../test/setup/velero-objects/one-vm.ts";
import { encodeBackup, planBackup } from "../../test/setup/velero-objects/velero-backup.ts";
import { defaultLimits } from "../bytes/limits.ts";
import { ConfigError, CorruptDataError, LimitError, SourceError, VmfrError } from "../errors.ts";
import { BackupCatalog } from "./backup-catalog.ts";

test("volumes come in boot order with what is known of them; others with their reason", async () => {
  const values = planBackup({
    name: "b1",
    createdAt: "2026-11-16T02:00:00Z",
    vms: [
      {
        ...vm,
        volumes: [
          {
            pvcName: "data",
            volumeName: "data-volume",
            mode: "Block",
            capacity: "2Gi",
            data: { kind: "moved", manifestId, bytes: 5 },
          },
          { pvcName: "root", bootOrder: 1, dataVolume: true, data: { kind: "moved", manifestId: otherId } },
        ],
        otherVolumes: [
          { name: "init", cloudInitNoCloud: { userData: "#cloud-config" } },
          { name: "image", containerDisk: { image: "fedora" } },
          { name: "over", ephemeral: { persistentVolumeClaim: { claimName: "base" } } },
          { name: "dump", memoryDump: { claimName: "dump-pvc" } },
          { name: "new", quantumDisk: {} },
          { name: "again", persistentVolumeClaim: { claimName: "root" } },
        ],
      },
    ],
  });
  const found = await openPlanned(values);
  expect(
    found.volumes.map(({ pvcName, volumeName, volumeMode, capacity, uploadedBytes }) => [
      pvcName,
      volumeName,
      volumeMode,
      capacity,
      uploadedBytes,
    ]),
  ).toEqual([
    ["root", "root", "Filesystem", "1Gi", 0],
    ["data", "data-volume", "Block", "2Gi", 5],
  ]);
  expect(found.withoutDisk.map(({ volumeName, source, pvcName }) => [volumeName, source, pvcName])).toEqual([
    ["init", "cloudInitNoCloud", undefined],
    ["image", "containerDisk", undefined],
    ["over", "ephemeral", "base"],
    ["dump", "memoryDump", "dump-pvc"],
    ["new", "quantumDisk", undefined],
  ]);
  for (const { reason } of found.withoutDisk) expect(reason).toMatch(/\w+ \w+/);
});

test("a hot-plugged volume that only the instance has is found; the PVC of TPM and EFI is no disk", async () => {
  const values = planBackup({
    name: "b1",
    createdAt: "2026-11-16T02:00:00Z",
    vms: [
      {
        ...vm,
        volumes: [
          disk({ kind: "moved", manifestId }),
          disk({ kind: "moved", manifestId: otherId }, { pvcName: "hot" }),
          disk({ kind: "description-only" }, { pvcName: "persistent-state-for-web-1" }),
        ],
        running: { agentConnected: true, freezeHooks: true },
      },
    ],
  });
  const template = values.resources.find("virtualmachines.kubevirt.io", "web-1").object;
  const spec = (template["spec"] as { template: { spec: { volumes: unknown[] } } }).template.spec;
  spec.volumes = spec.volumes.slice(0, 1);
  const instance = values.resources.find("virtualmachineinstances.kubevirt.io", "web-1").object["spec"] as {
    volumes: unknown[];
  };
  instance.volumes = instance.volumes.slice(0, 2);
  const found = await openPlanned(values);
  expect(found.volumes.map(({ pvcName, hotplugged }) => [pvcName, hotplugged])).toEqual([
    ["root", false],
    ["hot", true],
  ]);
  expect(found.withoutDisk).toEqual([expect.objectContaining({ source: "backendStorage" })]);
});

test.each<[string, Parameters<typeof planBackup>[0]["vms"][number]["running"], VolumeData["kind"], number]>([
  ["vm-off", undefined, "moved", 0],
  ["file-system-consistent", { agentConnected: true, freezeHooks: true }, "moved", 2],
  ["crash-consistent", { agentConnected: false, freezeHooks: true }, "moved", 2],
  ["crash-consistent", { agentConnected: true, freezeHooks: false }, "moved", 2],
  ["crash-consistent", { agentConnected: true, freezeHooks: true }, "moved", 0],
  ["inconsistent", { agentConnected: true, freezeHooks: true }, "pod-volume-backup", 2],
])("consistency: %s (%#)", async (state, running, kind, hooksAttempted) => {
  const data = { kind, manifestId } as VolumeData;
  const values = planBackup({
    name: "b1",
    createdAt: "2026-11-16T02:00:00Z",
    vms: [{ ...vm, volumes: [disk(data)], ...(running && { running }) }],
    status: { hookStatus: { hooksAttempted } },
  });
  expect((await openPlanned(values)).consistency.state).toBe(state);
});

test("names are the folders below backups/ that can be a backup", async () => {
  const store = new MemoryStore(encodeBackup(planned()), [
    ["backups/stray", Buffer.alloc(0)],
    ["backups/Bad_Name/x", Buffer.alloc(0)],
  ]);
  expect(await new BackupCatalog(store).names()).toEqual(["b1"]);
  expect(store.requests).toEqual(["LIST backups/"]);
});

test.each(["../kopia/demo", "a/b", "", "UPPER", "."])(
  "the name %j is refused before anything is fetched",
  async (name) => {
    const store = new MemoryStore();
    await expect(new BackupCatalog(store).backup(name)).rejects.toThrow(ConfigError);
    expect(store.requests).toEqual([]);
  },
);

const DESCRIPTION = "backups/b1/velero-backup.json";
const VOLUME_INFO = "backups/b1/b1-volumeinfo.json.gz";

test.each<[string, string]>([
  ["no JSON", "{"],
  ["not an object", "[]"],
  ["of another backup", '{"kind":"Backup","metadata":{"name":"b2"}}'],
  ["of another kind", '{"kind":"Restore","metadata":{"name":"b1"}}'],
  ["with a wrong type", '{"kind":"Backup","metadata":{"name":"b1"},"spec":{"includedNamespaces":"demo"}}'],
  ["with an impossible time", '{"kind":"Backup","metadata":{"name":"b1","creationTimestamp":"soon"}}'],
  ["with a negative count", '{"kind":"Backup","metadata":{"name":"b1"},"status":{"backupItemOperationsAttempted":-1}}'],
])("a description that is %s is damaged", async (_what, text) => {
  const catalog = new BackupCatalog(new MemoryStore([[DESCRIPTION, Buffer.from(text)]]));
  await expect(catalog.backup("b1")).rejects.toThrow(CorruptDataError);
});

test("a description with the least in it is enough", async () => {
  const text = '{"kind":"Backup","metadata":{"name":"b1","labels":null},"spec":null}';
  const catalog = new BackupCatalog(new MemoryStore([[DESCRIPTION, Buffer.from(text)]]));
  expect(await catalog.backup("b1")).toMatchObject({ name: "b1", phase: "", includedNamespaces: [] });
});

test("objects larger than the limit are refused, packed or unpacked", async () => {
  const limits = { ...defaultLimits, backupObject: 10_000 };
  const bomb = gzipSync(Buffer.alloc(1_000_000, " "));
  const store = new MemoryStore([
    [DESCRIPTION, Buffer.alloc(20_000, " ")],
    ["backups/b1/b1-resource-list.json.gz", bomb],
  ]);
  const catalog = new BackupCatalog(store, limits);
  await expect(catalog.backup("b1")).rejects.toThrow(LimitError);
  await expect(catalog.resourceList("b1")).rejects.toThrow(LimitError);
});

test.each<[string, (stored: Buffer) => Buffer]>([
  ["truncated", (stored) => stored.subarray(0, stored.length / 2)],
  ["not gzip", () => Buffer.from("plain")],
  ["of wrong types", () => gzipSync('[{"pvcName":5}]')],
])("a volume list that is %s is a warning, and the upload in the tarball speaks", async (_what, damage) => {
  const objects = encodeBackup(
    planned(disk({ kind: "moved", manifestId }), disk({ kind: "description-only" }, { pvcName: "other" })),
  );
  objects.set(VOLUME_INFO, damage(objects.get(VOLUME_INFO) ?? Buffer.alloc(0)));
  const found = await openVm(objects);
  expect(found.warnings).toHaveLength(1);
  expect(found.volumes[0]?.location).toMatchObject({ kind: "kopia", snapshot: { manifestId } });
  expect(found.volumes[1]?.location).toMatchObject({ cause: "unknown", reason: expect.stringContaining(VOLUME_INFO) });
});

test("a list that the bucket refuses to hand out is an error, not an absent list", async () => {
  const store = new MemoryStore(encodeBackup(planned(disk({ kind: "moved", manifestId }))));
  store.failures.set(VOLUME_INFO, new SourceError("503", { retryable: true }));
  const catalog = new BackupCatalog(store);
  const backup = await catalog.backup("b1");
  await expect(backup && catalog.vm(backup, vm)).rejects.toThrow("503");
});

const TARBALL = "backups/b1/b1.tar.gz";

test.each<[string, (stored: Buffer) => Buffer | undefined]>([
  ["truncated", (stored) => stored.subarray(0, stored.length - 20)],
  ["empty", () => Buffer.alloc(0)],
  ["not gzip", () => Buffer.alloc(2000, "x")],
  ["not tar", () => gzipSync(Buffer.alloc(2000, "x"))],
  ["with a wrong checksum", (stored) => Buffer.concat([stored.subarray(0, -8), Buffer.from("12345678")])],
  ["missing", () => undefined],
])("a tarball that is %s is damaged", async (_what, damage) => {
  const objects = encodeBackup(planned(disk({ kind: "moved", manifestId })));
  const damaged = damage(objects.get(TARBALL) ?? Buffer.alloc(0));
  if (damaged === undefined) objects.delete(TARBALL);
  else objects.set(TARBALL, damaged);
  await expect(openVm(objects)).rejects.toThrow(CorruptDataError);
});

test("a damaged member hides nothing but itself; a damaged VM is an error", async () => {
  const values = planned(
    disk({ kind: "moved", manifestId }),
    disk({ kind: "moved", manifestId }, { pvcName: "other" }),
  );
  values.resources.find("persistentvolumeclaims", "other").object = { metadata: 5 } as never;
  const found = await openPlanned(values);
  expect(found.warnings).toEqual([
    expect.stringContaining("resources/persistentvolumeclaims/namespaces/demo/other.json"),
  ]);
  expect(found.volumes[0]?.volumeMode).toBe("Filesystem");
  values.resources.find("virtualmachines.kubevirt.io", "web-1").object = { kind: "VirtualMachine", spec: {} };
  await expect(openPlanned(values)).rejects.toThrow(VmfrError);
});

test("the tarball is read once, and PAX names are found", async () => {
  const pvcName = `a${"-long".repeat(40)}`;
  const values = planned(disk({ kind: "moved", manifestId }, { pvcName }));
  const store = new MemoryStore(encodeBackup(values));
  const catalog = new BackupCatalog(store);
  const backup = await catalog.backup("b1");
  const found = backup && (await catalog.vm(backup, vm));
  expect(found?.volumes[0]).toMatchObject({ pvcName, volumeMode: "Filesystem", location: { kind: "kopia" } });
  expect(store.requests.filter((request) => request === `GET ${TARBALL}`)).toHaveLength(1);
  expect(store.requests).toHaveLength(5);
});

/** Any JSON in place of any value of a genuine object. */
function withForeignValue(genuine: unknown, at: number, foreign: unknown): unknown {
  let seen = 0;
  return JSON.parse(JSON.stringify(genuine), (_key, value: unknown) => (seen++ === at ? foreign : value));
}

test("any value anywhere gives an answer or a named error, nothing else", async () => {
  const values = planned(
    disk({ kind: "moved", manifestId }),
    disk({ kind: "pod-volume-backup", manifestId }, { pvcName: "b" }),
  );
  const machine = values.resources.find("virtualmachines.kubevirt.io", "web-1");
  const claim = values.resources.find("persistentvolumeclaims", "root");
  const genuine = [
    values.description,
    values.volumeInfo,
    values.podVolumeBackups,
    values.itemOperations,
    machine.object,
    claim.object,
  ];
  await fc.assert(
    fc.asyncProperty(fc.nat(genuine.length - 1), fc.nat(60), fc.jsonValue(), async (which, at, foreign) => {
      const bent = genuine.map((value, index) => (index === which ? withForeignValue(value, at, foreign) : value));
      const [description, volumeInfo, podVolumeBackups, itemOperations] = bent;
      // Bent values need not have the shapes that the writer's types promise; that is the point.
      const lists = { description, volumeInfo, podVolumeBackups, itemOperations } as Partial<typeof values>;
      machine.object = bent[4] as typeof machine.object;
      claim.object = bent[5] as typeof claim.object;
      const objects = encodeBackup({ ...values, ...lists });
      const catalog = new BackupCatalog(new MemoryStore(objects));
      try {
        const backup = await catalog.backup("b1");
        if (backup !== undefined) await catalog.vm(backup, vm);
      } catch (error) {
        expect(error).toBeInstanceOf(VmfrError);
      }
    }),
    { numRuns: 100 },
  );
});
