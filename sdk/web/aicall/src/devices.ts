// A call's microphone, camera and preview: what the configuration, the user's mutes and push-to-talk make of them, and
// getting a lost one back.

import { SPEECH_CONSTRAINTS, listDevices, type CameraOptions, type DeviceKind, type RtcClient, type View } from "../../core/src";
import type { PushToTalk } from "./push-to-talk";
import type { AICallEngineConfig } from "./types";

export class CallDevices {
  private preview: View | undefined;
  private cameraMuted: boolean;
  private closed = false;
  private readonly lost = new Set<DeviceKind>();

  constructor(
    private readonly rtc: RtcClient,
    private readonly config: AICallEngineConfig,
    private readonly pushToTalk: PushToTalk,
    private readonly hasCamera: boolean,
  ) {
    this.preview = config.previewElement;
    this.cameraMuted = config.muteCamera ?? false;
    pushToTalk.muted = config.muteMicrophone ?? false;
    pushToTalk.pushVideoOnRelease = config.pushToTalkConfig?.pushVideoOnRelease ?? false;
    const { useSysEchoCancellation, useSysNoiseSuppression, useSysAutoGainControl } = config.rtcEngineConfig ?? {};
    rtc.setAudioConstraints({
      ...SPEECH_CONSTRAINTS,
      echoCancellation: useSysEchoCancellation ?? true,
      noiseSuppression: useSysNoiseSuppression ?? true,
      autoGainControl: useSysAutoGainControl ?? true,
    });
    rtc.setCameraOptions(cameraOptions(config));
  }

  /** Opens what the call needs. Throws the core's DeviceError. */
  async open(): Promise<void> {
    await this.apply();
    await this.rtc.startMicrophone();
    if (this.hasCamera && !this.cameraMuted) await this.openCamera();
  }

  /** Makes microphone and camera what they should be now. */
  async apply(): Promise<void> {
    const { microphone, camera } = this.pushToTalk.opening;
    this.rtc.publishVideo(camera);
    this.rtc.muteMicrophone(!microphone);
    if (!this.pushToTalk.enabled || !this.config.pushToTalkConfig?.closeMicrophoneOnRelease) return;
    if (!microphone) this.rtc.sendSilence();
    else if (!this.rtc.audioTrack) await this.rtc.startMicrophone();
  }

  async muteCamera(mute: boolean): Promise<void> {
    this.cameraMuted = mute;
    if (!this.hasCamera) return;
    if (!mute) return this.openCamera();
    this.rtc.setLocalView(null);
    this.rtc.stopCamera();
  }

  setPreview(view: View | undefined): void {
    this.preview = view;
    if (!this.cameraMuted) this.rtc.setLocalView(view);
  }

  /** Without an id the one after the present. */
  async switchCamera(deviceId: string | undefined): Promise<void> {
    const next = deviceId ?? (await this.nextCamera());
    if (next !== undefined) await this.rtc.switchCamera(next);
  }

  /** A device went away: takes what there is instead, now or when one is plugged in. */
  async recover(kind: DeviceKind): Promise<void> {
    if (this.closed) return;
    try {
      if (kind === "audio") await this.rtc.startMicrophone();
      else await this.openCamera();
      this.lost.delete(kind);
    } catch (error) {
      console.warn(`Ringline: the ${kind === "audio" ? "microphone" : "camera"} is lost; waiting for one.`, error);
      if (this.lost.size === 0) navigator.mediaDevices?.addEventListener("devicechange", this.onDeviceChange);
      this.lost.add(kind);
    }
  }

  close(): void {
    this.closed = true;
    globalThis.navigator?.mediaDevices?.removeEventListener("devicechange", this.onDeviceChange);
  }

  private readonly onDeviceChange = () => {
    navigator.mediaDevices.removeEventListener("devicechange", this.onDeviceChange);
    const lost = [...this.lost];
    this.lost.clear();
    for (const kind of lost) void this.recover(kind);
  };

  private async openCamera(): Promise<void> {
    await this.rtc.startCamera(this.config.customCameraTrack);
    if (!this.cameraMuted) this.rtc.setLocalView(this.preview);
  }

  private async nextCamera(): Promise<string | undefined> {
    const cameras = await listDevices("video");
    const present = this.rtc.videoTrack?.getSettings().deviceId;
    const at = cameras.findIndex(({ deviceId }) => deviceId === present);
    return cameras[(at + 1) % cameras.length]?.deviceId;
  }
}

function cameraOptions({ cameraConfig, rtcEngineConfig }: AICallEngineConfig): CameraOptions {
  const { width, height, frameRate, bitrate, deviceId } = cameraConfig ?? {};
  return {
    ...(width ? { width } : {}),
    ...(height ? { height } : {}),
    ...(frameRate ? { frameRate } : {}),
    ...(bitrate ? { bitrate: bitrate * 1000 } : {}),
    ...(deviceId ? { deviceId } : {}),
    ...(rtcEngineConfig?.cameraContentHint ? { contentHint: rtcEngineConfig.cameraContentHint } : {}),
  };
}
