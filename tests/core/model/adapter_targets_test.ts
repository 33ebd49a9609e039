import { deepEqual, equal, throws } from "node:assert/strict";
import type { AdapterSettings } from "../../../core/checkpoint/peft_config.ts";
import { planNamedTargets, planTargets, writtenTargets } from "../../../core/model/adapter_targets.ts";
import { parseModelConfig } from "../../../core/model/families/model_config.ts";
import goldens from "./goldens/adapter_targets.json" with { type: "json" };

const CONFIG = parseModelConfig(goldens.config, "config.json");
const DEFAULTS = { lora_dropout: 0, use_rslora: false, rank_pattern: {}, alpha_pattern: {} };

function settingsOf(settings: Record<string, unknown>): AdapterSettings {
  return { ...DEFAULTS, r: 8, lora_alpha: 16, target_modules: "all-linear", ...settings } as AdapterSettings;
}

Deno.test("planTargets() adapts the modules that PEFT adapts, with its ranks and scales", async (t) => {
  for (const { settings, modules } of goldens.cases as { settings: Record<string, unknown>; modules: unknown }[]) {
    await t.step(JSON.stringify(settings), () => {
      if (modules === null) {
        throws(
          () => planTargets(CONFIG, settingsOf(settings), "lora"),
          /Cannot adapt any module \(lora\): target_modules/,
        );
        return;
      }
      const plan = planTargets(CONFIG, settingsOf(settings), "lora");
      deepEqual(Object.fromEntries(plan.modules.map(({ name, rank, scale }) => [name, [rank, scale]])), modules);
      deepEqual(plan.modules.map(({ index }) => index), plan.modules.map((_, i) => i));
    });
  }
});

Deno.test("planTargets() names what cannot be adapted, and patterns that are none", () => {
  const refused = (settings: Record<string, unknown>, message: RegExp) =>
    throws(() => planTargets(CONFIG, settingsOf(settings), "lora"), { name: "UserError", message });
  refused({ target_modules: ["q_proj", "lm_head"] }, /^Cannot adapt "lm_head" \(lora\): only the linear layers/);
  refused({ target_modules: ".*embed_tokens" }, /^Cannot adapt "model.embed_tokens"/);
  refused({ target_modules: "(q_proj" }, /target_modules is "\(q_proj", expected a regular expression/);
  refused({ rank_pattern: { "q(": 2 } }, /rank_pattern.q\( is /);
  refused({ target_modules: ".*q_proj", layers_to_transform: 1 }, /layers_to_transform is set and target_modules is a/);
});

Deno.test("planNamedTargets() refuses names, layers and patterns of no module, which planTargets() passes over as PEFT", () => {
  const last = CONFIG.layers.length - 1;
  const refused = (settings: Record<string, unknown>, message: RegExp) => {
    throws(() => planNamedTargets(CONFIG, settingsOf(settings)), { name: "UserError", message });
    planTargets(CONFIG, settingsOf(settings), "lora");
  };
  refused(
    { target_modules: ["q_proj", "v_prj"] },
    /^Cannot adapt modules \(lora\): target_modules has "v_prj", expected names or ends of names, such as q_proj, /,
  );
  refused({ exclude_modules: ["q_prj"] }, /exclude_modules has "q_prj", expected names/);
  refused(
    { layers_to_transform: [0, last + 1] },
    new RegExp(`layers_to_transform has ${last + 1}, expected layers from 0 to ${last}$`),
  );
  refused(
    { rank_pattern: { q_prj: 2 } },
    /rank_pattern has "q_prj", expected the end of an adapted module's name, such as model\.layers\.0\.self_attn\.q_proj$/,
  );
  refused({ target_modules: ["q_proj"], alpha_pattern: { v_proj: 2 } }, /alpha_pattern has "v_proj", expected the end/);
  const { hiddenSize, intermediateSize } = CONFIG;
  refused(
    { target_modules: ["down_proj"], r: intermediateSize + 1 },
    new RegExp(
      `^Cannot adapt modules \\(lora\\): the rank of model\\.layers\\.0\\.mlp\\.down_proj is ${
        intermediateSize + 1
      }, expected at most ${intermediateSize}, as its weight is \\[${hiddenSize}, ${intermediateSize}\\]$`,
    ),
  );
  refused(
    { rank_pattern: { "layers.1.self_attn.v_proj": 1e6 } },
    /the rank of model\.layers\.1\.self_attn\.v_proj is 1000000/,
  );
  for (
    const settings of [
      { target_modules: ["down_proj"], r: intermediateSize },
      { target_modules: ["layers.0.self_attn.q_proj", "v_proj"], exclude_modules: ["lm_head"] },
      { layers_to_transform: last, rank_pattern: { ".*q_proj": 2, [`layers.${last}.mlp.up_proj`]: 3 } },
    ]
  ) deepEqual(planNamedTargets(CONFIG, settingsOf(settings)), planTargets(CONFIG, settingsOf(settings), "lora"));
  throws(
    () => planTargets(CONFIG, settingsOf({ layers_to_transform: last + 1 }), "lora"),
    new RegExp(
      `Cannot adapt any module \\(lora\\): layers_to_transform is ${last + 1}, expected layers from 0 to ${last}$`,
    ),
  );
});

Deno.test("planTargets() takes time linear in a name for any pattern", () => {
  const start = performance.now();
  throws(() => planTargets(CONFIG, settingsOf({ target_modules: "((.+)+)+x" }), "lora"), /Cannot adapt any/);
  equal(performance.now() - start < 10_000, true);
});

Deno.test("writtenTargets() names all linear layers, as PEFT writes them", () =>
  deepEqual(writtenTargets(CONFIG, settingsOf({})).target_modules, [
    "down_proj",
    "gate_proj",
    "k_proj",
    "o_proj",
    "q_proj",
    "up_proj",
    "v_proj",
  ]));
