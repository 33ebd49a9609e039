import { deepEqual, equal, throws } from "node:assert/strict";
import type { AdapterSettings } from "../../../core/checkpoint/peft_config.ts";
import { planTargets, writtenTargets } from "../../../core/model/adapter_targets.ts";
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

Deno.test("planTargets() takes time linear in a name for any pattern", () => {
  const start = performance.now();
  throws(() => planTargets(CONFIG, settingsOf({ target_modules: "((.+)+)+x" }), "lora"), /Cannot adapt any/);
  equal(performance.now() - start < 2000, true);
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
