/**
 * A program that runs on Mesa's libraries: reads a JSON list of {@linkcode ShaderFile} from its standard input, and has
 * the driver in the library of its argument compile each. It prints a line of JSON for the driver, and one for each
 * shader. @module
 */
import { type Compiled, type CompileOptions, VulkanCompiler } from "./vulkan.ts";

/** A shader to compile. */
export interface ShaderFile extends CompileOptions {
  /** Its SPIR-V. */
  readonly path: string;
}

/** The first line. */
export interface DriverLine {
  /** The device, as the driver calls it. */
  readonly device: string;
  readonly driver: string;
}

if (import.meta.main) {
  const files = await new Response(Deno.stdin.readable).json() as ShaderFile[];
  const compiler = new VulkanCompiler(Deno.args[0]!);
  print({ device: compiler.device, driver: compiler.driver });
  for (const { path, ...options } of files) print(compiler.compile(await Deno.readFile(path), options));
  // The driver's threads keep the process.
  Deno.exit(0);
}

function print(line: DriverLine | Compiled): void {
  console.log(JSON.stringify(line));
}
