// What travels through the interface: messages, plugins, members.

import { AliRtcDataMsgType } from "./constants";

/** A message of the data channel. */
export class AliRtcDataChannelMsg {
  constructor(
    /** UTF-8 JSON. */
    public data: ArrayBuffer,
    public type: AliRtcDataMsgType = AliRtcDataMsgType.AliEngineDataMsgNone,
    public networkTime = 0,
    public futureOrProgress = 0,
  ) {}
}

/**
 * The picture that the vendor's transport needs for its side channel. Ringline's needs none: that it is enabled says that
 * the call has no camera.
 */
export class AliRtcImageHolderPlugin {
  constructor(
    readonly url: string,
    readonly fps = 1,
  ) {}
}

/** Somebody else in the channel. */
export interface AliRtcRemoteUserInfo {
  userId: string;
  displayName: string;
  hasAudio: boolean;
  hasCamera: boolean;
  hasVideoTrack: boolean;
  isAudioSubscribing: boolean;
  /** Plays the member's voice, once it has been subscribed. */
  audioElement: HTMLAudioElement | undefined;
}
