/** Whether a device can train in a precision. @module */
import type { Device } from "../../kernels/device/device.ts";
import type { MatmulPrecision } from "../../kernels/device/precision.ts";
import { UserError } from "../error.ts";

/** Throws a UserError where a device has no matrix units that products of this precision take. */
export function checkPrecision({ matrix, title }: Device, precision: MatmulPrecision): void {
  if (precision === "float32" || matrix !== null) return;
  throw new UserError(
    `Cannot train with training.precision=${precision}: ${title} grants no matrix units (subgroup matrices), ` +
      "expected DNPO_WEBGPU=dawn on a device that has them (docs/platforms.md), or float32",
  );
}
