/** What `dnpo plan --ranks` prints of ranks. @module */
import { counted } from "../core/counted.ts";
import type { LinkPlan, RanksPlan } from "../core/plan/ranks_plan.ts";
import { formatBytes, formatCount, formatScaled } from "./format_units.ts";
import { formatTable } from "./text_table.ts";

/** The line that says how the steps are cut. */
export function ranksLine({ ranks, shards }: RanksPlan): string {
  return `Ranks       ${ranks}, each with ${shards / ranks} of the ${
    counted(shards, "shard")
  } of a step (distributed.shards=${shards})`;
}

/** The lines about the steps of ranks. */
export function describeRanks(plan: RanksPlan, columns: number): string[] {
  const { ranks, loads, exchange, steps, sent, alone, staging, links, gradientDtype } = plan;
  const isMeasured = alone !== null;
  const balance = loads.tokens / ranks / loads.heaviest;
  return [
    `A step of ${ranks} ranks`,
    ...formatTable(
      ["link", "on the wire", ...(isMeasured ? ["copies, sums", "its rows", "step, about", "efficiency"] : [])],
      links.map((link) => [formatScaled(link.bits, "bit/s"), formatSeconds(link.wire), ...timesOf(link)]),
      { columns },
    ).split("\n"),
    "",
    `A rank sends ${formatBytes(exchange.sent)} a step, ${formatBytes(sent)} in ${
      counted(steps, "step")
    } of an iteration; gradients are sent in ${gradientDtype}.`,
    `By lengths alone the efficiency is ${percent(balance)}: the rank with the most of a step's ${
      formatCount(loads.rows)
    } rows has ${(1 / balance).toFixed(2)} times the mean of tokens.`,
    ...(loads.rows < 4 * ranks
      ? [
        `That is ${
          (loads.rows / ranks).toPrecision(2)
        } rows a rank: with 4 or more, lengths even out (training.gradient_accumulation_steps).`,
      ]
      : []),
    ...(staging
      ? [
        `One process alone takes about ${formatSeconds(alone!)} a step. Copies and sums were measured here (${
          formatScaled(staging.down, "B/s")
        } from the device, ${formatScaled(staging.up, "B/s")} to it); the wire was not.`,
      ]
      : []),
  ];
}

function timesOf({ times, efficiency }: LinkPlan): string[] {
  if (times === null) return [];
  const { compute, staging, wire } = times;
  return [
    formatSeconds(staging),
    formatSeconds(compute),
    formatSeconds(compute + staging + wire),
    percent(efficiency!),
  ];
}

/** Seconds with three digits, in the unit that suits. */
function formatSeconds(seconds: number): string {
  return seconds < 1 ? `${(1000 * seconds).toPrecision(3)} ms` : `${seconds.toPrecision(3)} s`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
