// What the agent says by itself: while the model lets the user wait, to a silent user, and while the user speaks.

import { Configuration, flag, list, nested, number, text, type Field } from "./fields";

export class AICallAgentAutoSpeechContent extends Configuration {
  text = "";
  probability = 0;

  protected override get fields(): readonly Field[] {
    return CONTENT;
  }
}

const CONTENT: readonly Field[] = [
  ["Text", "text", text],
  ["Probability", "probability", number],
];

const contents = list(() => new AICallAgentAutoSpeechContent());

export class AICallAgentAutoSpeechLlmPending extends Configuration {
  /** ms */
  waitTime = 3000;
  messages: AICallAgentAutoSpeechContent[] = [];

  protected override get fields(): readonly Field[] {
    return LLM_PENDING;
  }
}

const LLM_PENDING: readonly Field[] = [
  ["WaitTime", "waitTime", number],
  ["Messages", "messages", contents],
];

export class AICallAgentAutoSpeechUserIdle extends Configuration {
  /** ms, 5000 to 600000 */
  waitTime = 10000;
  /** 0 to 10; after the last the call is closed. */
  maxRepeats = 5;
  /** At most 10 of at most 100 characters; their probabilities sum to 1. */
  messages: AICallAgentAutoSpeechContent[] = [];

  protected override get fields(): readonly Field[] {
    return USER_IDLE;
  }
}

const USER_IDLE: readonly Field[] = [
  ["WaitTime", "waitTime", number],
  ["MaxRepeats", "maxRepeats", number],
  ["Messages", "messages", contents],
];

export class AICallAgentAutoSpeechConfig extends Configuration {
  llmPending?: AICallAgentAutoSpeechLlmPending;
  userIdle?: AICallAgentAutoSpeechUserIdle;

  protected override get fields(): readonly Field[] {
    return AUTO_SPEECH;
  }
}

const AUTO_SPEECH: readonly Field[] = [
  ["LlmPending", "llmPending", nested(() => new AICallAgentAutoSpeechLlmPending())],
  ["UserIdle", "userIdle", nested(() => new AICallAgentAutoSpeechUserIdle())],
];

/** A short word ("mm-hm") at a pause inside the user's turn. */
export class AICallAgentBackChanneling extends Configuration {
  enable = false;
  triggerStage = "pause_detected";
  probability = 0.5;
  words: AICallAgentAutoSpeechContent[] = [];

  protected override get fields(): readonly Field[] {
    return BACK_CHANNELING;
  }
}

const BACK_CHANNELING: readonly Field[] = [
  ["Enable", "enable", flag],
  ["TriggerStage", "triggerStage", text],
  ["Probability", "probability", number],
  ["Words", "words", contents],
];
