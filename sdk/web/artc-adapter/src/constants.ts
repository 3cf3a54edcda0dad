// The numbers of the interface (names and values are the vendor's: they are what applications were written with).

export enum AliRtcSdkClientRole {
  AliRtcSdkInteractive = "interactive",
  AliRtcSdkLive = "live",
}

export enum AliRtcCapabilityProfile {
  Default = 0,
  Human = 1,
  Robot = 2,
}

export enum AliRtcAudioTrack {
  AliRtcAudioTrackNo = 0,
  AliRtcAudioTrackMic = 1,
}

export enum AliRtcVideoTrack {
  AliRtcVideoTrackNo = 0,
  AliRtcVideoTrackCamera = 1,
  AliRtcVideoTrackScreen = 2,
  AliRtcVideoTrackBoth = 3,
}

export enum AliRtcSubscribeState {
  AliRtcStateSubscribeIdle = 0,
  AliRtcStateNoSubscribe = 1,
  AliRtcStateSubscribing = 2,
  AliRtcStateSubscribed = 3,
  AliRtcStateReconnecting = 4,
}

export enum AliRtcConnectionStatus {
  AliRtcConnectionStatusInit = 0,
  AliRtcConnectionStatusDisconnected = 1,
  AliRtcConnectionStatusConnecting = 2,
  AliRtcConnectionStatusConnected = 3,
  AliRtcConnectionStatusReconnecting = 4,
  AliRtcConnectionStatusFailed = 5,
}

export enum AliRtcConnectionStatusChangeReason {
  AliRtcConnectionChangedDummyReason = 0,
  AliRtcConnectionMediaPathChanged = 1,
  AliRtcConnectionSignalingHeartbeatTimeout = 2,
  AliRtcConnectionSignalingHeartbeatAlive = 3,
  AliRtcConnectionSignalingHttpDnsResolved = 4,
  AliRtcConnectionSignalingHttpDnsFailure = 5,
  AliRtcConnectionSignalingGslbFailure = 6,
  AliRtcConnectionSignalingGslbSuccess = 7,
  AliRtcConnectionSignalingJoinRoomFailure = 8,
  AliRtcConnectionSignalingJoinRoomSuccess = 9,
  AliRtcConnectionSignalingLeaveRoom = 10,
  AliRtcConnectionSignalingConnecting = 11,
  AliRtcConnectionChangedNetworkInterrupted = 12,
}

export enum AliRtcEngineLocalDeviceType {
  AliEngineLocalDeviceTypeUnknown = 0,
  AliEngineLocalDeviceTypeMic = 1,
  AliEngineLocalDeviceTypeCamera = 4,
}

export enum AliRtcEngineLocalDeviceExceptionType {
  AliEngineLocalDeviceExceptionTypeUnknown = 0,
  AliEngineLocalDeviceExceptionTypeMicInterrupt = 2,
  AliEngineLocalDeviceExceptionTypeCameraInterrupt = 10,
}

export enum AliRtcDataMsgType {
  AliEngineDataMsgNone = 0,
  AliEngineDataMsgMusicProgress = 1,
  AliEngineDataMsgCustom = 2,
}
