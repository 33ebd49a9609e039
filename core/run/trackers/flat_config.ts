/** A run's config as names and values, for trackers that have no tree. @module */
import { isRecord } from "../../values.ts";

/** The leaves of a config by their path, `training.beta`; a list is one leaf. */
export function flatConfig(config: Readonly<Record<string, unknown>>, prefix = ""): [string, unknown][] {
  return Object.entries(config).flatMap(([key, value]): [string, unknown][] => {
    const name = prefix + key;
    return isRecord(value) ? flatConfig(value, `${name}.`) : [[name, value]];
  });
}

/** The most characters of a value that every version of MLflow takes. */
const PARAM_LENGTH = 500;

/** A config's leaves as MLflow's params: texts as they are, all else as JSON; what is longer ends in `…`. */
export function mlflowParams(config: Readonly<Record<string, unknown>>): { key: string; value: string }[] {
  return flatConfig(config).map(([key, value]) => {
    // A value is a line of its own in MLflow's folders.
    const text = (typeof value === "string" ? value : JSON.stringify(value)).replace(/[\r\n]+/g, " ");
    const characters = [...text];
    const cut = characters.length <= PARAM_LENGTH ? text : `${characters.slice(0, PARAM_LENGTH - 1).join("")}…`;
    // MLflow's names have letters, digits and these.
    return { key: key.replace(/[^\w./ -]/g, "_"), value: cut };
  });
}

/** The tags of a run at MLflow: its own of dnpo, and those that MLflow's page shows as name and source. */
export function mlflowTags(
  { name, tags }: { name: string; tags: Readonly<Record<string, string>> },
): { key: string; value: string }[] {
  return Object.entries({
    "mlflow.runName": name,
    "mlflow.source.name": "dnpo",
    "mlflow.source.type": "LOCAL",
    ...Object.fromEntries(Object.entries(tags).map(([key, value]) => [`dnpo.${key}`, value])),
  }).map(([key, value]) => ({ key, value }));
}

/** MLflow's words and numbers for how a run stands. */
export const MLFLOW_STATUS = {
  running: { word: "RUNNING", number: 1 },
  finished: { word: "FINISHED", number: 3 },
  failed: { word: "FAILED", number: 4 },
  stopped: { word: "KILLED", number: 5 },
} as const;
