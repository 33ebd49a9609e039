/**
 * Sees for itself whether a workgroup is one full subgroup, its lanes in order. An adapter may tell one subgroup size and
 * still run a workgroup of that many invocations in halves, or with lanes that are idle: WGSL promises nothing, and sums
 * would be wrong without an error. @module
 */
import { enableParts } from "./extensions.ts";
import { joinParts } from "./source.ts";

/** Workgroups that are tried: the first of a dispatch is not always like the others. */
const GROUPS = 5;
/** u32 that each invocation writes. */
const WORDS = 4;

/** The kernel: each lane writes what subgroup operations give it. */
export function canaryText(lanes: number): string {
  return `@group(0) @binding(0) var<storage, read_write> found: array<vec4u>;

@compute @workgroup_size(${lanes})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) index: u32,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  let sum = subgroupAdd(index + 1u);
  let last = subgroupBroadcast(index + 1u, ${lanes - 1}u);
  let most = subgroupMax(f32(index + 1u));
  found[group.x * ${lanes}u + index] = vec4u(sum, last, u32(most), lane);
}
`;
}

/** Whether each invocation found what it finds where a workgroup is one subgroup. */
export function isOneSubgroup(found: Uint32Array, lanes: number): boolean {
  const sum = lanes * (lanes + 1) / 2;
  if (found.length !== GROUPS * lanes * WORDS) return false;
  for (let i = 0; i < GROUPS * lanes; i++) {
    const [own, last, most, lane] = found.subarray(WORDS * i, WORDS * (i + 1));
    if (own !== sum || last !== lanes || most !== lanes || lane !== i % lanes) return false;
  }
  return true;
}

/** Whether workgroups of `lanes` invocations are one subgroup each on this device. What fails there is a no. */
export async function holdsSubgroups(gpu: GPUDevice, lanes: number): Promise<boolean> {
  const size = GROUPS * lanes * WORDS * 4;
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  gpu.pushErrorScope("validation");
  const code = joinParts([...enableParts(gpu, ["subgroups"]), { name: "subgroup canary", text: canaryText(lanes) }]);
  const module = gpu.createShaderModule({ label: "subgroup canary", code });
  const pipeline = gpu.createComputePipeline({
    label: "subgroup canary",
    layout: "auto",
    compute: { module, entryPoint: "main" },
  });
  const [found, copy] = [
    gpu.createBuffer({ label: "subgroup canary", size, usage: STORAGE | COPY_SRC }),
    gpu.createBuffer({ label: "subgroup canary", size, usage: MAP_READ | COPY_DST }),
  ];
  const bindGroup = gpu.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: found } }],
  });
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(GROUPS);
  pass.end();
  encoder.copyBufferToBuffer(found, 0, copy, 0, size);
  gpu.queue.submit([encoder.finish()]);
  try {
    if (await gpu.popErrorScope() !== null) return false;
    await copy.mapAsync(GPUMapMode.READ);
    return isOneSubgroup(new Uint32Array(copy.getMappedRange()), lanes);
  } catch {
    // A device that was lost says so itself.
    return false;
  } finally {
    found.destroy();
    copy.destroy();
  }
}
