import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { MAX_TOKEN_LENGTH, TokenClock, decodeToken } from "../src/token";

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

function clock(): { watch: (ms: number) => void; stop: () => void; told: string[] } {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_800_000_000_000 });
  const told: string[] = [];
  const clock = new TokenClock({ onWillExpire: () => told.push("will expire"), onExpired: () => told.push("expired") });
  return { watch: (ms) => clock.watch(ms), stop: () => clock.stop(), told };
}

test("a token's end is announced 30 s before, then told, each once", () => {
  const { watch, told } = clock();
  watch(3_600_000);
  mock.timers.tick(3_569_999);
  assert.deepEqual(told, []);
  mock.timers.tick(1);
  assert.deepEqual(told, ["will expire"]);
  mock.timers.tick(29_999);
  assert.deepEqual(told, ["will expire"]);
  mock.timers.tick(100_000);
  assert.deepEqual(told, ["will expire", "expired"]);
});

test("a new token takes the old one's place, and a stopped clock tells nothing", () => {
  const { watch, stop, told } = clock();
  watch(60_000);
  mock.timers.tick(10_000);
  watch(3_600_000);
  mock.timers.tick(3_000_000);
  stop();
  mock.timers.tick(3_600_000);
  assert.deepEqual(told, []);
});

test("a token that is over is expired without being announced, and one of years waits", () => {
  const over = clock();
  over.watch(-1);
  mock.timers.tick(0);
  mock.timers.tick(0);
  assert.deepEqual(over.told, ["expired"]);
  const long = clock();
  const days = 24 * 3600 * 1000;
  long.watch(400 * days);
  for (let day = 0; day < 399; day++) mock.timers.tick(days);
  assert.deepEqual(long.told, []);
  for (let second = 0; second < 24 * 3600; second++) mock.timers.tick(1000);
  assert.deepEqual(long.told, ["will expire", "expired"]);
});
