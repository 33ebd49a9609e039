/** The data sets of alignment-handbook: `dataset_mixture`, and `dataset_mixer` of earlier versions. @module */
import type { Mapping } from "../yaml_source.ts";
import { type ConfigDraft, shown } from "./config_draft.ts";
import type { ForeignSource } from "./foreign_source.ts";
import { takeEvaluates, takeTestSize, takeTrlData, tellEvaluation } from "./trl_data.ts";

/** Takes the data sets with the share of each that is used. */
export function takeHandbookData(source: ForeignSource, draft: ConfigDraft): void {
  const template = source.text("chat_template");
  if (template !== undefined) draft.setTemplate("chat_template", template);
  const mixture = source.section("dataset_mixture");
  if (mixture !== undefined) takeMixture(source, mixture, draft);
  else if (source.has("dataset_mixer")) takeMixer(source, draft);
  else takeTrlData(source, draft);
}

function takeMixture(source: ForeignSource, mixture: ForeignSource, draft: ConfigDraft): void {
  const sets = (mixture.sections("datasets") ?? []).map((item): Mapping => {
    if (typeof item === "string") return { path: item, split: "train" };
    const [name, weight] = [item.text("config"), item.number("weight")];
    item.take("columns");
    const [path, split] = [item.text("id"), item.text("split") ?? "train"];
    tellLeft(item, draft);
    return { path, ...(name !== undefined && { name }), split, ...shareOf(weight, "weight", draft) };
  });
  draft.set("data.train", sets);
  draft.set("data.shuffle", true);
  draft.setOr("data.seed", mixture.number("seed"), { fallback: 0, program: "alignment-handbook" });
  takeTestSize(mixture, draft);
  tellLeft(mixture, draft);
  if (takeEvaluates(source)) tellEvaluation(source, draft);
}

function tellLeft(source: ForeignSource, draft: ConfigDraft): void {
  for (const { key, value } of source.left()) draft.missing(key, `${shown(value)}: not known to the import`);
}

function takeMixer(source: ForeignSource, draft: ConfigDraft): void {
  const mixer = source.section("dataset_mixer")!;
  const names = mixer.left().map(({ key }) => key.slice("dataset_mixer.".length));
  const splits = source.texts("dataset_splits") ?? ["train", "test"];
  const configs = source.texts("dataset_configs") ?? [];
  const sets = (split: string, isWeighted: boolean): Mapping[] =>
    names.map((path, i) => ({
      path,
      ...(configs[i] !== undefined && { name: configs[i] }),
      split,
      ...(isWeighted && shareOf(mixer.number(path), `dataset_mixer.${path}`, draft)),
    }));
  draft.set("data.train", splits.filter((split) => split.includes("train")).flatMap((split) => sets(split, true)));
  draft.set("data.shuffle", true);
  const held = splits.filter((split) => !split.includes("train"));
  if (!takeEvaluates(source)) return;
  draft.set("data.eval", held.flatMap((split) => sets(split, false)));
  tellEvaluation(source, draft);
}

/** The share of a set's rows; all of them is not written. */
function shareOf(weight: number | undefined, key: string, draft: ConfigDraft): Mapping {
  if (weight === undefined || weight === 1) return {};
  if (weight > 1) {
    draft.missing(key, `${weight} takes rows more than once, here a share is at most 1`);
    return {};
  }
  draft.differs(key, "the same number of rows, but other ones: chance here is Philox by data.seed");
  return { weight };
}
