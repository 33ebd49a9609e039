/**
 * Downloads Dawn, Chromium's WebGPU, as npm's package `webgpu` has it for Node.js: `deno task dawn`. The package has a lock
 * of its own, since Deno downloads all that a lock lists, and this is 132 MB; this system's part of it is kept. @module
 */
import { fileURLToPath } from "node:url";
import { fetching, Unavailable } from "./unavailable.ts";

const VERSION = "0.6.2";

const FOLDER = fileURLToPath(new URL("../.dawn", import.meta.url));

/** The library, once it was fetched. */
export const DAWN: string = `${FOLDER}/dawn.node`;

/** Makes sure that the library is there, in the wanted version. Throws Unavailable where it cannot be had. */
export async function fetchDawn(): Promise<void> {
  const version = await Deno.readTextFile(`${FOLDER}/version`).catch(() => null);
  if (version === VERSION) return;
  // Several processes may do this at a time.
  const work = `${FOLDER}/${crypto.randomUUID()}`;
  await Deno.mkdir(work, { recursive: true });
  try {
    const args = ["cache", "--quiet", "--no-config", "--node-modules-dir=auto", "--frozen", `npm:webgpu@${VERSION}`];
    const lock = `--lock=${fileURLToPath(new URL("./dawn.lock", import.meta.url))}`;
    await fetching(Deno.execPath(), [...args, lock], work);
    const part = `${work}/node_modules/webgpu/dist/${systemName()}`;
    // On Windows it has libraries of its own beside it.
    for await (const { name } of Deno.readDir(part)) {
      await Deno.copyFile(`${part}/${name}`, `${work}/${name}`);
      await Deno.rename(`${work}/${name}`, `${FOLDER}/${name}`);
    }
    await Deno.writeTextFile(`${work}/version`, VERSION);
    await Deno.rename(`${work}/version`, `${FOLDER}/version`);
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** The package's name of this system. */
function systemName(): string {
  const { os, arch } = Deno.build;
  if (os === "darwin") return "darwin-universal";
  return `${os === "windows" ? "win32" : os}-${arch === "aarch64" ? "arm64" : "x64"}`;
}

if (import.meta.main) {
  try {
    await fetchDawn();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(`Cannot download Dawn: ${error.message}`);
    Deno.exit(1);
  }
}
