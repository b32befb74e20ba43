import { defineConfig } from "vitest/config";

/**
 * Five kinds of tests. `unit` needs Node alone and runs in seconds; `oracle` compares with independent
 * readers (kernel, qemu-img, real Kopia, GNU tar, …); `fuzz` sends what nobody should; `e2e` runs the built
 * program with real clients; `cluster` runs against a real Kubernetes control plane and a real Velero.
 */
export default defineConfig({
  test: {
    pool: "forks",
    reporters: ["default"],
    projects: [
      {
        test: {
          name: "unit",
          // Pure computation needs no process of its own for each file.
          pool: "threads",
          isolate: false,
          include: ["src/**/*.test.ts", "web/**/*.test.ts", "test/rules/**/*.test.ts"],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "oracle",
          sequence: { groupOrder: 1 },
          include: ["test/oracle/**/*.test.ts"],
          testTimeout: 300_000,
          hookTimeout: 900_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "fuzz",
          sequence: { groupOrder: 2 },
          include: ["test/fuzz/**/*.test.ts"],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "e2e",
          sequence: { groupOrder: 3 },
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "cluster",
          sequence: { groupOrder: 4 },
          include: ["test/cluster/**/*.test.ts"],
          testTimeout: 300_000,
          // The first start builds Kubernetes and Velero.
          hookTimeout: 3_600_000,
          // Each file has a cluster of its own, and waits for it most of the time.
          maxWorkers: 2,
        },
      },
    ],
  },
});
