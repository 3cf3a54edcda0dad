// The numbers of AICallKit (client-sdk §1.2 and §4).

export enum AICallAgentType {
  VoiceAgent = 0,
  AvatarAgent = 1,
  VisionAgent = 2,
  VideoAgent = 3,
}

export enum AICallState {
  None = 0,
  Connecting = 1,
  Connected = 2,
  Over = 3,
  Error = 4,
}

export enum AICallAgentState {
  Listening = 1,
  Thinking = 2,
  Speaking = 3,
}

export enum AICallSpeakingInterruptedReason {
  unknown = 0,
  byWords = 1,
  byVoice = 2,
  byInterruptSpeaking = 3,
  bySpeechBroadCast = 4,
  byLlmQuery = 5,
}

export enum AICallVoiceprintResult {
  Off = 0,
  Unregister = 1,
  DetectedSpeaker = 2,
  UndetectedSpeaker = 3,
  DetectedSpeakerWithAIVad = 4,
  UndetectedSpeakerWithAIVad = 5,
  Unknown = 100,
}

export enum AICallTurnDetectionMode {
  Normal = 0,
  Semantic = 1,
}

export { ConnectionStatus as AICallConnectionStatus } from "../../core/src";

export enum AICallErrorCode {
  None = 0,
  InvalidAction = -1,
  InvalidParames = -2,
  NetworkError = -3,
  InternalError = -4,
  BeginCallFailed = -10000,
  ConnectionFailed = -10001,
  PublishFailed = -10002,
  SubscribeFailed = -10003,
  TokenExpired = -10004,
  KickedByUserReplace = -10005,
  KickedBySystem = -10006,
  KickedByChannelTerminated = -10007,
  LocalDeviceException = -10008,
  AgentLeaveChannel = -10101,
  AgentPullFailed = -10102,
  AgentASRFailed = -10103,
  AvatarServiceFailed = -10201,
  AvatarRoutesExhausted = -10202,
  AgentSubscriptionRequired = -10203,
  AgentNotFound = -10204,
  ChatTextMessageSendFailed = -10301,
  ChatTextMessageReceiveFailed = -10302,
  ChatVoiceMessageSendFailed = -10303,
  ChatVoiceMessageReceiveFailed = -10304,
  ChatVoiceRecordFailed = -10305,
  ChatLogNotFound = -10306,
  ChatAttachmentUploading = -10332,
  ChatAttachmentSenderSending = -10333,
  ChatAttachmentSenderDestroy = -10334,
  UnknowError = -40000,
}

export enum AICallMessageType {
  None = 0,
  AgentErrorOccurs = 1000,
  AgentStateChanged = 1001,
  AgentSubtitleNotify = 1002,
  UserSubtitleNotify = 1003,
  VoiceInterruptChanged = 1004,
  VoiceIdChanged = 1005,
  RTCTokenResponsed = 1006,
  PushToTalkChanged = 1007,
  VoiceprintUsingChanged = 1008,
  VoiceprintClearSucceed = 1009,
  AgentWillLeave = 1010,
  CustomMessageReceived = 1011,
  HumanTakeoverWillStart = 1012,
  HumanTakeoverConnected = 1013,
  AgentEmotionNotify = 1014,
  VisionCustomCaptureChanged = 1015,
  SpeakingInterruptedReason = 1016,
  LLMReplyCompleted = 1017,
  VcrResultReceived = 1018,
  StopAgent = 1100,
  InterruptSpeaking = 1101,
  EnableVoiceInterrupt = 1102,
  SwitchVoiceId = 1103,
  RequestRTCToken = 1104,
  EnablePushToTalk = 1105,
  StartPushToTalk = 1106,
  FinishPushToTalk = 1107,
  CancelPushToTalk = 1108,
  UseVoiceprint = 1109,
  ClearVoiceprint = 1110,
  SendTextToAgent = 1111,
  SendCustomMessageToServer = 1112,
  StartVisionCustomCapture = 1113,
  StopVisionCustomCapture = 1114,
  UpdateLlmSystemPrompt = 1115,
  UpdateVcrConfig = 1116,
  UpdateBailianAppParams = 1117,
  UpdateAsrMaxSilence = 1118,
  QueryAgentState = 1119,
  UpdateTtsSpeechRate = 1120,
}
