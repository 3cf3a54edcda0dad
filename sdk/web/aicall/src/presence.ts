// Whose voice and picture the agent's are (its avatar has its own place in the channel), and when the call begins with them.

import type { RtcClient, View } from "../../core/src";

export class AgentPresence {
  private view: View | undefined;
  private begun = false;
  private ready = false;
  /** A human who speaks through the agent's voice is not heard directly. */
  private silenced: string | undefined;

  constructor(
    private readonly rtc: RtcClient,
    private readonly hasPicture: boolean,
    private readonly agentUserId: () => string | undefined,
    /** The call begins, or its voice has come anew. */
    private readonly onVoice: (userId: string, element: HTMLAudioElement | undefined) => void,
  ) {}

  /** Another call. */
  reset(): void {
    this.begun = false;
    this.ready = false;
    this.silenced = undefined;
  }

  show(view: View | undefined): void {
    this.view = view;
    this.arrange();
  }

  /** Members came, or changed. */
  arrange(): void {
    const { avatarUserId } = this;
    if (avatarUserId !== undefined) this.rtc.setRemoteView(avatarUserId, this.view);
    if (this.silenced !== undefined) this.rtc.muteRemoteAudio(true, this.silenced);
  }

  silence(userId: string): void {
    this.silenced = userId;
    this.arrange();
  }

  audioSubscribed(userId: string): void {
    const known = !this.hasPicture || this.ready || this.avatarUserId !== undefined;
    if (known && userId === this.voiceUserId) this.begin(userId);
  }

  /** The data channel is there, and with it all that is to be known of members. */
  channelReady(): void {
    this.ready = true;
    this.arrange();
    const { voiceUserId } = this;
    if (!this.begun && voiceUserId !== undefined && this.rtc.member(voiceUserId)?.audioElement) this.begin(voiceUserId);
  }

  /** Who shows a picture: the avatar; the agent if there is none, which is certain when the data channel is there. */
  private get avatarUserId(): string | undefined {
    if (!this.hasPicture) return undefined;
    return this.rtc.members.find((member) => member.role === "avatar" || (this.ready && member.videoTrack))?.userId;
  }

  private get voiceUserId(): string | undefined {
    return this.avatarUserId ?? this.agentUserId();
  }

  private begin(userId: string): void {
    this.begun = true;
    this.onVoice(userId, this.rtc.member(userId)?.audioElement ?? undefined);
  }
}
