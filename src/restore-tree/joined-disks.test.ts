import { expect, test } from "vitest";
import { EXTENT, groupText, linear, physicalVolume } from "../../test/fixtures/lvm2/small-physical-volume.ts";
import type { Disk } from "../disk/disk.ts";
import { openDisk } from "../disk/open-disk.ts";
import { SourceError } from "../errors.ts";
import { MemorySource } from "../source/memory-source.ts";
import { joinDisks } from "./joined-disks.ts";
import type { TreeDisk } from "./tree-backup.ts";

const TEXT = groupText("AB", [
  { name: "both", segments: [linear(1, "pv0", 3), linear(1, "pv1", 4)] },
  { name: "first", segments: [linear(1, "pv0", 0)] },
]);
const FIRST = physicalVolume("A", TEXT);
const SECOND = physicalVolume("B", TEXT);
const PLAIN = Buffer.alloc(FIRST.length, "no volumes ");

interface CountedDisk extends TreeDisk {
  /** Openings, and closings of what was opened. */
  readonly counts: { opened: number; closed: number };
}

/** @param failures thrown by the first openings */
function counted(name: string, image: Uint8Array, failures: readonly Error[] = []): CountedDisk {
  const left = [...failures];
  const counts = { opened: 0, closed: 0 };
  return {
    name,
    counts,
    async open() {
      const failure = left.shift();
      if (failure !== undefined) throw failure;
      counts.opened++;
      const disk = await openDisk(new MemorySource(image), { format: "raw" });
      return {
        ...disk,
        async close() {
          counts.closed++;
          await disk.close();
        },
      };
    },
  };
}

const volumeNames = ({ volumes }: Disk): string[] => volumes.map(({ name }) => name);

async function firstBytes({ volumes }: Disk, device: string): Promise<number[]> {
  const { source } = volumes.find(({ devices }) => devices?.[0] === device) ?? expect.fail(`no ${device}`);
  const bytes = [];
  for (let offset = 0; offset < source.size; offset += EXTENT) bytes.push((await source.read(offset, 1))[0] as number);
  return bytes;
}

const [A, B] = ["A".charCodeAt(0), "B".charCodeAt(0)];

/** All that was opened is closed again, each disk as often as it was opened. */
function expectClosed(...disks: readonly CountedDisk[]): void {
  for (const { counts, name } of disks) expect(counts.closed, name).toBe(counts.opened);
}

test("a volume over two disks is found from either of them, and each disk is opened once", async () => {
  const disks = [counted("one", FIRST), counted("two", SECOND)] as const;
  const [one, two] = joinDisks(disks);
  const opened = (await one?.open()) ?? expect.fail();
  const other = (await two?.open()) ?? expect.fail();
  expect(await firstBytes(opened, "/dev/vg/both")).toEqual([A + 3, B + 4]);
  expect(volumeNames(opened).length).toBeGreaterThan(volumeNames(other).length);
  expect(disks.map(({ counts }) => counts.opened)).toEqual([1, 1]);
  await opened.close();
  expect(disks.map(({ counts }) => counts.closed)).toEqual([0, 0]);
  await opened.close();
  await other.close();
  expectClosed(...disks);
});

test("a disk that holds no parts is opened alone", async () => {
  const disks = [counted("plain", PLAIN), counted("parts", FIRST)] as const;
  const plain = (await joinDisks(disks)[0]?.open()) ?? expect.fail();
  expect(disks.map(({ counts }) => counts.opened)).toEqual([1, 0]);
  await plain.close();
  expectClosed(...disks);
});

test("after all is closed, it can be opened again", async () => {
  const disks = [counted("one", FIRST), counted("two", SECOND)] as const;
  const [one] = joinDisks(disks);
  for (let round = 0; round < 2; round++) {
    const opened = (await one?.open()) ?? expect.fail();
    expect(await firstBytes(opened, "/dev/vg/first")).toEqual([A]);
    await opened.close();
  }
  expect(disks.map(({ counts }) => counts.opened)).toEqual([2, 2]);
  expectClosed(...disks);
});

test("a sibling that cannot be read costs what lies on it, and is named", async () => {
  const gone = counted("two", SECOND, [new SourceError("two is gone", { retryable: false })]);
  const disks = [counted("one", FIRST), gone] as const;
  const opened = (await joinDisks(disks)[0]?.open()) ?? expect.fail();
  expect(await firstBytes(opened, "/dev/vg/first")).toEqual([A]);
  expect(opened.table.warnings.join()).toContain(
    "disk two, which may hold a part of a volume, cannot be read: two is gone",
  );
  const both = opened.volumes.find(({ devices }) => devices?.[0] === "/dev/vg/both");
  expect(both?.content.kind).toBe("unreadable");
  await opened.close();
  expectClosed(...disks);
});

test("a disk whose bytes are known to be missing is not tried", async () => {
  const missing = { ...counted("two", SECOND), unavailable: "its snapshot stayed in the cluster" };
  const opened = (await joinDisks([counted("one", FIRST), missing])[0]?.open()) ?? expect.fail();
  expect(opened.table.warnings.join()).toContain("cannot be read: its snapshot stayed in the cluster");
  expect(missing.counts.opened).toBe(0);
  await opened.close();
});

test("what may pass is thrown, nothing stays open, and the next try succeeds", async () => {
  const passing = new SourceError("try again", { retryable: true });
  const disks = [counted("one", FIRST), counted("two", SECOND, [passing])] as const;
  const [one] = joinDisks(disks);
  await expect(one?.open()).rejects.toBe(passing);
  expectClosed(...disks);
  const opened = (await one?.open()) ?? expect.fail();
  expect(await firstBytes(opened, "/dev/vg/both")).toEqual([A + 3, B + 4]);
  await opened.close();
  expectClosed(...disks);
});

test("siblings are the other disks that can be read, open until the disk is closed", async () => {
  const broken = counted("broken", PLAIN, [new SourceError("broken", { retryable: false })]);
  const disks = [counted("one", FIRST), counted("plain", PLAIN), broken] as const;
  const [one] = joinDisks(disks);
  const opened = (await one?.open()) ?? expect.fail();
  // The failed opening was the first one, while the group was assembled.
  const siblings = (await one?.siblings?.()) ?? expect.fail();
  expect(siblings.map(({ position }) => position)).toEqual([1, 2]);
  expect(disks[1].counts.closed).toBeLessThan(disks[1].counts.opened);
  await opened.close();
  expectClosed(...disks);
});

test("a disk alone has no siblings to ask for", async () => {
  const [only, ...others] = joinDisks([counted("one", FIRST)]);
  expect(others).toEqual([]);
  expect(only?.siblings).toBeUndefined();
});
