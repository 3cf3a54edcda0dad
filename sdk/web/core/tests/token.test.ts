import assert from "node:assert/strict";
import { test } from "node:test";
import { MAX_TOKEN_LENGTH, decodeToken } from "../src/token";

const envelope = {
  appid: "app",
  channelid: "channel-ü",
  userid: "web-1",
  nonce: "",
  timestamp: 1_900_000_000,
  token: "00ff",
  rtcurl: "http://127.0.0.1:8080/rtc/v1/calls",
};

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value), "utf8").toString("base64");
}

test("a token tells where to connect and who we are", () => {
  const raw = encode({ ...envelope, gslb: ["x"] });
  assert.deepEqual(decodeToken(raw), {
    raw,
    appId: "app",
    channelId: "channel-ü",
    userId: "web-1",
    expires: 1_900_000_000,
    rtcUrl: "http://127.0.0.1:8080/rtc/v1/calls",
  });
});

test("a token without a signaling URL is refused by name", () => {
  const { rtcurl: _, ...rest } = envelope;
  assert.throws(() => decodeToken(encode(rest)), /no rtcurl/);
});

test("a token that leads elsewhere than to a web address is refused", () => {
  assert.throws(() => decodeToken(encode({ ...envelope, rtcurl: "javascript:alert(1)" })), /not a web address/);
  assert.throws(() => decodeToken(encode({ ...envelope, rtcurl: "/rtc" })), /not a URL/);
});

test("what is not base64 of a JSON object is refused in one way", () => {
  for (const raw of ["", "***", encode([1]), encode("text"), Buffer.from("{").toString("base64"), "/////w=="]) {
    assert.throws(() => decodeToken(raw), /not base64 of a JSON object/);
  }
});

test("an endless token is not even decoded", () => {
  assert.throws(() => decodeToken("A".repeat(MAX_TOKEN_LENGTH + 1)), /too long/);
});
