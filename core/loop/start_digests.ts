/** What training begins with besides the model's own files, so that ranks can tell that they have the same. @module */
import { ADAPTER_FILES } from "../checkpoint/adapter_folder.ts";
import type { IterationConfig } from "../config/config_types.ts";
import { folderFiles, oneFile } from "../files/model_files.ts";
import { digestFile } from "../files/stream_digest.ts";
import { modelFiles } from "../run/model_path.ts";
import type { RunContext } from "../run/run_context.ts";
import { isNoiseFile } from "../train/noise_generator.ts";

/**
 * SHA-256 by what it is of: the files of the base that an adapter in `dir` names, of the adapter that
 * `lora.init_lora_weights` names, and the file of `noise.init`. Throws a UserError for what is not there.
 */
export async function startDigests(
  { sources, checksums }: Pick<RunContext, "sources" | "checksums">,
  dir: string,
  { lora, noise }: Pick<IterationConfig, "lora" | "noise">,
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  let base: string | null = null;
  await modelFiles(dir, async (name) => base = await sources.model(name));
  if (base !== null) {
    for (const [name, digest] of Object.entries(await checksums.identityOf(base))) {
      digests[`${name} of ${base}`] = digest;
    }
  }
  if (typeof lora?.init_lora_weights === "string" && lora.init_lora_weights !== "gaussian") {
    const files = await folderFiles(await sources.model(lora.init_lora_weights));
    for (const name of ADAPTER_FILES) {
      if (await files.stat(name) !== null) digests[`${name} of lora.init_lora_weights`] = await digestFile(files, name);
    }
  }
  if (noise !== "none" && isNoiseFile(noise.init)) {
    const { files, file } = oneFile(noise.init);
    digests["the file of noise.init"] = await digestFile(files, file);
  }
  return digests;
}
