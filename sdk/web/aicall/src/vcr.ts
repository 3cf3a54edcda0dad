// What is to be detected in the user's picture, and what was.

import { Configuration, flag, isObject, nested, number, type Field, type JSONObject } from "./fields";

export class AICallAgentVcrBaseConfig extends Configuration {
  constructor(public enable = false) {
    super();
  }

  protected override get fields(): readonly Field[] {
    return BASE;
  }
}

const BASE: readonly Field[] = [["Enabled", "enable", flag]];

export class AICallAgentVcrFrameMotionConfig extends AICallAgentVcrBaseConfig {
  constructor(
    enable = false,
    /** ms */
    public callbackDelay = 3000,
  ) {
    super(enable);
  }

  protected override get fields(): readonly Field[] {
    return FRAME_MOTION;
  }
}

const FRAME_MOTION: readonly Field[] = [...BASE, ["CallbackDelay", "callbackDelay", number]];

export class AICallAgentVcrConfig extends Configuration {
  stillFrameMotion?: AICallAgentVcrFrameMotionConfig;
  invalidFrameMotion?: AICallAgentVcrFrameMotionConfig;
  peopleCount?: AICallAgentVcrBaseConfig;
  equipment?: AICallAgentVcrBaseConfig;
  headMotion?: AICallAgentVcrBaseConfig;
  lookAway?: AICallAgentVcrBaseConfig;

  protected override get fields(): readonly Field[] {
    return VCR;
  }
}

const frameMotion = nested(() => new AICallAgentVcrFrameMotionConfig());
const base = nested(() => new AICallAgentVcrBaseConfig());

const VCR: readonly Field[] = [
  ["StillFrameMotion", "stillFrameMotion", frameMotion],
  ["InvalidFrameMotion", "invalidFrameMotion", frameMotion],
  ["PeopleCount", "peopleCount", base],
  ["Equipment", "equipment", base],
  ["HeadMotion", "headMotion", base],
  ["LookAway", "lookAway", base],
];

type FrameMotionResult = { duration: number };
type PeopleCountResult = { count: number };
type EquipmentResult = { mobilePhoneCount: number; headPhoneCount: number; watchCount: number };
type HeadMotionResult = { nodDetected: boolean; shakeDetected: boolean };
type LookAwayResult = { count: number; duration: number };

/** Blocks are there when the message had them. */
export class AICallAgentVcrResult {
  stillFrameMotion?: FrameMotionResult;
  invalidFrameMotion?: FrameMotionResult;
  peopleCount?: PeopleCountResult;
  equipment?: EquipmentResult;
  headMotion?: HeadMotionResult;
  lookAway?: LookAwayResult;

  constructor(public data: JSONObject) {
    for (const name of ["stillFrameMotion", "invalidFrameMotion", "peopleCount", "equipment", "headMotion", "lookAway"] as const) {
      const block = data[name];
      if (isObject(block)) Object.assign(this, { [name]: block });
    }
  }
}
