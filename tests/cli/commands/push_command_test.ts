import { deepEqual, equal, match, rejects } from "node:assert/strict";
import { push } from "../../../cli/commands/push_command.ts";
import { filesToPush } from "../../../core/report/push_run.ts";
import { writeTinyModel } from "../../_shared/tiny_model.ts";
import { withFolder } from "../../core/_tiny.ts";

Deno.test("push() overwrites no card in a dry run, unless it is told to", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/run/model`);
    const cardPath = `${dir}/card.md`;
    const flags = {
      run: `${dir}/run`,
      repo: "me/mine",
      dryRun: true,
      isPublic: false,
      asAdapter: false,
      quiet: true,
      cardPath,
    };
    const dry = (force: boolean): Promise<number> => push({ ...flags, force, message: undefined, revision: undefined });
    equal(await dry(false), 0);
    match(await Deno.readTextFile(cardPath), /\n# mine\n\nThis model was made with the program dnpo\.\n/);
    await Deno.writeTextFile(cardPath, "edited");
    await rejects(dry(false), {
      name: "UserError",
      message: `Cannot write the card ${cardPath}: it is there already, expected a new name, or --force`,
    });
    equal(await Deno.readTextFile(cardPath), "edited");
    equal(await dry(true), 0);
    match(await Deno.readTextFile(cardPath), /# mine/);
  }));

Deno.test("filesToPush() sends the additional chat templates", () =>
  withFolder(async (dir) => {
    await writeTinyModel(`${dir}/run/model`);
    await Deno.mkdir(`${dir}/run/model/additional_chat_templates`);
    await Deno.writeTextFile(`${dir}/run/model/additional_chat_templates/tool_use.jinja`, "{{ tools }}");
    const { files } = await filesToPush(`${dir}/run`, { repo: "me/mine" });
    deepEqual(files.filter(({ path }) => path.includes("/")), [{
      path: "additional_chat_templates/tool_use.jinja",
      size: 11,
      content: { file: `${dir}/run/model/additional_chat_templates/tool_use.jinja` },
    }]);
  }));
