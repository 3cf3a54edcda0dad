// The others in the channel with what is heard and seen of them: joins the roster, the tracks and their playback.

import type { DeviceKind } from "./devices";
import type { Playback } from "./playback";
import { Roster, type Member, type MemberNotice } from "./roster";

export interface RemoteMember extends Member {
  readonly audioTrack: MediaStreamTrack | null;
  readonly videoTrack: MediaStreamTrack | null;
  /** Plays the member's voice; there once it has been subscribed. */
  readonly audioElement: HTMLAudioElement | null;
}

export interface RemoteHandlers {
  onOnline(member: RemoteMember): void;
  onOffline(member: Member): void;
  /** Its role, or its tracks. */
  onChanged(member: RemoteMember): void;
  /** The member's voice flows: once for each track. */
  onAudioSubscribed(userId: string, element: HTMLAudioElement): void;
}

interface Remote {
  track: MediaStreamTrack;
  streamId: string;
  owner: string;
  subscribed: boolean;
}

export class RemoteMembers {
  private readonly roster = new Roster();
  private remotes: Remote[] = [];
  private connected = false;

  constructor(
    private readonly playback: Playback,
    private readonly handlers: RemoteHandlers,
  ) {}

  all(): RemoteMember[] {
    return this.roster.all().map((member) => this.describe(member));
  }

  get(userId: string): RemoteMember | null {
    const member = this.roster.get(userId);
    return member ? this.describe(member) : null;
  }

  /** The join's answer names the agent. */
  begin(agentUserId: string): void {
    const change = this.roster.begin(agentUserId);
    const member = this.get(agentUserId);
    if (change && member) this.handlers.onOnline(member);
    this.assign();
  }

  apply(notice: MemberNotice): void {
    const before = this.roster.get(notice.userId);
    const change = this.roster.apply(notice);
    if (!change) return;
    if (change === "offline") {
      this.playback.stopAudio(notice.userId);
      this.playback.setVideo(notice.userId, null);
      if (before) this.handlers.onOffline(before);
    }
    const member = this.get(notice.userId);
    if (member) change === "online" ? this.handlers.onOnline(member) : this.handlers.onChanged(member);
    this.assign();
  }

  addTrack(track: MediaStreamTrack, streamId: string): void {
    const remote: Remote = { track, streamId, owner: "", subscribed: false };
    this.remotes.push(remote);
    track.addEventListener("unmute", () => this.subscribe(remote));
    this.assign();
  }

  /** Whether media can flow on the present connection. */
  setConnected(connected: boolean): void {
    this.connected = connected;
    if (connected) for (const remote of this.remotes) this.subscribe(remote);
  }

  /** A new connection brings new tracks. */
  dropTracks(): void {
    this.remotes = [];
    this.connected = false;
  }

  /** Everybody is gone: the channel was left. */
  reset(): void {
    this.dropTracks();
    this.roster.reset();
    this.playback.stop();
  }

  /** The id of a remote track's owner. */
  ownerOfTrack(trackId: string): string | null {
    return this.remotes.find(({ track }) => track.id === trackId)?.owner ?? null;
  }

  /** Gives each track to whom it belongs by what is known now. */
  private assign(): void {
    const moved = new Set<string>();
    for (const remote of this.remotes) {
      const kind = remote.track.kind as DeviceKind;
      const owner = this.roster.ownerOf(kind, remote.streamId);
      if (owner === remote.owner || owner === "") continue;
      if (remote.owner !== "") {
        if (kind === "audio") this.playback.stopAudio(remote.owner);
        else this.playback.setVideo(remote.owner, null);
        moved.add(remote.owner);
      }
      remote.owner = owner;
      remote.subscribed = false;
      moved.add(owner);
      if (kind === "video") this.playback.setVideo(owner, remote.track);
    }
    for (const userId of moved) {
      const member = this.get(userId);
      if (member) this.handlers.onChanged(member);
    }
    for (const remote of this.remotes) this.subscribe(remote);
  }

  private subscribe(remote: Remote): void {
    const { track, owner } = remote;
    if (track.kind !== "audio" || remote.subscribed || owner === "" || !this.connected || track.muted) return;
    // A track of a connection that is gone says nothing.
    if (!this.remotes.includes(remote)) return;
    remote.subscribed = true;
    this.handlers.onAudioSubscribed(owner, this.playback.playAudio(owner, track));
  }

  private describe(member: Member): RemoteMember {
    const track = (kind: DeviceKind) => this.remotes.find((remote) => remote.owner === member.userId && remote.track.kind === kind)?.track ?? null;
    return {
      ...member,
      audioTrack: track("audio"),
      videoTrack: track("video"),
      audioElement: this.playback.audioElement(member.userId),
    };
  }
}
