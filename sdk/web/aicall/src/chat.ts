// AICallKit's message chat, which Ringline does not offer: it belongs to a messaging product. The names are here because an
// application that imports one of them would not build without; whoever makes use of one is told.

/** Anything. Code that uses the chat must compile, strictly too, to be told at run time. */
type Anything = any;

interface NotOffered {
  on(event: string, listener: (...args: Anything[]) => void): Anything;
  once(event: string, listener: (...args: Anything[]) => void): Anything;
  off(event: string, listener?: (...args: Anything[]) => void): Anything;
  attachmentList: Anything[];
  createAttachmentUploader(): Promise<NotOffered>;
  [member: string]: Anything;
}

type NotOfferedClass = { new (...args: Anything[]): NotOffered } & Record<string, Anything>;

function notOffered(name: string): NotOfferedClass {
  const tell = (what: string): never => {
    throw new Error(`${what} is part of AICallKit's message chat, which Ringline does not offer. For calls there is ARTCAICallEngine.`);
  };
  const chat = class {
    constructor() {
      tell(name);
    }
  };
  Object.defineProperty(chat, "name", { value: name });
  return new Proxy(chat as unknown as NotOfferedClass, {
    get(target, key, receiver) {
      // What any class is asked for.
      if (typeof key === "symbol" || key in target) return Reflect.get(target, key, receiver) as unknown;
      return tell(`${name}.${key}`);
    },
  });
}

export const AIChatEngine = /* @__PURE__ */ notOffered("AIChatEngine");
export type AIChatEngine = NotOffered;
export const AIChatAgentInfo = /* @__PURE__ */ notOffered("AIChatAgentInfo");
export type AIChatAgentInfo = NotOffered;
export const AIChatAgentShareConfig = /* @__PURE__ */ notOffered("AIChatAgentShareConfig");
export type AIChatAgentShareConfig = NotOffered;
export const AIChatAttachment = /* @__PURE__ */ notOffered("AIChatAttachment");
export type AIChatAttachment = NotOffered;
export const AIChatAttachmentUploader = /* @__PURE__ */ notOffered("AIChatAttachmentUploader");
export type AIChatAttachmentUploader = NotOffered;
export const AIChatAuthToken = /* @__PURE__ */ notOffered("AIChatAuthToken");
export type AIChatAuthToken = NotOffered;
export const AIChatError = /* @__PURE__ */ notOffered("AIChatError");
export type AIChatError = NotOffered;
export const AIChatMessage = /* @__PURE__ */ notOffered("AIChatMessage");
export type AIChatMessage = NotOffered;
export const AIChatTemplateConfig = /* @__PURE__ */ notOffered("AIChatTemplateConfig");
export type AIChatTemplateConfig = NotOffered;
export const AIChatUserInfo = /* @__PURE__ */ notOffered("AIChatUserInfo");
export type AIChatUserInfo = NotOffered;
export type AIChatEngineEvents = Anything;
export type AIChatErrorCode = Anything;
export type AIChatMessageListRequest = Anything;
export type AIChatSendMessageRequest = Anything;

export enum AIChatAgentType {
  MessageChat = 11,
}

export enum AIChatAgentResponseState {
  Listening = 1,
  Thinking = 2,
  Replying = 3,
}

export enum AIChatAttachmentState {
  Init = 0,
  Uploading = 1,
  Success = 2,
  Failed = 3,
}

export enum AIChatEngineState {
  Init = 0,
  Connecting = 1,
  Connected = 2,
  Disconnect = 3,
}

export enum AIChatMessagePlayState {
  Init = 0,
  Playing = 1,
  Stopped = 2,
  Failed = 3,
}

export enum AIChatMessageState {
  Init = 1,
  Transfering = 2,
  Printing = 3,
  Interrupted = 4,
  Finished = 5,
  Failed = 6,
}

export enum AIChatMessageType {
  Text = 0,
  Voice = 1,
}

export enum AIChatMessageDataType {
  TextQuery = "TextQuery",
  TextResponse = "TextResponse",
  TTSQuery = "TTSQuery",
  TTSResponse = "TTSResponse",
  SpeechQuery = "SpeechQuery",
  SpeechTranscription = "SpeechTranscription",
  DeleteAIAgentDialogue = "DeleteAIAgentDialogue",
  ListAIAgentDialogues = "ListAIAgentDialogues",
  DescribeAIAgent = "DescribeAIAgent",
  Error = "Error",
}
