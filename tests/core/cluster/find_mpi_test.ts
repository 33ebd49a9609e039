import { equal, rejects } from "node:assert/strict";
import { findMpi } from "../../../core/cluster/find_mpi.ts";
import { launchedAs } from "../../../core/cluster/launcher.ts";
import { withFolder } from "../../_shared/dnpo.ts";

/** A machine in a folder: files of these paths, and what finds the library there. */
async function machine(
  dir: string,
  files: readonly string[],
): Promise<(env?: Record<string, string>) => Promise<string>> {
  for (const file of [...files, "lists/empty.conf"]) {
    await Deno.mkdir(`${dir}/${file}/..`, { recursive: true });
    await Deno.writeTextFile(`${dir}/${file}`, "");
  }
  await Deno.mkdir(`${dir}/usr/lib`, { recursive: true });
  await Deno.writeTextFile(`${dir}/lists/a.conf`, `# a folder\n${dir}/listed\ninclude other\n`);
  const real = await Deno.realPath(dir);
  return async (env = {}) => {
    const read = (name: string): string | undefined => env[name]?.replaceAll("DIR", dir);
    const path = await findMpi({ read, folders: [`${dir}/usr/lib`], lists: `${dir}/lists` });
    return path.replace(real, "DIR");
  };
}

Deno.test("DNPO_MPI goes before all else, and has to name a file", () =>
  withFolder(async (dir) => {
    const find = await machine(dir, ["usr/lib/libmpi.so.40", "own/any.so"]);
    equal(await find({ DNPO_MPI: "DIR/own/any.so" }), "DIR/own/any.so");
    for (const name of ["DIR/own/none.so", "DIR/own", "own/any.so", "libmpi.so"]) {
      await rejects(find({ DNPO_MPI: name }), {
        name: "UserError",
        message: `Cannot find MPI: DNPO_MPI names ${
          name.replace("DIR", dir)
        }, expected the absolute path of a library's file`,
      });
    }
  }));

Deno.test("LD_LIBRARY_PATH, the folder beside mpirun, the loader's and the system's are looked through in this order", () =>
  withFolder(async (dir) => {
    const places = ["loaded/libmpi.so.40", "mpi/lib64/libmpi.so.40", "listed/libmpi.so.40", "usr/lib/libmpi.so.40"];
    const find = await machine(dir, [...places, "mpi/bin/orterun"]);
    await Deno.mkdir(`${dir}/bin`);
    await Deno.symlink(`${dir}/mpi/bin/orterun`, `${dir}/bin/mpirun`);
    const env = { LD_LIBRARY_PATH: "DIR/none:relative:DIR/loaded", PATH: "DIR/bin" };
    for (const place of places) {
      equal(await find(env), `DIR/${place}`);
      await Deno.remove(`${dir}/${place}`);
    }
    await rejects(find(env), {
      name: "UserError",
      message:
        `Cannot find MPI: none of libmpi.so.40, libmpich.so.12, libmpi.so.12, libmpi_abi.so, libmpi.so is in ${dir}/none, ${dir}/loaded, ${await Deno
          .realPath(dir)}/mpi/lib, ${await Deno.realPath(
            dir,
          )}/mpi/lib64, ${dir}/listed, ${dir}/usr/lib, expected a library (on Debian or Ubuntu: apt-get install openmpi-bin, or mpich), or its path in DNPO_MPI`,
    });
  }));

Deno.test("of several kinds the launcher's is taken, else mpirun's", () =>
  withFolder(async (dir) => {
    const find = await machine(dir, ["usr/lib/libmpi.so.40", "usr/lib/libmpich.so.12", "bin/mpiexec.hydra"]);
    equal(await find(), "DIR/usr/lib/libmpi.so.40");
    equal(await find({ PMI_RANK: "0", PMI_SIZE: "2" }), "DIR/usr/lib/libmpich.so.12");
    await Deno.symlink(`${dir}/bin/mpiexec.hydra`, `${dir}/bin/mpirun`);
    equal(await find({ PATH: "DIR/bin" }), "DIR/usr/lib/libmpich.so.12");
    equal(
      await find({ PATH: "DIR/bin", OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "2" }),
      "DIR/usr/lib/libmpi.so.40",
    );
    // A link leads to the file itself, which is what a permission names.
    await Deno.rename(`${dir}/usr/lib/libmpi.so.40`, `${dir}/usr/lib/libmpi.so.40.1`);
    await Deno.symlink(`${dir}/usr/lib/libmpi.so.40.1`, `${dir}/usr/lib/libmpi.so.40`);
    equal(await find(), "DIR/usr/lib/libmpi.so.40.1");
  }));

Deno.test("a launcher tells a rank's place, and half of what it tells is nothing", () => {
  const at = (env: Record<string, string>): string | undefined => {
    const launched = launchedAs((name) => env[name]);
    return launched === null ? undefined : `${launched.rank} of ${launched.size} by ${launched.variable}`;
  };
  equal(at({}), undefined);
  equal(at({ OMPI_COMM_WORLD_RANK: "3", OMPI_COMM_WORLD_SIZE: "4" }), "3 of 4 by OMPI_COMM_WORLD_SIZE");
  equal(at({ PMI_RANK: "0", PMI_SIZE: "2" }), "0 of 2 by PMI_SIZE");
  equal(at({ SLURM_PROCID: "1", SLURM_STEP_NUM_TASKS: "2" }), "1 of 2 by SLURM_STEP_NUM_TASKS");
  equal(at({ PMI_RANK: "0" }), undefined);
  equal(at({ PMI_RANK: "x", PMI_SIZE: "y" }), undefined);
});
