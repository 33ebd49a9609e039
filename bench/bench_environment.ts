/** Where a benchmark ran. @module */
import { cpus } from "node:os";
import type { Device } from "../kernels/device/device.ts";
import type { Peers } from "./bench_types.ts";

/** Machine, adapter, versions and load, a line each. */
export async function describe({ info, family, subgroupSize, tuning }: Device, peers: Peers): Promise<string[]> {
  const about = await peers.torch?.ask({ op: "about" });
  const cpu = cpus();
  return [
    `date: ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
    `machine: ${cpu[0]?.model ?? "unknown"}, ${cpu.length} logical cores`,
    `adapter: ${info.description || info.device}; kernels for a ${family}; subgroup ${subgroupSize || "not used"}`,
    `tiles: ${
      Object.entries(tuning?.tiles ?? {}).map(([what, tile]) => `${what} ${tile}`).join(", ") || "the default"
    }`,
    `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}`,
    `jax-js ${peers.jax?.version ?? "not there"}, tfjs ${peers.tfjs?.version ?? "not there"}`,
    peers.torch
      ? `PyTorch ${peers.torch.version}, ${about?.threads} threads, ${about?.blas}, transformers ${
        about?.transformers ?? "not there"
      }`
      : "PyTorch: no python3 with torch",
    `load average at the start: ${load()}`,
  ];
}

/** The load average over 1, 5 and 15 minutes. */
export function load(): string {
  return Deno.loadavg().map((value) => value.toFixed(2)).join(" ");
}
