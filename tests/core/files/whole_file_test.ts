/** Files that are read whole: what may never end is refused, and nothing larger than a text can be is read. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { openSource } from "../../../core/data/formats/data_sources.ts";
import { readOptionalText, readText, readWhole } from "../../../core/files/io.ts";
import { folderFiles } from "../../../core/files/model_files.ts";
import { readHubSettings } from "../../../core/hub/hub_settings.ts";
import { readYamlRecord } from "../../../core/run/resume_check.ts";
import { withFolder } from "../../_shared/dnpo.ts";

Deno.test("pipes, devices and files beyond a text's length are refused by name, whoever reads them", () =>
  withFolder(async (dir) => {
    const script = `mkfifo "${dir}/pipe"; truncate -s 20G "${dir}/large"; ln -s /dev/zero "${dir}/zero"`;
    await new Deno.Command("bash", { args: ["-c", script] }).output();
    await Deno.writeTextFile(`${dir}/text`, "\ufeffa: 1\n");
    const files = await folderFiles(dir);
    const readers: ((name: string) => Promise<unknown>)[] = [
      (name) => readWhole(`${dir}/${name}`),
      (name) => readText(`${dir}/${name}`),
      (name) => readOptionalText(`${dir}/${name}`),
      (name) => readYamlRecord(`${dir}/${name}`),
      (name) => files.read(name),
    ];
    for (const read of readers) {
      for (const name of ["pipe", "zero"]) {
        await rejects(read(name), /^UserError: Cannot read \S+: it is not a file, expected one$/);
      }
      await rejects(
        read("large"),
        /^UserError: Cannot read \S+\/large: it has 21474836480 bytes, expected at most \d+$/,
      );
      await read("text");
    }
    for (const name of ["pipe", "zero"]) {
      await rejects(
        openSource(`${dir}/${name}`),
        /^UserError: Cannot read \S+: it is neither a file nor a folder, expected/,
      );
    }
    equal(
      await readText(`${dir}/pipe`, { what: "the prompt" }).catch(({ message }) => message),
      "Cannot read the prompt: it is not a file, expected one",
    );
    deepEqual(await readYamlRecord(`${dir}/text`), { a: 1 });
    // Without a token that can be read there is none.
    const settings = await readHubSettings((name) => ({ HF_TOKEN_PATH: `${dir}/zero`, HF_HOME: dir })[name]);
    equal(settings.token(), null);
  }));
