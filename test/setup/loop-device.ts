import { execFileSync } from "node:child_process";

/** Attaches a file to a loop device, runs `work` with the device's name, and detaches it whatever happens. Needs root. */
export async function withLoopDevice<Result>(
  file: string,
  options: readonly string[],
  work: (device: string) => Result | Promise<Result>,
): Promise<Result> {
  const device = execFileSync("losetup", ["--find", "--show", ...options, file], { encoding: "utf8" }).trim();
  try {
    return await work(device);
  } finally {
    execFileSync("losetup", ["--detach", device]);
  }
}
