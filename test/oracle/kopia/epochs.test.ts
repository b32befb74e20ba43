import { readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { BlobReader, SealedBlobReader } from "../../../src/kopia/blob-reader.ts";
import { loadDecompression } from "../../../src/kopia/compression.ts";
import { ContentEncryption } from "../../../src/kopia/content-encryption.ts";
import { createContentHash } from "../../../src/kopia/content-hash.ts";
import { contentKeyFromText } from "../../../src/kopia/content-id.ts";
import { ContentIndex } from "../../../src/kopia/content-index.ts";
import { ContentStore } from "../../../src/kopia/content-store.ts";
import { FORMAT_BLOB, openRepositoryFormat } from "../../../src/kopia/repository-format.ts";
import { DirectoryStore } from "../../../src/object-store/directory-store.ts";
import { KopiaWorkspace } from "../../setup/kopia-workspace.ts";
import { scratchDirectory } from "../../setup/scratch-directory.ts";
import { tally } from "../../setup/tally.ts";
import { noise } from "./disk-image.ts";
import { copyToBucket, openBucket, sha256Of, sha256OfFile } from "./read-through.ts";

const SOURCE = KopiaWorkspace.sourceOf("demo", "vm1-disk");
const EPOCHS = 6;
const WRITES_PER_EPOCH = 10;

/** Kopia's own word on where a content is. */
interface ListedContent {
  readonly contentID: string;
  readonly packFile: string;
  readonly packOffset?: number;
  readonly length: number;
  readonly originalLength: number;
}

/**
 * A repository with a life behind it. Epochs advance when their index blobs' times are far enough apart, so
 * the blobs are given earlier and earlier times instead of waiting for days.
 */
class AgingRepository {
  readonly workspace: KopiaWorkspace;
  readonly #aged = new Set<string>();
  #age = 400 * 3600;

  constructor(workspace: KopiaWorkspace) {
    this.workspace = workspace;
  }

  static async create(): Promise<AgingRepository> {
    const workspace = await KopiaWorkspace.create(scratchDirectory());
    const quick = [
      "--epoch-min-duration",
      "10m",
      "--epoch-refresh-frequency",
      "3m",
      "--epoch-cleanup-safety-margin",
      "1h",
    ];
    const small = ["--epoch-advance-on-count", String(WRITES_PER_EPOCH), "--epoch-checkpoint-frequency", "2"];
    await workspace.run(["repository", "set-parameters", ...quick, ...small]);
    await workspace.run(["maintenance", "set", "--owner", "me"]);
    return new AgingRepository(workspace);
  }

  ageIndexBlobs(): void {
    for (const file of readdirSync(this.workspace.repository)) {
      if (!file.startsWith("x") || this.#aged.has(file)) continue;
      this.#aged.add(file);
      this.#age -= 3600;
      const time = Date.now() / 1000 - this.#age;
      utimesSync(path.join(this.workspace.repository, file), time, time);
    }
  }

  /** Fills the current epoch after `write` has put something into it, and lets maintenance close it. */
  async liveThroughEpoch(epoch: number, write: () => Promise<void>): Promise<void> {
    await write();
    this.ageIndexBlobs();
    for (let index = 1; index < WRITES_PER_EPOCH; index++) {
      await this.workspace.run(["policy", "set", `user@host:/${index}`, "--keep-latest", String(epoch + index)]);
      this.ageIndexBlobs();
    }
    await this.workspace.run(["maintenance", "run", "--full", "--safety", "none"]);
  }
}

async function openContents(root: string, password: string): Promise<{ index: ContentIndex; contents: ContentStore }> {
  const blobs = new BlobReader(await DirectoryStore.open(root), "kopia/demo");
  const format = await openRepositoryFormat(await blobs.get(FORMAT_BLOB), password, "repository");
  const encryption = new ContentEncryption(format.encryption, format.masterKey);
  const hash = await createContentHash(format.hash, format.secret);
  const decompress = await loadDecompression();
  const sealed = new SealedBlobReader(blobs, encryption, hash);
  const index = await ContentIndex.open({ blobs, sealed, epochs: format.epochs });
  return { index, contents: new ContentStore({ blobs, index, encryption, hash, decompress, cacheBytes: 0 }) };
}

/** Same live index blobs, same place for every content, and every content opens. */
async function expectSameIndex(workspace: KopiaWorkspace, root: string): Promise<void> {
  const listing = await workspace.run(["index", "list"]);
  const expected = listing.split("\n").flatMap((line) => line.match(/^x\S+/) ?? []);
  const { index, contents } = await openContents(root, workspace.password);
  expect([...index.blobIds].sort()).toEqual(expected.sort());
  const listed = JSON.parse(await workspace.run(["content", "list", "--json"])) as ListedContent[];
  expect(listed.length).toBeGreaterThan(0);
  for (const content of listed) {
    const key = contentKeyFromText(content.contentID, "content list");
    expect(index.find(key)).toMatchObject({
      packBlob: content.packFile,
      packOffset: content.packOffset ?? 0,
      packedLength: content.length,
      originalLength: content.originalLength,
    });
    expect((await contents.read(key)).length).toBe(content.originalLength);
  }
  tally("Kopia contents verified", listed.length);
}

test("a repository with compacted, checkpointed and rewritten history", async () => {
  const folder = scratchDirectory();
  const image = path.join(folder, "disk.img");
  const aging = await AgingRepository.create();
  const { workspace } = aging;
  const snapshots: string[] = [];
  let bucket = "";
  let early: Awaited<ReturnType<typeof openBucket>> | undefined;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    await aging.liveThroughEpoch(epoch, async () => {
      writeFileSync(image, noise(epoch + 1, 300_000));
      snapshots.push((await workspace.snapshotDirectory(folder, SOURCE)).id);
      if (epoch === 3) await workspace.run(["snapshot", "delete", snapshots[0] ?? "", "--delete"]);
    });
    const copy = copyToBucket(workspace);
    await expectSameIndex(workspace, copy);
    if (epoch === 2) {
      bucket = copy;
      early = await openBucket(bucket, workspace.password);
    }
  }
  const kinds = new Set(readdirSync(workspace.repository).flatMap((file) => file.match(/^x[a-z]/) ?? []));
  expect([...kinds].sort()).toEqual(["xe", "xn", "xr", "xs", "xw"]);

  // The bucket changes below a repository that stays open: old packs and indexes vanish, new ones appear.
  rmSync(path.join(bucket, "kopia/demo"), { recursive: true });
  workspace.copyAsBucket(path.join(bucket, "kopia/demo"));
  const latest = await early?.snapshot(snapshots.at(-1) ?? "");
  if (early === undefined || latest === undefined) throw new Error("no snapshot was opened");
  expect(await sha256Of((await early.openDiskOf(latest)).source)).toBe(sha256OfFile(image));
  await expect(early.snapshot(snapshots[0] ?? "")).rejects.toThrow(/there is no snapshot/);
});

test("a single-epoch compaction with a missing part is left aside", async () => {
  const folder = scratchDirectory();
  const image = path.join(folder, "disk.img");
  const aging = await AgingRepository.create();
  const { workspace } = aging;
  let first = "";
  for (let epoch = 0; epoch < 3; epoch++) {
    await aging.liveThroughEpoch(epoch, async () => {
      if (epoch > 0) return;
      writeFileSync(image, noise(1, 300_000));
      first = (await workspace.snapshotDirectory(folder, SOURCE)).id;
    });
  }
  const bucket = copyToBucket(workspace);
  const blobs = path.join(bucket, "kopia/demo");
  const compacted = readdirSync(blobs).find((file) => file.startsWith("xs0_")) ?? "";
  expect(readdirSync(blobs).some((file) => file.startsWith("xn0_"))).toBe(true);
  // As if it were one of two blobs, the other not yet there.
  renameSync(path.join(blobs, compacted), path.join(blobs, compacted.replace(/-c1$/, "-c2")));
  const repository = await openBucket(bucket, workspace.password);
  expect(repository.indexBlobs.some((id) => id.startsWith("xs0_"))).toBe(false);
  const disk = await repository.openDiskOf(await repository.snapshot(first));
  expect(await sha256Of(disk.source)).toBe(sha256OfFile(image));
});
