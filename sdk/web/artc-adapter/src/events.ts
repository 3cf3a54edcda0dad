// The events of the interface.

import type {
  AliRtcAudioTrack,
  AliRtcConnectionStatus,
  AliRtcConnectionStatusChangeReason,
  AliRtcEngineLocalDeviceExceptionType,
  AliRtcEngineLocalDeviceType,
  AliRtcSubscribeState,
  AliRtcVideoTrack,
} from "./constants";
import type { AliRtcDataChannelMsg } from "./values";

export interface AliRtcEvents {
  connectionStatusChange: (status: AliRtcConnectionStatus, reason: AliRtcConnectionStatusChangeReason) => void;
  /** 1 put out by the server, 2 the channel ended, 3 the same user joined elsewhere. */
  bye: (code: number) => void;
  authInfoWillExpire: () => void;
  authInfoExpired: () => void;
  /** `result` is JSON: `{"requestId","code","data"}`; `code` "200" is success. */
  AIAgentResult: (code: number, action: string, result: string) => void;
  remoteUserOnLineNotify: (uid: string, elapsed: number) => void;
  remoteUserOffLineNotify: (uid: string, reason: number) => void;
  remoteTrackAvailableNotify: (uid: string, audioTrack: AliRtcAudioTrack, videoTrack: AliRtcVideoTrack) => void;
  audioSubscribeStateChanged: (uid: string, oldState: AliRtcSubscribeState, newState: AliRtcSubscribeState, elapsed: number, channel: string) => void;
  /** Messages can be sent to this member; after the join has resolved. */
  remoteUserSubscribedDataChannel: (uid: string) => void;
  dataChannelMsg: (uid: string, message: AliRtcDataChannelMsg) => void;
  /** Every 200 ms, 0 to 100; `userId` is "" for the local user. */
  audioVolume: (speakers: { userId: string; volume: number }[]) => void;
  /** Latency as JSON, with payload type 99. */
  mediaExtensionMsgReceived: (uid: string, message: ArrayBuffer, payloadType: number) => void;
  localDeviceException: (type: AliRtcEngineLocalDeviceType, exception: AliRtcEngineLocalDeviceExceptionType, description: string) => void;
  remoteAudioAutoPlayFail: (uid: string) => void;
  remoteVideoAutoPlayFail: (uid: string) => void;
  onOccurError: (error: Error) => void;
}

export type Emit = <K extends keyof AliRtcEvents>(event: K, ...args: Parameters<AliRtcEvents[K]>) => void;
