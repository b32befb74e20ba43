/** The operator ends in the same state whatever happens to it, to its connection and to the API server meanwhile. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SeededRandom } from "../fuzz/ssh/seeded-random.ts";
import { requireDebianPackages } from "../setup/debian-packages.ts";
import { tally } from "../setup/tally.ts";
import type { Cluster } from "./control-plane/cluster.ts";
import { vmfrImages } from "./node-double/vmfr-image.ts";
import { FaultProxy } from "./operator/fault-proxy.ts";
import { type FileRestore, FileRestores, namespaceOf } from "./operator/file-restores.ts";
import { InstalledOperator } from "./operator/installed-operator.ts";
import { OperatorProcess } from "./operator/operator-process.ts";
import { ServedFiles } from "./operator/served-files.ts";
import { SEED_VM, seedBackups } from "./seed/seed-backups.ts";
import { startVeleroCluster, type VeleroCluster } from "./velero/velero-cluster.ts";

const NAMESPACE = "velero";
/** `VMFR_CRASHES=50` for more, `VMFR_CRASH_SEED` for others. */
const CRASHES = Number(process.env["VMFR_CRASHES"] ?? 8);
const SEED = Number(process.env["VMFR_CRASH_SEED"] ?? 20_261_124);
const CRASHES_OF_ONE_RESTORE = 8;
/** A restore takes longer than this on any machine: most kills hit it at work. */
const LONGEST_LIFE_MS = 2_500;
const BACKUPS = ["monday", "tuesday"];

let running: VeleroCluster;
let cluster: Cluster;
let proxy: FaultProxy;
let operator: OperatorProcess;
let restores: FileRestores;
/** What a restore comes to that nothing disturbs, by its data path. */
let undisturbed: Record<DataPath, EndState>;
beforeAll(async () => {
  await requireDebianPackages("curl", "openssh-client");
  running = await startVeleroCluster(vmfrImages());
  cluster = running.cluster;
  await InstalledOperator.applyManifests(cluster, NAMESPACE, 0);
  await seedBackups(cluster, running.node, running.velero, { backups: BACKUPS });
  proxy = await FaultProxy.start(cluster, SEED);
  operator = await OperatorProcess.prepare(cluster, NAMESPACE, proxy);
  restores = new FileRestores(cluster, operator);
  operator.start();
  undisturbed = { Restore: await live("plain", "Restore"), Direct: await live("plain-direct", "Direct") };
});
afterAll(async () => {
  await proxy?.close();
  await running?.stop();
});

/** Of a finished restore: everything but names and times that differ from restore to restore. */
interface EndState {
  readonly phase: string | undefined;
  readonly conditions: readonly string[];
  readonly disks: readonly string[];
  readonly objects: readonly string[];
  readonly veleroRestores: number;
  readonly namespaces: number;
}

async function endStateOf(restored: FileRestore): Promise<EndState> {
  const { metadata, status } = restored;
  const namespace = namespaceOf(restored);
  const kinds = "pods,services,configmaps,secrets,persistentvolumeclaims,serviceaccounts,networkpolicies";
  const shown = await cluster.kubectl("-n", namespace, "get", kinds, "-o", "name");
  const temporary = "oadp.openshift.io/vmfr-temp-namespace=true";
  const namespaces = await cluster.kubectl("get", "namespaces", "-l", temporary, "-o", "name");
  return {
    phase: status.phase,
    conditions: (status.conditions ?? []).map(({ type, status: is, reason }) => `${type} ${is} ${reason}`).sort(),
    disks: (status.pvcRestores ?? []).flatMap(({ pvcName, restores: of = [] }) =>
      of.map(({ veleroBackupName, state, dataPath }) => `${pvcName} ${veleroBackupName} ${state} ${dataPath}`),
    ),
    objects: shown.replaceAll(metadata.name, "<name>").split("\n").sort(),
    veleroRestores: (await restores.veleroRestores()).length,
    namespaces: namespaces.trim().split("\n").length,
  };
}

type DataPath = "Restore" | "Direct";

