/** Whether a name is on the hub, without a download of what it names. @module */
import { join } from "node:path";
import { HubClient } from "./hub_client.ts";
import { type About, ConnectionError } from "./hub_errors.ts";
import { readHubSettings } from "./hub_settings.ts";
import { parseDatasetSpec, parseModelSpec, specName } from "./hub_spec.ts";
import { fetchRepoInfo, listRepoFiles } from "./repository.ts";
import { fetchFiles } from "./snapshot.ts";

/** What the hub says of a name: there, there with a config.json in the cache, or nothing where it cannot be asked. */
export type Found = { isThere: true; config: string | null } | { isThere: null };

/**
 * Asks the hub for a name, and for a model's config.json. Null if the text is no name of the hub. Throws a UserError if
 * there is no such repository or revision, or it may not be seen.
 */
export async function lookUp(text: string, type: "model" | "dataset"): Promise<Found | null> {
  const repo = type === "model" ? parseModelSpec(text) : parseDatasetSpec(text);
  if (repo === null) return null;
  const settings = await readHubSettings();
  if (settings.offline) return { isThere: null };
  const client = new HubClient(settings);
  const about: About = { action: `Cannot use ${specName(repo)}`, repo };
  try {
    const { commit } = await fetchRepoInfo(client, repo, about);
    if (type === "dataset") return { isThere: true, config: null };
    const listed = (await listRepoFiles(client, { repo, commit }, about)).find(({ path }) => path === "config.json");
    if (listed === undefined || listed.problem !== undefined) return { isThere: true, config: null };
    const dir = await fetchFiles(client, { repo, commit, files: [listed], about });
    return { isThere: true, config: join(dir, "config.json") };
  } catch (error) {
    if (error instanceof ConnectionError) return { isThere: null };
    throw error;
  }
}
