// Who is in the channel besides us, and whose each remote track is. A value: notices go in, changes come out.
//
// Everything comes over one peer connection, so a track's owner is only a name for it: the member whose id the server
// gave the stream; otherwise the avatar, when there is one that has that kind of track; otherwise the agent.

import { flagOf, textOf, type Json } from "./json";

export type Role = "agent" | "avatar" | "human" | "user";

export interface Member {
  readonly userId: string;
  readonly role: Role;
  readonly audio: boolean;
  readonly video: boolean;
}

export interface MemberNotice extends Member {
  readonly online: boolean;
}

/** More members than this are not kept; a channel has two or three. */
const MAX_MEMBERS = 32;

/** Message 9003, or null if it names nobody. */
export function readMemberNotice(data: Json | null): MemberNotice | null {
  const userId = textOf(data?.["userId"]);
  if (!data || userId === "") return null;
  const role = textOf(data["role"]);
  return {
    userId,
    online: flagOf(data["online"], true),
    audio: flagOf(data["audio"], false),
    video: flagOf(data["video"], false),
    role: role === "agent" || role === "avatar" || role === "human" ? role : "user",
  };
}

export class Roster {
  private readonly members = new Map<string, Member>();
  private agentUserId = "";

  /** Forgets everybody: a new channel. */
  reset(): void {
    this.members.clear();
    this.agentUserId = "";
  }

  /** The join's answer names the agent. */
  begin(agentUserId: string): "online" | null {
    this.agentUserId = agentUserId;
    if (this.members.has(agentUserId)) return null;
    this.members.set(agentUserId, { userId: agentUserId, role: "agent", audio: true, video: false });
    return "online";
  }

  /** What the notice changes, if anything. */
  apply({ online, ...member }: MemberNotice): "online" | "offline" | "changed" | null {
    const before = this.members.get(member.userId);
    if (!online) return this.members.delete(member.userId) ? "offline" : null;
    if (!before && this.members.size >= MAX_MEMBERS) return null;
    this.members.set(member.userId, member);
    if (!before) return "online";
    return before.role !== member.role || before.audio !== member.audio || before.video !== member.video ? "changed" : null;
  }

  get(userId: string): Member | undefined {
    return this.members.get(userId);
  }

  /** The avatar first, if there is one: whoever looks for the first member with a picture finds it. */
  all(): Member[] {
    return [...this.members.values()].sort((a, b) => Number(b.role === "avatar") - Number(a.role === "avatar"));
  }

  ownerOf(kind: "audio" | "video", streamId: string): string {
    if (this.members.has(streamId)) return streamId;
    const avatar = [...this.members.values()].find((member) => member.role === "avatar" && member[kind]);
    return avatar?.userId ?? this.agentUserId;
  }
}
