/**
 * How the lanes of a subgroup load the codes of a step of 4 k together, for NN: a tile's codes are few texels and its
 * scales few words, so that one load of each serves all four k, and subgroupBroadcast deals them out. What each lane
 * takes of them is known when the kernel is compiled: on a software rasterizer it becomes a few permutations.
 *
 * @module
 */
import { STORAGE_FACTS } from "../storage/storage.ts";
import { unroll } from "../unroll.ts";
import { chosen } from "./chosen.ts";
import type { MatmulAccess } from "./matmul_text.ts";

/** Statements before the loop over k, in it, and the `Eight` of pair `j` of a lane's vec4s at the step's k `q`. */
export interface DealtCodes {
  prepare: string;
  load: string;
  eight: (j: number, q: number) => string;
}

/** The text for a tile whose lanes own `pairs` of vec4s; `kept` keeps a k inside the block. */
export function dealCodes(
  { bType }: Pick<MatmulAccess, "bType">,
  { pairs, lanes, kept }: { pairs: number; lanes: number; kept: (k: string) => string },
): DealtCodes {
  const { group, bits } = STORAGE_FACTS[bType];
  const perTexel = 128 / bits;
  const columns = 8 * lanes * pairs;
  /** Loads by all lanes of what four k have, a unit for each `per` columns; lanes that are left over load some again. */
  const loads = (
    name: string,
    per: number,
  ): { count: number; prepare: string; load: (function_: string) => string } => {
    const units = columns / per;
    const count = Math.ceil(4 * units / lanes);
    return {
      count: units,
      prepare: unroll(count, (h) =>
        `  let ${name}_k${h} = (lane + ${h * lanes}u) / ${units}u % 4u;
  let ${name}_at${h} = min(group.y * ${columns}u + (lane + ${
          h * lanes
        }u) % ${units}u * ${per}u, (p.n - 1u) / ${per}u * ${per}u);`),
      load: (function_) =>
        unroll(
          count,
          (h) => `    let ${name}${h} = ${function_}(${kept(`k + ${name}_k${h}`)} * ldb + ${name}_at${h});`,
        ),
    };
  };
  const codes = loads("codes", perTexel);
  const scales = loads("scales", group);
  const from = (name: string, unit: number, word = ""): string =>
    `subgroupBroadcast(${name}${Math.floor(unit / lanes)}${word}, ${unit % lanes}u)`;
  return {
    prepare: `${codes.prepare}\n${scales.prepare}`,
    load: `${scales.load("load_scales")}\n${codes.load("load_texel")}`,
    eight: (j, q) => {
      const eights = Array.from({ length: lanes }, (_, lane) => j * lanes + lane);
      /** The part of each lane: the first for lanes 0 to `span` - 1, and so on. */
      const ofLane = (parts: string[], span: number): string =>
        chosen(parts, (bit) => `(lane & ${span << bit}u) != 0u`);
      // The tile's row of words, four to a texel, has `words` for each eight.
      const words = bits / 4;
      const code = (word: number): string =>
        ofLane(
          eights.map((eight) => eight * words + word).map((w) =>
            from("codes", q * codes.count + (w >> 2), `[${w % 4}]`)
          ),
          1,
        );
      const groups = eights.filter((eight) => eight * 8 % group === 0).map((eight) => eight * 8 / group);
      const scale = ofLane(groups.map((g) => from("scales", q * scales.count + g)), group / 8);
      return `Eight(${unroll(words, code, ", ")}, ${scale})`;
    },
  };
}