/** A restore from its creation to its deletion. */
async function live(
  name: string,
  dataPath: DataPath,
  disturb?: () => Promise<void>,
  disturbDeletion?: () => Promise<void>,
): Promise<EndState> {
  await restores.create(name, SEED_VM, { dataPath, fileAccess: { ssh: {}, fileBrowser: {} } });
  await disturb?.();
  const restored = await restores.reach("Completed", name);
  const state = await endStateOf(restored);
  const files = await ServedFiles.of(cluster, restored);
  const file = `/files/backups/monday/${SEED_VM.disks[0]?.name}/etc/hostname`;
  expect(await files.curl(file)).toBe(`${SEED_VM.disks[0]?.name}\n`);
  const deleted = restores.expectNothingLeft(restored);
  await disturbDeletion?.();
  await deleted;
  return state;
}

test(`killed ${CRASHES} times at moments that a seed decides, it ends where it ends undisturbed`, async () => {
  const random = new SeededRandom(SEED);
  let left = CRASHES;
  const crash = async (times: number) => {
    for (; times > 0 && left > 0; times--, left--) {
      await sleep(random.below(LONGEST_LIFE_MS));
      await operator.kill();
      operator.start();
    }
  };
  for (let round = 0; left > 0; round++) {
    const dataPath = round % 2 === 0 ? "Restore" : "Direct";
    const state = await live(
      `killed-${round}`,
      dataPath,
      () => crash(CRASHES_OF_ONE_RESTORE - 2),
      () => crash(2),
    );
    expect(state).toEqual(undisturbed[dataPath]);
  }
  tally("kills of the operator that lost nothing", CRASHES);
}, 3_600_000);

test("429, 500, 503, lost answers, cut and stalled watches: it ends where it ends undisturbed", async () => {
  proxy.trouble = 15;
  const state = await live("stormy", "Restore");
  proxy.trouble = 0;
  expect(state).toEqual(undisturbed.Restore);
  const met = [...proxy.faults.values()].reduce((sum, count) => sum + count, 0);
  expect(met).toBeGreaterThan(20);
  for (const [fault, count] of proxy.faults) tally(`faults that lost nothing: ${fault}`, count);
}, 900_000);

test("an API server that restarts while it works: it ends where it ends undisturbed", async () => {
  const restart = async () => {
    await sleep(2_000);
    await cluster.restartApiServer();
  };
  // Velero's data mover gives a disk up when it cannot reach the API server, so it has no part in this.
  expect(await live("restarted", "Direct", restart)).toEqual(undisturbed.Direct);
}, 900_000);

test("two replicas: one leads at a time; when it is stopped for longer than its lease the other goes on, and it ends when it comes back", async () => {
  await operator.kill();
  const replicas = await Promise.all(
    ["first", "second"].map(async (name, index) => {
      const own = await FaultProxy.start(cluster, SEED + index);
      return { own, process: await OperatorProcess.prepare(cluster, NAMESPACE, own, { name, leaderElect: true }) };
    }),
  );
  try {
    for (const replica of replicas) replica.process.start();
    const state = await live("fought-over", "Restore", async () => {
      const leader = await replicaThatWorks(replicas);
      const other = replicas.find((replica) => replica !== leader);
      expect(writesOf(other?.own)).toEqual([]);
      leader.process.signal("SIGSTOP");
      await expect.poll(() => writesOf(other?.own).length, { timeout: 120_000 }).toBeGreaterThan(0);
      leader.process.signal("SIGCONT");
      expect(await leader.process.ended()).toBe(1);
    });
    expect(state).toEqual(undisturbed.Restore);
  } finally {
    for (const { own } of replicas) await own.close();
  }
}, 900_000);

interface Replica {
  readonly own: FaultProxy;
  readonly process: OperatorProcess;
}

async function replicaThatWorks(replicas: readonly Replica[]): Promise<Replica> {
  const working = () => replicas.find(({ own }) => writesOf(own).length > 0);
  await expect.poll(working, { timeout: 120_000 }).toBeDefined();
  const found = working();
  if (found === undefined) throw new Error("no replica works");
  return found;
}

/** Besides those of the election. */
function writesOf(proxy: FaultProxy | undefined): string[] {
  const writes = (proxy?.writes ?? []).filter(({ path }) => !path.includes("/leases"));
  return writes.map(({ method, path }) => `${method} ${path}`);
}
