// What the official AICallKit package imports from its RTC dependency. The numbers are also statics of the class, where its
// UMD build reads them.

import * as constants from "./constants";
import { AliRtcEngine as Engine } from "./engine";
import { AliRtcDataChannelMsg, AliRtcImageHolderPlugin } from "./values";

/** The engine with the interface's numbers and values. */
export const AliRtcEngine = Object.assign(Engine, { ...constants, AliRtcDataChannelMsg, AliRtcImageHolderPlugin });
export type AliRtcEngine = Engine;
export default AliRtcEngine;

export {
  AliRtcAudioTrack,
  AliRtcCapabilityProfile,
  AliRtcConnectionStatus,
  AliRtcConnectionStatusChangeReason,
  AliRtcDataMsgType,
  AliRtcEngineLocalDeviceExceptionType,
  AliRtcEngineLocalDeviceType,
  AliRtcSdkClientRole,
  AliRtcSubscribeState,
  AliRtcVideoTrack,
} from "./constants";
export { AliRtcDataChannelMsg, AliRtcImageHolderPlugin } from "./values";
export type { AliRtcRemoteUserInfo } from "./values";
export type { AliRtcEvents } from "./events";
export type { AliRtcAIAgentParam, AliRtcCameraConfiguration, AliRtcChannelParam, AliRtcCheckResult, AliRtcView } from "./engine";

// Applications of the official package are compiled against these.
declare global {
  interface Window {
    webkitAudioContext: any;
    WeixinJSBridge: any;
  }
}
