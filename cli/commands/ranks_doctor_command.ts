/** `dnpo --mpi doctor`: the ranks of a job, and whether they can work together. @module */
import denoConfig from "../../deno.json" with { type: "json" };
import { meet, type Meeting, type RankCard } from "../../core/cluster/meet.ts";
import type { MpiRank } from "../../core/cluster/mpi.ts";
import { evenBounds, isPowerOfTwo, type Transport } from "../../core/cluster/transport.ts";
import { addNode, sumOwnShards } from "../../core/cluster/tree_sum.ts";
import { openDevice } from "../../core/device/open_device.ts";
import { wantedDevice } from "../../core/device/wanted_device.ts";
import { UserError } from "../../core/error.ts";
import { DeviceError } from "../../kernels/device/device_error.ts";
import { asRank } from "../as_rank.ts";
import { freeMemory } from "../free_memory.ts";
import { sayText, tell } from "../print.ts";

/** Numbers of the sum that is tried: 16 MiB. */
const SUM_LENGTH = 4 * 1024 * 1024;

/** What a rank is called beside the numbers. */
const TITLE_WIDTH = 12;

/** Joins the job. Rank 0 prints the ranks and a sum over them; 1 if a rank has no adapter. */
export function ranksDoctor(): Promise<number> {
  return asRank(examine);
}

async function examine({ transport, library }: MpiRank): Promise<number> {
  const { card, problem } = await ownCard();
  const meeting = await meet(transport, card);
  const sum = await trySum(transport);
  if (transport.rank === 0) {
    sayText(titled("mpi", `${library}, ${transport.size} ${transport.size === 1 ? "rank" : "ranks"}`));
    sayText(...describeRanks(meeting), titled("sum", sum));
    for (const warning of meeting.warnings) tell(`Warning: ${warning}`);
    if (problem !== null) tell(`Warning: ${problem}`);
  }
  return meeting.ranks.some(({ adapter }) => adapter === null) ? 1 : 0;
}

function titled(title: string, text: string): string {
  return `${title.padEnd(TITLE_WIDTH - 1)} ${text}`;
}

/** A line for each rank. */
function describeRanks({ ranks }: Meeting): string[] {
  return ranks.map(({ host, adapter, memory }, rank) => {
    const free = memory === null ? [] : [`${(memory / 1e9).toFixed(1)} GB free`];
    return titled(`rank ${rank}`, [host, adapter ?? "no adapter", ...free].join(", "));
  });
}

async function ownCard(): Promise<{ card: RankCard; problem: string | null }> {
  const base = { version: denoConfig.version, digests: {} };
  try {
    using device = await openDevice(await wantedDevice());
    // WebGPU does not tell how much memory a card has.
    const memory = device.family === "cpu" ? freeMemory() ?? null : null;
    return {
      card: { ...base, adapter: device.info.description || device.info.device || "unnamed", memory },
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof DeviceError || error instanceof UserError)) throw error;
    return { card: { ...base, adapter: null, memory: null }, problem: error.message };
  }
}

/** Sums numbers over the ranks, checks the bits of all of them, and says how long it took. */
async function trySum(transport: Transport): Promise<string> {
  const { size, rank } = transport;
  if (size === 1) return "none, this rank is by itself";
  if (!isPowerOfTwo(size)) return `not over ${size} ranks: a power of two can be summed`;
  const values = new Float32Array(SUM_LENGTH);
  fill(rank, values);
  const bounds = evenBounds(SUM_LENGTH, size);
  await transport.barrier();
  const start = performance.now();
  await transport.reduceScatter(values, bounds);
  await transport.allGather(new Uint8Array(values.buffer), bounds.map((bound) => 4 * bound));
  const seconds = (performance.now() - start) / 1000;
  const expected = await sumOwnShards({
    count: size,
    create: () => new Float32Array(SUM_LENGTH),
    compute: (shard, buffer) => Promise.resolve(fill(shard, buffer)),
    add: (into, from) => Promise.resolve(addNode(into, from, "float32")),
  });
  const wrong = values.findIndex((value, i) => !Object.is(value, expected[i]));
  if (wrong !== -1) {
    throw new Error(`Cannot sum over the ranks: element ${wrong} is ${values[wrong]}, expected ${expected[wrong]}`);
  }
  return `${values.byteLength / 2 ** 20} MiB over ${size} ranks in ${seconds.toFixed(3)} s, the bits are right`;
}

/** Numbers whose sum depends on the order of the ranks. */
function fill(rank: number, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) values[i] = ((i * 7919 + rank * 104729) % 100003) / 317 - 150;
}
