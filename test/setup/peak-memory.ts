import { readFileSync } from "node:fs";

/** The most a process has had in memory at once, in MiB (VmHWM, proc(5)). */
export function peakMemory(pid: number | undefined): number {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}
