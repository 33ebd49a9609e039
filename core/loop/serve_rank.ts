/** The work of another rank than the first. @module */
import { nextTask } from "../cluster/crew.ts";
import type { Transport } from "../cluster/transport.ts";
import type { ResolvedConfig } from "../config/config_types.ts";
import type { RowsToContinue } from "../evaluate/continue_rows.ts";
import type { ChoicesToScore } from "../evaluate/score_choices.ts";
import type { PromptsToAnswer } from "../generate/generate.ts";
import type { TextsToScore } from "../model/reward_model.ts";
import type { RowsToScore } from "../model/row_logps.ts";
import { type FilesTask, takeFiles } from "../run/gathered_files.ts";
import { meetWithDevice, type OpenTask } from "../run/meet_crew.ts";
import { type RunContext, type RunHooks, withDevice } from "../run/run_context.ts";
import type { OptimizeTask } from "../train/optimize_crew.ts";
import { checkSameFiles } from "./same_files.ts";
import { serveChoices, serveContinue, ServedModels, serveGenerate, serveScore, serveTexts } from "./serve_model.ts";
import { serveOptimize } from "./serve_optimize.ts";

/** Does what the first rank tells, until it has no more tasks. Throws UserError or DeviceError. */
export async function serveRank(transport: Transport, config: ResolvedConfig, hooks: RunHooks = {}): Promise<void> {
  const first = await nextTask(transport);
  if (first === null) return;
  const { kernels, trains } = first as unknown as OpenTask;
  await withDevice(config, { needs: [], trains, kernels, hooks }, async (context) => {
    await meetWithDevice(transport, context.device);
    await serveTasks(transport, context);
  });
}

async function serveTasks(transport: Transport, context: RunContext): Promise<void> {
  using models = new ServedModels(context);
  const { commands } = context;
  for (let task = await nextTask(transport); task !== null; task = await nextTask(transport)) {
    switch (task.task) {
      case "files": {
        const files = task as unknown as FilesTask;
        const lacks = await checkSameFiles(context, files).then(() => false, () => true);
        await takeFiles(transport, files, { lacks });
        break;
      }
      case "optimize":
        models.free();
        // As the first rank does between stages.
        commands.release();
        if (!await serveOptimize(context, transport, task as unknown as OptimizeTask)) return;
        commands.release();
        break;
      case "score":
        await serveScore(commands, transport, await models.load(task), task as unknown as RowsToScore);
        break;
      case "generate":
        await serveGenerate(commands, transport, await models.load(task), task as unknown as PromptsToAnswer);
        break;
      case "choices":
        await serveChoices(commands, transport, await models.load(task), task as unknown as ChoicesToScore);
        break;
      case "continue": {
        const loaded = { model: await models.load(task), tokenizer: await models.tokenizer(task) };
        await serveContinue(commands, transport, loaded, task as unknown as RowsToContinue);
        break;
      }
      case "texts":
        await serveTexts(commands, transport, await models.loadReward(task), task as unknown as TextsToScore);
        break;
      default:
        throw new TypeError(`Cannot serve the task "${task.task}": this rank does not know it`);
    }
  }
}
