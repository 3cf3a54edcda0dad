import assert from "node:assert/strict";
import { test } from "node:test";
import { Roster, readMemberNotice, type MemberNotice } from "../src/roster";

const avatar: MemberNotice = { userId: "avatar", online: true, audio: true, video: true, role: "avatar" };
const human: MemberNotice = { userId: "human", online: true, audio: true, video: false, role: "human" };

function withAgent(): Roster {
  const roster = new Roster();
  assert.equal(roster.begin("agent"), "online");
  return roster;
}

test("who comes, changes and goes is told once", () => {
  const roster = withAgent();
  assert.equal(roster.begin("agent"), null);
  assert.equal(roster.apply(avatar), "online");
  assert.equal(roster.apply(avatar), null);
  assert.equal(roster.apply({ ...avatar, video: false }), "changed");
  assert.equal(roster.apply({ ...avatar, online: false }), "offline");
  assert.equal(roster.apply({ ...avatar, online: false }), null);
});

test("tracks are the agent's until an avatar has such a track", () => {
  const roster = withAgent();
  assert.deepEqual([roster.ownerOf("audio", "x"), roster.ownerOf("video", "x")], ["agent", "agent"]);
  roster.apply({ ...avatar, audio: false });
  assert.deepEqual([roster.ownerOf("audio", "x"), roster.ownerOf("video", "x")], ["agent", "avatar"]);
  roster.apply(avatar);
  assert.equal(roster.ownerOf("audio", "x"), "avatar");
});

test("a stream that has a member's id is that member's", () => {
  const roster = withAgent();
  roster.apply(avatar);
  roster.apply(human);
  assert.deepEqual([roster.ownerOf("audio", "human"), roster.ownerOf("audio", "agent")], ["human", "agent"]);
});

test("a human who took over has no track of their own: theirs comes in the agent's", () => {
  const roster = withAgent();
  roster.apply(human);
  assert.equal(roster.ownerOf("audio", "stream"), "agent");
});

test("the avatar is listed first, and a crowd is not kept", () => {
  const roster = withAgent();
  roster.apply(avatar);
  assert.deepEqual(roster.all().map(({ userId }) => userId), ["avatar", "agent"]);
  for (let i = 0; i < 100; i++) roster.apply({ ...human, userId: `human-${i}` });
  assert.equal(roster.all().length, 32);
});

test("a notice needs a name, and what it leaves out has a default", () => {
  assert.equal(readMemberNotice(null), null);
  assert.equal(readMemberNotice({ online: true }), null);
  assert.deepEqual(readMemberNotice({ userId: "u", role: "robot" }), { userId: "u", online: true, audio: false, video: false, role: "user" });
});
