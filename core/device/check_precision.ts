/** Whether a device can train in a precision. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import { SUBGROUP_MATRIX } from "../../kernels/device/subgroup_matrix.ts";
import { UserError } from "../error.ts";

/** Throws a UserError where a device has no matrix units that products of this precision take. */
export function checkPrecision(
  { matrix, title, lavapipe, features }: Pick<Device, "matrix" | "title" | "lavapipe" | "features">,
  precision: MatmulPrecision,
): void {
  if (precision === "float32" || matrix !== null) return;
  if (lavapipe !== null && features.has(SUBGROUP_MATRIX)) {
    throw new UserError(
      `Cannot train with training.precision=${precision}: ${title} multiplies matrices with vectors of 256 bits ` +
        "alone, expected LP_NATIVE_VECTOR_WIDTH=256, or float32",
    );
  }
  throw new UserError(
    `Cannot train with training.precision=${precision}: ${title} grants no matrix units (subgroup matrices), ` +
      "expected DNPO_WEBGPU=dawn on a device that has them (docs/platforms.md), or float32",
  );
}
