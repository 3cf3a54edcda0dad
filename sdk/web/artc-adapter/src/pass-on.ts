// The core's events and members in the interface's terms.

import type { RemoteMember, RtcClient } from "../../core/src";
import {
  AliRtcAudioTrack,
  AliRtcDataMsgType,
  AliRtcEngineLocalDeviceExceptionType as LostBy,
  AliRtcEngineLocalDeviceType as Device,
  AliRtcSubscribeState as Subscribed,
  AliRtcVideoTrack,
} from "./constants";
import type { Emit } from "./events";
import { AliRtcDataChannelMsg, type AliRtcRemoteUserInfo } from "./values";

/** The payload type that latency reports come with. */
const LATENCY_PAYLOAD_TYPE = 99;

/** Passes a client's events on. `volumes`: whether anybody wants them. */
export function passOn(client: RtcClient, emit: Emit, volumes: () => boolean): void {
  const tracks = ({ userId, audio, video }: RemoteMember) =>
    emit(
      "remoteTrackAvailableNotify",
      userId,
      audio ? AliRtcAudioTrack.AliRtcAudioTrackMic : AliRtcAudioTrack.AliRtcAudioTrackNo,
      video ? AliRtcVideoTrack.AliRtcVideoTrackCamera : AliRtcVideoTrack.AliRtcVideoTrackNo,
    );
  // The core's numbers are the interface's.
  client.on("statusChanged", (status, reason) => emit("connectionStatusChange", status as number, reason as number));
  client.on("bye", (reason) => emit("bye", reason));
  client.on("tokenWillExpire", () => emit("authInfoWillExpire"));
  client.on("tokenExpired", () => emit("authInfoExpired"));
  client.on("memberOnline", (member) => {
    emit("remoteUserOnLineNotify", member.userId, 0);
    tracks(member);
  });
  client.on("memberChanged", tracks);
  client.on("memberOffline", ({ userId }) => emit("remoteUserOffLineNotify", userId, 0));
  client.on("audioSubscribed", (userId) => {
    const [before, after] = [Subscribed.AliRtcStateSubscribing, Subscribed.AliRtcStateSubscribed];
    emit("audioSubscribeStateChanged", userId, before, after, 0, client.channelId);
  });
  client.on("channelReady", (agentUserId) => emit("remoteUserSubscribedDataChannel", agentUserId));
  client.on("message", (senderId, text) => {
    emit("dataChannelMsg", senderId, new AliRtcDataChannelMsg(utf8(text), AliRtcDataMsgType.AliEngineDataMsgCustom));
  });
  client.on("latency", (groups) => {
    emit("mediaExtensionMsgReceived", client.agentUserId, utf8(JSON.stringify(groups)), LATENCY_PAYLOAD_TYPE);
  });
  client.on("volumes", (speakers) => {
    if (volumes()) emit("audioVolume", speakers);
  });
  client.on("deviceLost", (kind) => {
    if (kind === "audio") emit("localDeviceException", Device.AliEngineLocalDeviceTypeMic, LostBy.AliEngineLocalDeviceExceptionTypeMicInterrupt, "the microphone is gone");
    else emit("localDeviceException", Device.AliEngineLocalDeviceTypeCamera, LostBy.AliEngineLocalDeviceExceptionTypeCameraInterrupt, "the camera is gone");
  });
  client.on("playbackBlocked", (kind, userId) => emit(kind === "audio" ? "remoteAudioAutoPlayFail" : "remoteVideoAutoPlayFail", userId));
}

function utf8(text: string): ArrayBuffer {
  return new TextEncoder().encode(text).buffer as ArrayBuffer;
}

export function describeMember(member: RemoteMember): AliRtcRemoteUserInfo {
  return {
    userId: member.userId,
    displayName: member.userId,
    hasAudio: member.audio,
    hasCamera: member.video,
    hasVideoTrack: member.video,
    isAudioSubscribing: member.audioElement !== null,
    audioElement: member.audioElement ?? undefined,
  };
}
