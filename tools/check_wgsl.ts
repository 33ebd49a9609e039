/**
 * Compiles every text of the kernels with Tint, the compiler of Chromium and Dawn: `deno task check:wgsl`, with `--all`
 * every combination of the choices that a text is made of, with files these in place of the kernels. A line for each text
 * that is refused, and exit code 1; "NOT RUN", and exit code 0, where Dawn cannot be had. @module
 */
import { kernelTexts } from "./wgsl/kernel_texts.ts";
import type { PipelineText } from "./wgsl/stand_in_device.ts";
import { openTint, type Tint } from "./wgsl/tint.ts";

async function open(): Promise<Tint | null> {
  try {
    return await openTint();
  } catch (error) {
    console.log(`check:wgsl: NOT RUN, Dawn cannot be loaded: ${String(error).split("\n")[0]}`);
    return null;
  }
}

async function fileText(path: string): Promise<PipelineText> {
  const code = await Deno.readTextFile(path);
  return { name: path, device: "file", call: "", code, constants: {}, workgroupBytes: 0, entries: null };
}

async function main(args: readonly string[]): Promise<number> {
  const files = args.filter((argument) => argument !== "--all");
  const option = files.find((argument) => argument.startsWith("-"));
  if (option !== undefined) {
    console.error(`Cannot check the kernels: option is "${option}", expected --all or files of WGSL`);
    return 2;
  }
  const tint = await open();
  if (tint === null) return 0;
  const start = performance.now();
  const texts = files.length > 0
    ? await Promise.all(files.map(fileText))
    : await kernelTexts("tint", { thorough: args.includes("--all") });
  let refused = 0;
  for (const text of texts) {
    const message = await tint.refusalOf(text);
    if (message === null) continue;
    refused++;
    console.error(`${text.name} (${text.device}): ${message}`);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`check:wgsl: ${texts.length} pipelines, ${refused} refused (${seconds} s)`);
  return refused === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
