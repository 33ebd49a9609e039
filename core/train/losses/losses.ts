/** All losses, by the config's names. @module */
import type { LossType } from "../../config/config_types.ts";
import type { Loss } from "./loss.ts";
import * as preference from "./preference.ts";
import { sft } from "./sft.ts";

/** The losses by `training.loss_type`. */
export const LOSSES: Readonly<Record<LossType, Loss>> = { ...preference, sft };
