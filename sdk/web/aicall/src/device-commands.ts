// What an app does to its own side of a call: microphone, camera, preview, and push-to-talk, of which the server is told.

import type { RtcClient, View } from "../../core/src";
import { AgentCommands } from "./commands";
import type { CallDevices } from "./devices";
import { AICallMessageType } from "./enums";
import { PushToTalk } from "./push-to-talk";
import type { AICallEngineConfig } from "./types";

export abstract class DeviceCommands extends AgentCommands {
  protected config: AICallEngineConfig = {};
  /** From `init` to `destroy`, as the devices. */
  protected rtc: RtcClient | undefined;
  protected devices: CallDevices | undefined;
  protected readonly pushToTalk = new PushToTalk();

  /** Where the camera's picture is shown; without an argument nowhere. */
  setLocalView(view?: View): void {
    this.config = { ...this.config, previewElement: view };
    this.devices?.setPreview(view);
  }

  /** @deprecated Use setLocalView. */
  startPreview(view: View): void {
    this.setLocalView(view);
  }

  /** @deprecated Use setLocalView. */
  stopPreview(): void {
    this.setLocalView();
  }

  async mute(mute: boolean): Promise<void> {
    if (!this.connected) return;
    this.pushToTalk.muted = mute;
    await this.devices?.apply();
  }

  async switchMicrophone(deviceId: string): Promise<void> {
    if (this.connected) await this.rtc?.switchMicrophone(deviceId);
  }

  /** On this side only. */
  async muteAgentAudioPlaying(mute: boolean): Promise<boolean> {
    if (!this.connected || !this.rtc) return false;
    this.rtc.muteRemoteAudio(mute);
    return true;
  }

  async muteLocalCamera(mute: boolean): Promise<boolean> {
    if (!this.connected && !this.hasLocalVideo) return false;
    this.config = { ...this.config, muteCamera: mute };
    await this.devices?.muteCamera(mute);
    return true;
  }

  /** Another camera; without an id the next one. */
  async switchCamera(deviceId?: string): Promise<boolean> {
    if (!this.connected && !this.hasLocalVideo) return false;
    await this.devices?.switchCamera(deviceId);
    return true;
  }

  /** False if that is the mode already, or the server can't be told. */
  enablePushToTalk(enable: boolean): boolean {
    if (this.pushToTalk.enabled === enable) return false;
    if (!this.rtc) {
      this.config = { ...this.config, enablePushToTalk: enable };
      this.pushToTalk.begin(enable);
      return true;
    }
    if (!this.send(AICallMessageType.EnablePushToTalk, { enable })) return false;
    this.pushToTalk.set(enable);
    void this.devices?.apply();
    return true;
  }

  startPushToTalk(): boolean {
    if (!this.connected || !this.pushToTalk.press()) return false;
    void this.devices?.apply();
    this.send(AICallMessageType.StartPushToTalk);
    return true;
  }

  finishPushToTalk(): boolean {
    return this.releasePushToTalk(AICallMessageType.FinishPushToTalk);
  }

  /** What was said is dropped. */
  cancelPushToTalk(): boolean {
    return this.releasePushToTalk(AICallMessageType.CancelPushToTalk);
  }

  private releasePushToTalk(type: AICallMessageType.FinishPushToTalk | AICallMessageType.CancelPushToTalk): boolean {
    if (!this.pushToTalk.release()) return false;
    void this.devices?.apply();
    this.send(type);
    return true;
  }
}
