/** The environment in which a process finds a driver that lies in a folder. @module */
import type { Platform } from "./platforms.ts";

/**
 * The variables for a driver whose packages are unpacked in `root`; for a whole system these are its own paths. Writes the
 * driver's description for Vulkan's loader beside `root`, with the path that the library has there.
 */
export async function driverEnvironment(root: string, { icd, set }: Platform): Promise<Record<string, string>> {
  // A whole system is entered, and has all in its usual places.
  const seen = set.whole ? "" : root;
  const libraries = (await entries(`${root}/usr/lib`, /-linux-gnu$/)).map((name) => `${seen}/usr/lib/${name}`);
  const paths = set.whole ? {} : { LD_LIBRARY_PATH: libraries.join(":") };
  if (icd === null) {
    return {
      ...paths,
      DENO_WEBGPU_BACKEND: "gl",
      LIBGL_DRIVERS_PATH: libraries.map((path) => `${path}/dri`).join(":"),
      __EGL_VENDOR_LIBRARY_DIRS: `${seen}/usr/share/glvnd/egl_vendor.d`,
    };
  }
  const [folder, name] = [icd.slice(0, icd.lastIndexOf("/")), icd.slice(icd.lastIndexOf("/") + 1)];
  const pattern = new RegExp(`^${name.replace(".", "\\.").replace("*", ".*")}$`);
  const [file] = await entries(`${root}/${folder}`, pattern);
  const description = JSON.parse(await Deno.readTextFile(`${root}/${folder}/${file}`));
  const { library_path: library } = description.ICD as { library_path: string };
  const base = library.slice(library.lastIndexOf("/") + 1);
  const inFolder = await exists(`${root}/${folder}/${base}`) ? `${seen}/${folder}` : libraries[0];
  description.ICD.library_path = `${inFolder}/${base}`;
  await Deno.writeTextFile(`${root}/driver.json`, JSON.stringify(description));
  return { ...paths, DENO_WEBGPU_BACKEND: "vulkan", VK_DRIVER_FILES: `${seen}/driver.json` };
}

async function entries(folder: string, pattern: RegExp): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (pattern.test(name)) names.push(name);
  return names.sort();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
