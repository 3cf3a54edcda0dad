// What the agent says by itself: while the model lets the user wait, to a silent user, and while the user speaks.

import { flag, list, nested, number, readFields, text, writeFields, type Field, type JSONObject } from "./fields";

export class AICallAgentAutoSpeechContent {
  text = "";
  probability = 0;

  fromJSON(data: JSONObject): void {
    readFields(this, CONTENT, data);
  }

  toJSON(): JSONObject {
    return writeFields(this, CONTENT);
  }
}

const CONTENT: readonly Field[] = [
  ["Text", "text", text],
  ["Probability", "probability", number],
];

const contents = list(() => new AICallAgentAutoSpeechContent());

export class AICallAgentAutoSpeechLlmPending {
  /** ms */
  waitTime = 3000;
  messages: AICallAgentAutoSpeechContent[] = [];

  fromJSON(data: JSONObject): void {
    readFields(this, LLM_PENDING, data);
  }

  toJSON(): JSONObject {
    return writeFields(this, LLM_PENDING);
  }
}

const LLM_PENDING: readonly Field[] = [
  ["WaitTime", "waitTime", number],
  ["Messages", "messages", contents],
];

export class AICallAgentAutoSpeechUserIdle {
  /** ms, 5000 to 600000 */
  waitTime = 10000;
  /** 0 to 10; after the last the call is closed. */
  maxRepeats = 5;
  /** At most 10 of at most 100 characters; their probabilities sum to 1. */
  messages: AICallAgentAutoSpeechContent[] = [];

  fromJSON(data: JSONObject): void {
    readFields(this, USER_IDLE, data);
  }

  toJSON(): JSONObject {
    return writeFields(this, USER_IDLE);
  }
}

const USER_IDLE: readonly Field[] = [
  ["WaitTime", "waitTime", number],
  ["MaxRepeats", "maxRepeats", number],
  ["Messages", "messages", contents],
];

export class AICallAgentAutoSpeechConfig {
  llmPending?: AICallAgentAutoSpeechLlmPending;
  userIdle?: AICallAgentAutoSpeechUserIdle;

  fromJSON(data: JSONObject): void {
    readFields(this, AUTO_SPEECH, data);
  }

  toJSON(): JSONObject {
    return writeFields(this, AUTO_SPEECH);
  }
}

const AUTO_SPEECH: readonly Field[] = [
  ["LlmPending", "llmPending", nested(() => new AICallAgentAutoSpeechLlmPending())],
  ["UserIdle", "userIdle", nested(() => new AICallAgentAutoSpeechUserIdle())],
];

/** A short word ("mm-hm") at a pause inside the user's turn. */
export class AICallAgentBackChanneling {
  enable = false;
  triggerStage = "pause_detected";
  probability = 0.5;
  words: AICallAgentAutoSpeechContent[] = [];

  fromJSON(data: JSONObject): void {
    readFields(this, BACK_CHANNELING, data);
  }

  toJSON(): JSONObject {
    return writeFields(this, BACK_CHANNELING);
  }
}

const BACK_CHANNELING: readonly Field[] = [
  ["Enable", "enable", flag],
  ["TriggerStage", "triggerStage", text],
  ["Probability", "probability", number],
  ["Words", "words", contents],
];
