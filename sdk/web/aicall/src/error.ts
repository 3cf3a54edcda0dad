import { AICallErrorCode } from "./enums";

/** What the engine throws. Without a code it is `UnknowError` (the contract's own spelling). */
export class AICallAgentError extends Error {
  code?: number;

  constructor(message: string, code?: number) {
    super(message);
    this.code = code || AICallErrorCode.UnknowError;
  }
}
