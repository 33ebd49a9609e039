/** How `dnpo plan` reads its flags about ranks. @module */
import { isPowerOfTwo } from "../core/cluster/transport.ts";
import { UserError } from "../core/error.ts";
import { MOST_RANKS } from "../core/plan/rank_settings.ts";

const FACTORS = { M: 1e6, G: 1e9, T: 1e12 } as const;

/** The number of `--ranks`; undefined if it is not given. Throws a UserError for another value than a power of two. */
export function rankCount(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const ranks = /^\d+$/.test(String(value)) ? Number(value) : NaN;
  if (isPowerOfTwo(ranks) && ranks <= MOST_RANKS) return ranks;
  throw new UserError(
    `--ranks: expected a power of two of at most ${MOST_RANKS}, such as 8, got ${JSON.stringify(value)}`,
  );
}

/** The bits per second of `--link`; undefined if it is not given. Throws a UserError for what is no such number. */
export function linkBits(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const [, number, factor] = /^(\d+(?:\.\d+)?)([MGT])(?:bit\/s)?$/.exec(String(value)) ?? [];
  const bits = Number(number) * (FACTORS[factor as keyof typeof FACTORS] ?? NaN);
  if (bits > 0 && bits <= 1e15) return bits;
  throw new UserError(`--link: expected bits per second such as 10G or 200M, got ${JSON.stringify(value)}`);
}
